//! The warning of a page that label sets of closed sets will make large, though none of them is there yet.

use monitor_core::__private as rt;
use monitor_core::names::Profile;
use monitor_core::{DEFAULT_BUCKETS, Monitor, StartUpWarning, StorageConfig, TIME_BOUNDS};

const HUNDRED: &[&str] = &["value"; 100];
const KEYS: &[rt::LabelKey] = &[
    rt::LabelKey::bounded("a", HUNDRED),
    rt::LabelKey::bounded("b", HUNDRED),
];

/// Two functions that count as one method have its label sets together.
const LABELLED: rt::SiteSettings = rt::SiteSettings {
    labels: KEYS,
    ..rt::SiteSettings::NONE
};
static ONE: rt::CallSite = rt::CallSite::new("Many", rt::file!(), rt::line!(), LABELLED);
rt::inventory::submit! { rt::SiteEntry(&ONE) }
static OTHER: rt::CallSite = rt::CallSite::new("Many", rt::file!(), rt::line!(), LABELLED);
rt::inventory::submit! { rt::SiteEntry(&OTHER) }
/// With bounds of its own, all new.
const MORE: rt::SiteSettings = rt::SiteSettings {
    bounds: Some(&[0.000_017, 0.000_019]),
    ..LABELLED
};
static BOUNDS: rt::CallSite = rt::CallSite::new("More", rt::file!(), rt::line!(), MORE);
rt::inventory::submit! { rt::SiteEntry(&BOUNDS) }
/// Label sets of unknown number.
const OPEN: rt::SiteSettings = rt::SiteSettings {
    labels: &[
        rt::LabelKey::bounded("a", HUNDRED),
        rt::LabelKey::capped("b", 1_000_000),
        rt::LabelKey::late("c"),
    ],
    ..rt::SiteSettings::NONE
};
static TEXT: rt::CallSite = rt::CallSite::new("Text", rt::file!(), rt::line!(), OPEN);
rt::inventory::submit! { rt::SiteEntry(&TEXT) }

fn many(preregister: bool, profile: Profile) -> Option<usize> {
    many_with(preregister, 0, profile)
}

fn many_with(preregister: bool, caller_pairs: usize, profile: Profile) -> Option<usize> {
    let mut config = StorageConfig::default();
    config.preregister = preregister;
    config.caller_pairs = caller_pairs;
    let warnings = Monitor::new(config).start_up_warnings(profile);
    warnings.iter().find_map(|warning| match warning {
        StartUpWarning::ManySeries { series } => Some(*series),
        _ => None,
    })
}

/// A method of 3 x 10 label sets, at most, and one of 5.
const FEW: rt::SiteSettings = rt::SiteSettings {
    labels: &[
        rt::LabelKey::bounded("tier", &["free", "paid", "trial"]),
        rt::LabelKey::capped("tenant", 10),
    ],
    ..rt::SiteSettings::NONE
};
static CHARGE: rt::CallSite = rt::CallSite::new("Charge", rt::file!(), rt::line!(), FEW);
rt::inventory::submit! { rt::SiteEntry(&CHARGE) }
const FIVE: rt::SiteSettings = rt::SiteSettings {
    labels: &[rt::LabelKey::capped("tenant", 5)],
    ..rt::SiteSettings::NONE
};
static LOOK: rt::CallSite = rt::CallSite::new("Look", rt::file!(), rt::line!(), FIVE);
rt::inventory::submit! { rt::SiteEntry(&LOOK) }

#[test]
fn a_method_with_many_label_sets_is_named_with_how_many_there_can_be() {
    let mut config = StorageConfig::default();
    config.preregister = true;
    config.max_series = 50;
    let monitor = Monitor::new(config);
    let types = monitor.snapshot().error_types.len();
    let each = 1 + 1 + types + 2 + 2 * (DEFAULT_BUCKETS.len() + 3);
    let warnings = monitor.start_up_warnings(Profile::Prometheus);
    let of = |name: &str| {
        warnings.iter().find_map(|warning| match warning {
            StartUpWarning::ManyLabelSets {
                method,
                label_sets,
                series,
            } if *method == name => Some((*label_sets, *series)),
            _ => None,
        })
    };
    assert_eq!(of("Charge"), Some((30, 30 * each)));
    assert_eq!(
        of("Text"),
        Some((50, 50 * each)),
        "as many as `max_series` lets in"
    );
    assert_eq!(of("Look"), None);
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let expected = format!(
        "the labels of the method `Charge` can make 30 label sets with {} series",
        30 * each
    );
    assert!(texts.contains(&expected), "{texts:?}");
}

#[test]
fn label_sets_too_many_to_make_ahead_are_counted_all_the_same() {
    let snapshot = Monitor::new(StorageConfig::default()).snapshot();
    let types = snapshot.error_types.len();
    let profile = Profile::Servicekit;
    // Requests, two outcomes, errors by type, two means, and a histogram with its bucket of infinity, sum and count.
    let each = 1 + 2 + types + 2 + TIME_BOUNDS.len() + 3;
    assert_eq!(many(true, profile), Some(100 * 100 * (each + each + 2)));
    // No method of the program is there.
    assert_eq!(many(false, profile), None);
    // Requests, in flight, errors by type, two means, and such a histogram for each of two outcomes.
    let each = 1 + 1 + types + 2 + 2 * (DEFAULT_BUCKETS.len() + 3);
    let all = 100 * 100 * (each + each + 2 * 2);
    assert_eq!(many(true, Profile::Prometheus), Some(all));
}

#[test]
fn callers_count_as_far_as_they_may_have_series() {
    let series = |callers| many_with(true, callers, Profile::Prometheus).expect("many");
    let without = series(0);
    // Each of five methods by each, and entry calls.
    assert_eq!(series(1000), without + 2 * 5 * 6);
    assert_eq!(series(10), without + 2 * (10 + 5));
    assert_eq!(series(usize::MAX), without + 2 * 5 * 6);
}
