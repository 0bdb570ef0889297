//! Keys that go, by hand and after they were idle, and come back.

use std::thread;

use super::*;
use crate::base::sync::AtomicU64;
use crate::metrics::family::KeyCell;
use crate::metrics::index::GONE_LIMIT;

#[test]
fn a_removed_key_is_gone_and_begins_at_zero() -> Tested {
    let values = values();
    values.inc("jobs___id__a", 3)?;
    values.inc("jobs___id__b", 1)?;
    assert_eq!(values.remove("jobs___id__a"), Some(3.into()));
    assert_eq!(values.remove("jobs___id__a"), None);
    assert_eq!(values.remove("never"), None);
    assert_eq!(keys(&values.snapshot()), ["jobs___id__b"]);
    assert_eq!(values.inc("jobs___id__a", 1)?, StatValue::Int(1));
    assert_eq!(keys(&values.snapshot()), ["jobs___id__b", "jobs___id__a"]);
    let numbers = StatValue::from(vec![1, 2]);
    for value in [().into(), "text".into(), true.into(), 0.5.into(), numbers] {
        values.set("any", StatValue::clone(&value))?;
        assert_eq!(values.remove("any"), Some(value));
        assert!(values.append("any", 1.into(), Keep::Default).is_ok());
        assert_eq!(values.remove("any"), Some(vec![1].into()));
        assert!(values.add_key_value("any", "k", 1.into()).is_ok());
        assert_eq!(values.remove("any"), Some(map([("k", 1.into())])));
    }
    Ok(())
}

#[test]
fn a_key_goes_with_its_histogram_and_its_means() -> Tested {
    let values = values();
    values.append("wait_time", 1.into(), Keep::Default)?;
    let point = map([("run_time", 2.into()), ("other", 3.into())]);
    values.append("stats", point, Keep::Default)?;
    assert_eq!(values.remove("wait_time"), Some(vec![1].into()));
    assert_eq!(histogram(&values, "wait_time"), None);
    assert_eq!(values.remove("run_time"), Some(StatValue::Null));
    let snapshot = values.snapshot();
    assert!(snapshot.histograms.is_empty());
    assert_eq!(
        (means(&values, "run_time"), snapshot.means.len()),
        (None, 1)
    );
    values.append("wait_time", 0.5.into(), Keep::Default)?;
    let fed = histogram(&values, "wait_time").map(|fed| (fed.count(), fed.sum));
    assert_eq!(fed, Some((1, 0.5)));
    let points = values.remove("stats");
    assert_eq!(points, Some(vec![map([("other", 3.into())])].into()));
    assert!(values.snapshot().means.is_empty());
    assert_eq!(values.remove("tasks"), None);
    Ok(())
}

#[test]
fn a_handle_brings_its_key_back() -> Tested {
    let values = values();
    let counter = values.counter("jobs")?;
    for round in 1..4 {
        counter.add(round);
        assert_eq!(values.remove("jobs"), Some(round.into()));
        assert_eq!(counter.get(), None);
    }
    counter.set(7);
    assert_eq!(value(&values, "jobs"), Some(7.into()));
    assert_eq!(counter.get(), Some(7.into()));
    assert!(values.remove("jobs").is_some());
    assert_eq!(values.set("jobs", "text".into()), Ok(()));
    counter.inc();
    assert_eq!(counter.get(), None, "without effect, as before");
    Ok(())
}

#[test]
fn a_removed_key_makes_room_in_its_family() -> Tested {
    let values = limited(2);
    for id in ["a", "b", "c", "c"] {
        values.inc(&format!("jobs___id__{id}"), 1)?;
    }
    assert_eq!(values.remove("jobs___id__a"), Some(1.into()));
    assert_eq!(values.inc("jobs___id__c", 1)?, StatValue::Int(1));
    let overflow = values.inc("jobs___id__a", 1)?;
    assert_eq!(overflow, StatValue::Int(3));
    assert_eq!(values.remove("jobs___overflow__true"), Some(3.into()));
    assert_eq!(values.inc("jobs___id__d", 5)?, StatValue::Int(5));
    let expected = ["jobs___id__b", "jobs___id__c", "jobs___overflow__true"];
    assert_eq!(keys(&values.snapshot()), expected);
    Ok(())
}

