//! `method`, `crate`, `buckets`, duplicates, names from the start.

use monitor_core::exposition::{Format, encode_snapshot};
use monitor_core::names::Profile;
use monitor_core::testing::{self, Recorder, call};
use monitor_core::{Monitor, StartUpWarning, StorageConfig, monitored};

mod constants {
    pub(super) const NAME: &str = "named by a constant";

    pub(super) struct Holder;

    pub(super) trait Named {
        const TITLE: &'static str;
    }

    impl Named for Holder {
        const TITLE: &'static str = "named by a trait";
    }

    impl Holder {
        pub(super) const NAME: &'static str = "named by an associated constant";
    }
}

#[monitored(method = "Named, by \"text\" \u{e9}")]
fn by_text() {}

#[monitored(method = constants::NAME,)]
async fn by_constant() {}

#[expect(clippy::manual_async_fn, reason = "the shape is what is tested")]
#[monitored(method = constants::Holder::NAME)]
fn by_associated() -> impl Future<Output = u8> {
    async { 1 }
}

#[monitored(method = concat!("of ", "parts"))]
fn by_macro() {}

#[monitored(method = env!("CARGO_PKG_NAME"), health = (false))]
async fn by_environment() {}

#[monitored(method = stringify!(a + b))]
fn by_words() -> Result<(), String> {
    Err("no".to_owned())?;
    Ok(())
}

#[monitored(method = module_path!())]
fn by_module() {}

#[monitored(method = include_str!("name.txt"))]
fn by_file() {}

#[monitored(method = <constants::Holder as constants::Named>::TITLE)]
fn by_trait() {}

#[monitored(method = ("in parentheses"), task = ("in"), expected(("A")), buckets = [(0.1), 1])]
fn in_parentheses() {}

#[monitored(method = r"raw \d", task = r#"a "task""#)]
fn raw() {}

#[test]
fn a_method_is_named_by_what_a_macro_makes() {
    let (_, recorded) = testing::record(|| {
        by_macro();
        crate::drive::ready(by_environment());
        let _ = by_words();
        by_module();
        by_file();
        by_trait();
        in_parentheses();
        raw();
    });
    recorded.assert_includes([
        call("of parts").success(),
        call("monitor-tests").success(),
        call("a + b").failure("other"),
        call("monitored::names").success(),
        call("named by a file").success(),
        call("named by a trait").success(),
        call("in parentheses").success(),
        call("raw \\d").success(),
    ]);
}

#[monitored]
fn r#match() {}

#[test]
fn a_method_is_named_by_text_a_constant_or_the_function() {
    let (_, recorded) = testing::record(|| {
        by_text();
        crate::drive::ready(by_constant());
        crate::drive::ready(by_associated());
        r#match();
    });
    recorded.assert_exactly([
        call("Named, by \"text\" \u{e9}").success(),
        call("named by a constant").success(),
        call("named by an associated constant").success(),
        call("match").success(),
    ]);
}

mod facade {
    pub(super) use monitor_core as inner;
}

/// A user's own module of this name: the attribute must not look into it.
mod elsewhere {
    mod monitor_core {}

    #[super::facade::inner::monitored(crate = crate::names::facade::inner, labels(on = flag), call = handle)]
    pub(super) async fn through(flag: bool) -> Result<u8, String> {
        handle.observe("weight", 2.0);
        crate::drive::pause().await;
        Ok(1)
    }

    #[derive(super::facade::inner::MonitorLabel)]
    #[monitor(crate = crate::names::facade::inner)]
    pub(super) enum Side {
        Left,
    }

    #[derive(super::facade::inner::MonitorError)]
    #[monitor(crate = crate::names::facade::inner, fallback = "SIDE")]
    pub(super) enum SideError {
        Any,
    }

    #[super::facade::inner::monitored(labels(side = side), crate = super::facade::inner)]
    pub(super) fn through_relative(side: Side) -> Result<(), SideError> {
        let _ = side;
        Err(SideError::Any)
    }
}

#[test]
fn the_crate_may_be_found_through_a_re_export() {
    let probe = Recorder::builder().errors("ERROR", ["SIDE"]).build();
    probe.scope_sync(|| {
        assert_eq!(crate::drive::ready(elsewhere::through(true)), Ok(1));
        assert!(elsewhere::through_relative(elsewhere::Side::Left).is_err());
    });
    probe.recorded().assert_exactly([
        call("through").label("on", "true").success(),
        call("through").label("on", "true").observed("weight", [2]),
        call("through_relative")
            .label("side", "left")
            .failure("SIDE"),
    ]);
}

mod first_place {
    #[monitor_core::monitored(method = "two places")]
    pub(super) fn one() -> u32 {
        line!()
    }
}

mod second_place {
    #[monitor_core::monitored(method = "two places")]
    pub(super) async fn other() -> u32 {
        line!()
    }
}

