//! What the verbs on keys do.
#![allow(clippy::float_cmp, reason = "sums of powers of two are exact")]

mod concurrency;
mod removal;
mod warnings;

use super::*;
use crate::base::sync::lock;
use crate::data::family::Histogram;
use crate::data::snapshot::{Means, ValuesSnapshot};
use crate::data::value::ValueKind;

type Tested = Result<(), StatsError>;

fn bounds() -> BoundsByKind {
    BoundsByKind {
        time: [0.0, 0.5, 1.0].into(),
        size: [0.0, 1.0, 5.0].into(),
    }
}

fn limited(max_series: usize) -> Values {
    let config = StorageConfig {
        max_series,
        ..StorageConfig::default()
    };
    Values::new(&config, &bounds(), &Clock::manual(0.0).0)
}

fn values() -> Values {
    limited(2000)
}

fn map<const N: usize>(pairs: [(&str, StatValue); N]) -> StatValue {
    pairs.into_iter().collect()
}

fn value(values: &Values, key: &str) -> Option<StatValue> {
    let mut all = values.snapshot().entries.into_iter();
    all.find(|one| *one.key.raw == *key).map(|one| one.value)
}

fn histogram(values: &Values, key: &str) -> Option<Histogram> {
    let mut all = values.snapshot().histograms.into_iter();
    all.find(|one| *one.key.raw == *key)
        .map(|one| one.histogram)
}

fn keys(snapshot: &ValuesSnapshot) -> Vec<&str> {
    let entries = snapshot.entries.iter();
    entries.map(|entry| &*entry.key.raw).collect()
}

fn means(values: &Values, key: &str) -> Option<Means> {
    let mut all = values.snapshot().means.into_iter();
    all.find(|(one, _)| *one.raw == *key)
        .map(|(_, means)| means)
}

#[test]
fn numbers_add_up_as_in_python() -> Tested {
    let values = values();
    assert_eq!(values.inc("a", 1)?, StatValue::Int(1));
    assert_eq!(values.inc("a", -8)?, StatValue::Int(-7));
    assert_eq!(values.inc("a", 0.25)?, StatValue::Float(-6.75));
    assert_eq!(values.inc("a", 1)?, StatValue::Float(-5.75));
    values.set("a", 3.into())?;
    assert_eq!(values.inc("a", 1)?, StatValue::Int(4));
    values.set("flag", true.into())?;
    assert_eq!(value(&values, "flag"), Some(StatValue::Bool(true)));
    assert_eq!(values.inc("flag", true)?, StatValue::Int(2));
    Ok(())
}

#[test]
fn whole_numbers_are_exact_and_then_doubles() -> Tested {
    let values = values();
    values.set("big", StatValue::Int(1 << 60))?;
    assert_eq!(values.inc("big", 1)?, StatValue::Int((1 << 60) + 1));
    values.set("big", StatValue::Int(i64::MAX))?;
    assert_eq!(values.inc("big", 1)?, StatValue::Float(2f64.powi(63)));
    assert_eq!(values.inc("big", -1.0)?, StatValue::Float(2f64.powi(63)));
    let powers = [
        1 << 61,
        (1 << 62) - 1,
        1 << 62,
        -(1 << 61),
        -(1 << 62),
        1 << 33,
    ];
    for edge in powers.into_iter().chain([i64::MIN, i64::MAX]) {
        values.set("edge", StatValue::Int(edge))?;
        assert_eq!(value(&values, "edge"), Some(StatValue::Int(edge)));
        for by in [-1, 1, -(1 << 33), 1 << 33, edge] {
            values.set("edge", StatValue::Int(edge))?;
            let sum: StatValue = (StatNumber::Int(edge) + StatNumber::Int(by)).into();
            assert_eq!(values.inc("edge", by)?, sum);
            assert_eq!(value(&values, "edge"), Some(sum));
        }
    }
    Ok(())
}

#[test]
fn nan_and_infinities_are_values() -> Tested {
    let values = values();
    values.set("x", f64::INFINITY.into())?;
    assert_eq!(value(&values, "x"), Some(StatValue::Float(f64::INFINITY)));
    let sum = values.inc("x", f64::NEG_INFINITY)?;
    assert!(matches!(sum, StatValue::Float(sum) if sum.is_nan()));
    // Every bit pattern of a NaN, the sentinel's too.
    values.set("x", f64::from_bits(0x7ff8_6d6f_6e69_746f).into())?;
    assert!(matches!(value(&values, "x"), Some(StatValue::Float(x)) if x.is_nan()));
    assert!(matches!(values.inc("x", 1)?, StatValue::Float(x) if x.is_nan()));
    Ok(())
}