/// More keys than may be gone before new ones can be freed, so that both halves of the index are used.
fn fill(values: &Values) -> Tested {
    for n in 0..GONE_LIMIT + 10 {
        values.inc(&format!("gone_{n}___id__{n}"), 1)?;
    }
    for n in 0..GONE_LIMIT + 10 {
        assert!(values.remove(&format!("gone_{n}___id__{n}")).is_some());
    }
    Ok(())
}

#[test]
fn keys_beyond_those_that_are_kept_do_all_that_others_do() -> Tested {
    let values = limited(2);
    fill(&values)?;
    let counter = values.counter("jobs___id__a")?;
    counter.inc();
    values.inc("jobs___id__a", 1)?;
    assert_eq!(values.remove("jobs___id__a"), Some(2.into()));
    counter.inc();
    assert_eq!(value(&values, "jobs___id__a"), Some(1.into()));
    // The handle's own child is the key's again.
    values.inc("jobs___id__a", 1)?;
    assert_eq!(counter.get(), Some(StatNumber::Int(2)));
    // Somebody else's is: the handle finds it.
    assert!(values.remove("jobs___id__a").is_some());
    values.inc("jobs___id__a", 5)?;
    counter.inc();
    counter.set(9);
    assert_eq!(value(&values, "jobs___id__a"), Some(9.into()));
    assert_eq!(counter.get(), Some(9.into()));
    for id in ["b", "c", "d"] {
        values.inc(&format!("jobs___id__{id}"), 1)?;
    }
    assert_eq!(value(&values, "jobs___overflow__true"), Some(2.into()));
    for key in ["jobs___overflow__true", "jobs___id__b", "jobs___id__a"] {
        assert!(values.remove(key).is_some());
    }
    counter.inc();
    values.inc("jobs___id__b", 1)?;
    values.inc("jobs___id__c", 4)?;
    assert_eq!(value(&values, "jobs___overflow__true"), Some(4.into()));
    assert_eq!(counter.get(), Some(StatNumber::Int(1)));
    // What came first and was kept comes back where it was.
    assert_eq!(values.inc("gone_7___id__7", 1)?, StatValue::Int(1));
    Ok(())
}

/// The number that a key has as it is removed; 0 of one that is not there.
fn taken(values: &Values, key: &str) -> u64 {
    match values.remove(key).and_then(|value| value.as_number()) {
        Some(StatNumber::Int(number)) => number.cast_unsigned(),
        _ => 0,
    }
}

/// Idles for this many ticks.
const IDLE: u64 = 10;

#[test]
fn what_was_not_updated_for_long_leaves() -> Tested {
    let values = values();
    values.inc("number", 1)?;
    values.set("same", 1.into())?;
    values.set("yes", true.into())?;
    values.append("list_time", 1.into(), Keep::Default)?;
    values.append("stats", map([("tokens", 1.into())]), Keep::Default)?;
    for kept in ["text", "map"] {
        values.set(kept, "x".into())?;
    }
    for now in (1_000..1_000 + IDLE).step_by(3) {
        values.expire(now, IDLE);
        values.set("same", 1.into())?;
        assert_eq!(values.snapshot().entries.len(), 7);
    }
    values.expire(1_000 + IDLE, IDLE);
    let snapshot = values.snapshot();
    assert_eq!(keys(&snapshot), ["same", "text", "map"]);
    assert!(snapshot.histograms.is_empty() && snapshot.means.is_empty());
    assert_eq!(values.inc("number", 1)?, StatValue::Int(1), "it is back");
    values.append("list_time", 2.into(), Keep::Default)?;
    values.expire(2_000, IDLE);
    let expected = ["text", "map", "number", "list_time"];
    assert_eq!(keys(&values.snapshot()), expected);
    let fed = histogram(&values, "list_time").map(|fed| fed.count());
    assert_eq!(fed, Some(1));
    values.expire(3_000, IDLE);
    assert_eq!(keys(&values.snapshot()), ["text", "map"]);
    Ok(())
}

