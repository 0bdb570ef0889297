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
/// How many there are nobody knows before.
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
    let mut config = StorageConfig::default();
    config.preregister = preregister;
    let warnings = Monitor::new(config).start_up_warnings(profile);
    warnings.iter().find_map(|warning| match warning {
        StartUpWarning::ManySeries { series } => Some(*series),
        _ => None,
    })
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