#[test]
fn any_value_may_follow_any_other() -> Tested {
    let values = values();
    let all = [
        StatValue::Null,
        true.into(),
        7.into(),
        0.5.into(),
        "text".into(),
        vec![1, 2].into(),
        map([("a", 1.into())]),
    ];
    for first in &all {
        for second in &all {
            values.set("k", first.clone())?;
            values.set("k", second.clone())?;
            assert_eq!(value(&values, "k").as_ref(), Some(second));
        }
    }
    Ok(())
}

#[test]
fn misuse_is_refused_and_changes_nothing() -> Tested {
    let values = values();
    values.set("text", "x".into())?;
    values.set("number", 1.into())?;
    let refused = values.inc("text", 1);
    let expected = StatsError::NotANumber {
        key: "text".into(),
        found: ValueKind::Text,
    };
    assert_eq!(refused, Err(expected.clone()));
    assert_eq!(expected.to_string(), "`text` holds text, not a number");
    assert_eq!(values.counter("text").err(), Some(expected));
    let found = ValueKind::Number;
    let key = || "number".into();
    let appended = values.append("number", 1.into(), Keep::Default);
    assert_eq!(appended, Err(StatsError::NotAList { key: key(), found }));
    let added = values.add_key_value("number", "k", 1.into());
    assert_eq!(added, Err(StatsError::NotASection { key: key(), found }));
    assert_eq!(values.del_key_value("number", "k", 0.0), None);
    assert_eq!(value(&values, "text"), Some("x".into()));
    assert_eq!(value(&values, "number"), Some(1.into()));
    Ok(())
}

#[test]
fn stats_and_tasks_are_reserved() {
    let values = values();
    for key in ["stats", "tasks"] {
        let reserved = |result: Result<(), StatsError>| {
            assert!(matches!(result, Err(StatsError::Reserved { .. })), "{key}");
        };
        reserved(values.inc(key, 1).map(drop));
        reserved(values.set(key, 1.into()));
        reserved(values.counter(key).map(drop));
        if key == "tasks" {
            reserved(values.append(key, 1.into(), Keep::Default));
        } else {
            reserved(values.add_key_value(key, "k", 1.into()));
        }
    }
    let point = values.append("stats", 1.into(), Keep::Default);
    let found = ValueKind::Number;
    assert_eq!(point, Err(StatsError::PointNotAMap { found }));
    assert_eq!(keys(&values.snapshot()), [""; 0]);
}

#[test]
fn lists_keep_what_they_are_told_to() -> Tested {
    let values = values();
    for n in 0..Keep::DEFAULT + 10 {
        values.append("all", n.into(), Keep::Default)?;
    }
    assert!(matches!(value(&values, "all"), Some(StatValue::List(list))
        if list.len() == Keep::DEFAULT && list[0] == StatValue::Int(10)));
    values.append("all", "x".into(), Keep::from_max_count(2))?;
    let last = vec![(Keep::DEFAULT + 9).into(), StatValue::from("x")];
    assert_eq!(value(&values, "all"), Some(last.into()));
    values.set("set", vec![1].into())?;
    values.append("set", 2.into(), Keep::Default)?;
    assert_eq!(value(&values, "set"), Some(vec![1, 2].into()));
    Ok(())
}

#[test]
fn sections_are_maps() -> Tested {
    let values = values();
    values.add_key_value("models", "m1", "loaded".into())?;
    values.add_key_value("models", "m2", 3.into())?;
    let gone = values.del_key_value("models", "m1", 0.0);
    assert_eq!(gone, Some("loaded".into()));
    assert_eq!(values.del_key_value("models", "m1", 0.0), None);
    assert_eq!(values.del_key_value("nosuch", "x", 0.0), None);
    assert_eq!(value(&values, "models"), Some(map([("m2", 3.into())])));
    assert!(values.inc("models", 1).is_err());
    Ok(())
}

#[test]
fn tasks_are_counted_and_timed() -> Tested {
    let values = values();
    assert_eq!(values.tasks.totals(5.0), TaskTotals::default());
    values.add_key_value("tasks", "a", 100.0.into())?;
    values.add_key_value("tasks", "b", 102.into())?;
    values.add_key_value("tasks", "c", 100.5.into())?;
    let ended = values.del_key_value("tasks", "a", 103.0);
    assert_eq!(ended, Some(100.0.into()));
    assert_eq!(values.del_key_value("tasks", "a", 103.0), None);
    let totals = values.tasks.totals(103.5);
    let expected = TaskTotals {
        started: 3,
        completed: 1,
        in_flight: 2,
        current_seconds: 4.5,
        current_max_seconds: 3.0,
        completed_seconds: 3.0,
        busy_seconds: 7.5,
    };
    assert_eq!(totals, expected);
    let running = map([("b", 102.into()), ("c", 100.5.into())]);
    assert_eq!(value(&values, "tasks"), Some(running));
    for bad in [
        "x".into(),
        f64::NAN.into(),
        StatValue::Null,
        f64::INFINITY.into(),
    ] {
        let refused = values.add_key_value("tasks", "d", bad);
        assert_eq!(refused, Err(StatsError::NotAStartTime { id: "d".into() }));
    }
    assert_eq!(values.tasks.totals(103.5), expected);
    Ok(())
}