#[test]
fn two_functions_of_one_name_are_one_method_and_reported_once_with_both_places() {
    let (lines, recorded) = testing::record(|| {
        [
            first_place::one(),
            crate::drive::ready(second_place::other()),
        ]
    });
    recorded.assert_exactly([call("two places").success().times(2)]);
    let warnings = Monitor::new(StorageConfig::default()).start_up_warnings(Profile::default());
    let shared: Vec<_> = warnings
        .iter()
        .filter_map(|warning| match warning {
            StartUpWarning::SharedMethod(shared) if shared.method == "two places" => Some(shared),
            _ => None,
        })
        .collect();
    assert_eq!(shared.len(), 1, "{warnings:?}");
    for (file, line) in [shared[0].first, shared[0].other] {
        assert!(file.ends_with("names.rs"), "{file}");
        // The attribute or the function's head: within three lines above the body.
        assert!(
            lines.iter().any(|body| (body - 3..=*body).contains(&line)),
            "{line} is none of {lines:?}"
        );
    }
    assert_ne!(shared[0].first.1, shared[0].other.1);
    let text = warnings
        .iter()
        .map(ToString::to_string)
        .find(|text| text.contains("two places"));
    assert_eq!(text.map(|text| text.matches("names.rs:").count()), Some(2));
}

#[monitored]
fn one_of_many<const N: usize, T: Default>() -> (usize, T) {
    (N, T::default())
}

#[test]
fn one_generic_function_is_one_method_and_no_duplicate() {
    let (_, recorded) = testing::record(|| (one_of_many::<1, u8>(), one_of_many::<2, String>()));
    recorded.assert_exactly([call("one_of_many").success().times(2)]);
    let warnings = Monitor::new(StorageConfig::default()).start_up_warnings(Profile::default());
    assert!(
        !warnings
            .iter()
            .any(|warning| warning.to_string().contains("one_of_many"))
    );
}

#[monitored]
fn never_called_in_any_test() {}

#[test]
fn known_from_the_start_at_zero_where_the_monitor_wants_so() {
    never_called_in_any_test();
    let mut config = StorageConfig::default();
    config.preregister = true;
    let snapshot = Monitor::new(config).snapshot();
    let found: Vec<_> = snapshot
        .methods
        .iter()
        .filter(|one| &*one.name == "never_called_in_any_test")
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].started,
            found[0].success.count(),
            found[0].failure.count()
        ),
        (0, 0, 0)
    );
    let without = Monitor::new(StorageConfig::default()).snapshot();
    assert!(without.methods.is_empty());
}

const OWN: [f64; 2] = [0.5, 2.0];
const SLICE: &[f64] = &[0.25];

#[monitored(buckets = "size")]
fn buckets_size() {}

#[monitored(buckets = "time")]
async fn buckets_time() {}

#[monitored(buckets = [0, 1, 2.5])]
fn buckets_list(probe: &Recorder, seconds: u64) {
    probe.advance(std::time::Duration::from_secs(seconds));
}

#[monitored(buckets = OWN)]
fn buckets_array() {}

#[monitored(buckets = SLICE)]
fn buckets_slice() {}

#[monitored]
fn buckets_none() {}

#[test]
fn buckets_are_those_of_the_method() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        buckets_size();
        crate::drive::ready(buckets_time());
        for seconds in [0, 1, 2, 3] {
            buckets_list(&probe, seconds);
        }
        buckets_array();
        buckets_slice();
        buckets_none();
    });
    let page = page(&probe);
    assert_eq!(bounds(&page, "buckets_none"), monitor_core::DEFAULT_BUCKETS);
    for (name, own) in OWN_BOUNDS {
        let all = bounds(&page, name);
        assert!(
            own.iter().all(|bound| all.contains(bound)),
            "{name}: {all:?}"
        );
    }
    let counts: Vec<_> = of_method(&page, "buckets_list")
        .filter(|(bound, _)| ["0", "0.0", "1", "1.0", "2.5", "+Inf"].contains(bound))
        .map(|(_, count)| count)
        .collect();
    assert_eq!(counts, ["1", "2", "3", "4"]);
}

const OWN_BOUNDS: [(&str, &[f64]); 5] = [
    ("buckets_time", &monitor_core::TIME_BOUNDS),
    ("buckets_size", &monitor_core::SIZE_BOUNDS),
    ("buckets_array", &OWN),
    ("buckets_slice", SLICE),
    ("buckets_list", &[0.0, 1.0, 2.5]),
];

#[test]
fn bounds_of_a_method_stand_among_the_common_ones_and_no_others_do() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        buckets_size();
        crate::drive::ready(buckets_time());
        buckets_list(&probe, 0);
        buckets_array();
        buckets_slice();
    });
    for (name, own) in OWN_BOUNDS {
        let mut all: Vec<f64> = monitor_core::DEFAULT_BUCKETS
            .iter()
            .chain(own)
            .copied()
            .collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        assert_eq!(bounds(&page(&probe), name), all, "{name}");
    }
}

/// The durations of all methods, as a scraper sees them.
pub(crate) fn page(probe: &Recorder) -> String {
    let mut page = Vec::new();
    encode_snapshot(
        &probe.snapshot(),
        Profile::Prometheus,
        &[],
        Format::Text004,
        &mut page,
    );
    String::from_utf8(page).expect("text")
}

/// The buckets of a method: bound and count.
fn of_method<'a>(page: &'a str, method: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let method = format!("method=\"{method}\"");
    page.lines()
        .filter(move |line| {
            line.starts_with("service_request_duration_seconds_bucket")
                && line.contains(&method)
                && line.contains("status=\"success\"")
        })
        .filter_map(|line| {
            let (_, rest) = line.split_once("le=\"")?;
            let (bound, rest) = rest.split_once('"')?;
            Some((bound, rest.split_whitespace().last()?))
        })
}

pub(crate) fn bounds(page: &str, method: &str) -> Vec<f64> {
    let finite = of_method(page, method).filter(|(bound, _)| *bound != "+Inf");
    finite
        .map(|(bound, _)| bound.parse().expect("a number"))
        .collect()
}