#[test]
fn an_update_right_before_it_leaves_keeps_a_key() -> Tested {
    let values = values();
    values.inc("raised_and_lowered", 1)?;
    values.expire(0, IDLE);
    values.inc("raised_and_lowered", 1)?;
    values.inc("raised_and_lowered", -1)?;
    values.expire(IDLE, IDLE);
    assert_eq!(value(&values, "raised_and_lowered"), Some(1.into()));
    Ok(())
}

#[test]
fn no_update_is_lost_beside_removals() -> Tested {
    const EACH: u64 = 20_000;
    for kept in [true, false] {
        let values = values();
        if !kept {
            fill(&values)?;
        }
        let mut removed = 0;
        let counter = values.counter("jobs___id__a");
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    (0..EACH).for_each(|_| assert!(values.inc("jobs___id__a", 1).is_ok()));
                });
                scope.spawn(|| {
                    let counter = counter.as_ref().expect("a number");
                    (0..EACH).for_each(|_| counter.inc());
                });
            }
            for _ in 0..3000 {
                removed += taken(&values, "jobs___id__a");
                values.exported(BucketKind::Classic);
            }
        });
        assert_eq!(removed + taken(&values, "jobs___id__a"), 4 * EACH);
    }
    Ok(())
}

#[test]
fn no_observation_is_lost_beside_removals() {
    const EACH: u64 = 5_000;
    let values = values();
    let mut removed = 0;
    let mut take = || {
        let taken = values.histograms.remove("wait_time");
        removed += taken.map_or(0, |histogram| histogram.count());
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let appended = values.append("wait_time", 1.into(), Keep::from_max_count(1));
                    assert!(appended.is_ok());
                }
            });
        }
        (0..2000).for_each(|_| take());
    });
    take();
    assert_eq!(removed, 3 * EACH);
}

#[test]
fn threads_that_add_and_remove_the_same_keys_agree() -> Tested {
    let values = limited(20);
    fill(&values)?;
    let sums = [const { AtomicU64::new(0) }; 2];
    thread::scope(|scope| {
        for thread in 0..4 {
            let (values, sums) = (&values, &sums);
            scope.spawn(move || {
                for n in 0..5_000u64 {
                    let key = format!("jobs___id__{}", (n * 7 + thread) % 40);
                    if n % 3 == 0 {
                        sums[1].fetch_add(taken(values, &key), Relaxed);
                    } else if values.inc(&key, 1).is_ok() {
                        sums[0].fetch_add(1, Relaxed);
                    }
                }
            });
        }
    });
    let left = values.snapshot().entries;
    let numbers = left.iter().filter_map(|entry| entry.value.as_number());
    let left: f64 = numbers.map(StatNumber::as_f64).sum();
    let [added, removed] = sums.map(|sum| sum.load(Relaxed));
    assert_eq!(left, StatNumber::from(added - removed).as_f64());
    assert!(values.snapshot().entries.len() <= 21);
    Ok(())
}

/// A value that is put under a new key beside a removal of that key comes before it, and is gone, or after it, and is
/// whole.
#[test]
fn the_first_value_of_a_key_that_was_removed_meanwhile_is_not_put_again() {
    let value = Cell::new(Some(StatValue::from(7)));
    let key = KeyValue::new(value.take().expect("a value"));
    assert!(key.take_if(|| true).is_some());
    assert_eq!(key.set(&value), Ok(()));
}