#[test]
fn a_replaced_task_was_started_but_is_never_completed() -> Tested {
    let values = values();
    values.add_key_value("tasks", "a", 100.0.into())?;
    values.add_key_value("tasks", "a", 103.0.into())?;
    let totals = values.tasks.totals(104.0);
    let counts = (totals.started, totals.completed, totals.in_flight);
    assert_eq!(counts, (2, 0, 1));
    let seconds = (totals.completed_seconds, totals.current_seconds);
    assert_eq!(seconds, (0.0, 1.0));
    Ok(())
}

#[test]
fn a_clock_set_back_takes_no_time_back() -> Tested {
    let values = values();
    values.add_key_value("tasks", "a", 100.0.into())?;
    assert_eq!(values.tasks.totals(110.0).busy_seconds, 10.0);
    let back = values.tasks.totals(50.0);
    assert_eq!((back.current_seconds, back.busy_seconds), (0.0, 10.0));
    assert!(values.del_key_value("tasks", "a", 50.0).is_some());
    let totals = values.tasks.totals(60.0);
    assert_eq!((totals.completed, totals.in_flight), (1, 0));
    assert_eq!((totals.completed_seconds, totals.busy_seconds), (0.0, 10.0));
    Ok(())
}

#[test]
fn names_with_time_or_size_feed_histograms() -> Tested {
    let values = values();
    for seconds in [0.0, 0.5, 0.75, 2.0] {
        values.append("wait_time", seconds.into(), Keep::Default)?;
    }
    let fed = histogram(&values, "wait_time").unwrap_or_else(|| panic!("no histogram"));
    assert_eq!((fed.counts, fed.sum), (vec![1, 1, 1, 1], 3.25));
    values.append("time_of_size", 3.into(), Keep::Default)?;
    values.append("resize", 3.into(), Keep::Default)?;
    values.append("Lifetime", true.into(), Keep::Default)?;
    let bounds = |key| histogram(&values, key).map(|histogram| histogram.bounds[1]);
    assert_eq!(bounds("time_of_size"), Some(0.5));
    assert_eq!(bounds("resize"), Some(1.0));
    assert_eq!(bounds("Lifetime"), Some(0.5));
    for ignored in ["latency", "TIME"] {
        values.append(ignored, 1.into(), Keep::Default)?;
        assert_eq!(histogram(&values, ignored), None);
    }
    values.append("n_size", "text".into(), Keep::Default)?;
    assert_eq!(histogram(&values, "n_size"), None);
    Ok(())
}

#[test]
fn a_map_feeds_the_histograms_of_its_keys() -> Tested {
    let values = values();
    let point = map([
        ("load_time___stage__a", 2.into()),
        ("load_time___stage__b", 0.25.into()),
        ("page-size", "text".into()),
        ("plain", 1.into()),
    ]);
    values.append("points", point, Keep::Default)?;
    let fed = values.snapshot().histograms;
    let fed: Vec<_> = fed
        .iter()
        .map(|one| (&*one.key.raw, one.histogram.sum))
        .collect();
    let expected = [
        ("load_time___stage__a", 2.0),
        ("load_time___stage__b", 0.25),
    ];
    assert_eq!(fed, expected);
    Ok(())
}

#[test]
fn nan_and_negative_observations_are_refused() -> Tested {
    let values = values();
    for seconds in [1.0, f64::NAN, -1.0, f64::NEG_INFINITY, -0.0] {
        values.append("wait_time", seconds.into(), Keep::Default)?;
    }
    let fed = histogram(&values, "wait_time").unwrap_or_else(|| panic!("no histogram"));
    assert_eq!((fed.count(), fed.sum), (2, 1.0));
    assert_eq!(values.snapshot().refused_observations, 3);
    Ok(())
}

#[test]
fn the_first_key_of_a_family_decides_its_bounds() -> Tested {
    let values = values();
    values.append("body_size___part__head", 1.into(), Keep::Default)?;
    values.append("body_size___part__timed", 1.into(), Keep::Default)?;
    let bounds = |key| histogram(&values, key).map(|histogram| histogram.bounds[1]);
    assert_eq!(bounds("body_size___part__timed"), Some(1.0));
    Ok(())
}

#[test]
fn means_are_over_the_points_that_have_the_key() -> Tested {
    let values = values();
    let keep = Keep::from_max_count(100);
    for n in 0..101 {
        let mut point = BTreeMap::from([("tokens", StatValue::from(n))]);
        if n == 96 {
            point.insert("odd", 4.into());
            point.insert("gone", 1.into());
        }
        if n == 50 {
            point.insert("odd", 2.into());
        }
        if n == 2 {
            point.insert("odd", "no number".into());
            point.insert("early", 1.5.into());
        }
        values.append("stats", point.into(), keep)?;
    }
    let expected = |window, last| Some(Means { window, last });
    assert_eq!(means(&values, "tokens"), expected(Some(50.5), Some(98.0)));
    assert_eq!(means(&values, "odd"), expected(Some(3.0), Some(4.0)));
    assert_eq!(means(&values, "early"), expected(Some(1.5), None));
    values.append("stats", map([("tokens", 0.into())]), keep)?;
    values.append("stats", map([("tokens", 0.into())]), keep)?;
    assert_eq!(means(&values, "early"), None);
    assert_eq!(means(&values, "gone"), expected(Some(1.0), None));
    Ok(())
}

#[test]
fn a_full_family_counts_on_in_one_child() -> Tested {
    let values = limited(3);
    for n in 0..10 {
        let sum = values.inc(&format!("Jobs___id__{n}"), 1)?;
        assert_eq!(sum, StatValue::Int(i64::max(1, n - 2)));
    }
    let snapshot = values.snapshot();
    let expected = "Jobs___id__0 Jobs___id__1 Jobs___id__2 Jobs___overflow__true";
    assert!(expected.split(' ').eq(keys(&snapshot)));
    assert_eq!(snapshot.entries[3].key.label("overflow"), Some("true"));
    assert_eq!(snapshot.entries[3].value, StatValue::Int(7));
    assert_eq!(snapshot.overflowed_updates, 7);
    // Names written alike are one family; another name has its own limit.
    assert_eq!(values.inc("jobs___id__a", 1)?, StatValue::Int(8));
    assert_eq!(values.inc("other___id__a", 1)?, StatValue::Int(1));
    assert_eq!(values.inc("Jobs___id__1", 1)?, StatValue::Int(2));
    assert_eq!(values.inc("Jobs___overflow__true", 1)?, StatValue::Int(9));
    let key = "jobs___id__b";
    let refused = values.set(key, "text".into());
    let (key, limit) = (key.into(), 3);
    assert_eq!(refused, Err(StatsError::TooManySeries { key, limit }));
    Ok(())
}

#[test]
fn a_full_family_of_histograms_loses_no_observation() -> Tested {
    let values = limited(2);
    for n in 0..10 {
        values.append(&format!("wait_time___id__{n}"), 1.into(), Keep::Default)?;
        let point = map([(&format!("points___id__{n}"), n.into())]);
        values.append("stats", point, Keep::Default)?;
    }
    let snapshot = values.snapshot();
    assert_eq!((snapshot.histograms.len(), snapshot.means.len()), (3, 3));
    let counts = snapshot.histograms.iter().map(|one| one.histogram.count());
    assert_eq!(counts.sum::<u64>(), 10);
    let rest = means(&values, "points___overflow__true");
    assert_eq!(rest.and_then(|means| means.window), Some(5.5));
    Ok(())
}

#[test]
fn no_limit_is_no_limit() -> Tested {
    let values = limited(0);
    for n in 0..3000 {
        values.inc(&format!("jobs___id__{n}"), 1)?;
    }
    assert_eq!(values.exported(BucketKind::Classic).entries.len(), 3000);
    let config = StorageConfig {
        max_series: 1,
        ..StorageConfig::default()
    };
    values.configure(&config, &bounds());
    values.inc("jobs___id__new", 1)?;
    assert_eq!(values.exported(BucketKind::Classic).entries.len(), 3001);
    Ok(())
}

#[test]
fn a_scrape_leaves_out_what_is_no_number() -> Tested {
    let values = values();
    values.set("text", "x".into())?;
    values.set("yes", true.into())?;
    values.append("stats", map([("a", 1.into())]), Keep::Default)?;
    assert_eq!(keys(&values.exported(BucketKind::Classic)), ["yes"]);
    assert_eq!(keys(&values.snapshot()), ["text", "yes", "stats"]);
    Ok(())
}
