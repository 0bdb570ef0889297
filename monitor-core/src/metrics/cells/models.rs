//! Every interleaving of a number's move from one word to the other, through the model checker.

use loom::thread;

use super::*;
use crate::metrics::family::KeyChild;

fn set(value: &KeyValue, new: StatValue) -> Result<(), Refused> {
    value.set(&Cell::new(Some(new)))
}

fn take(value: &KeyValue) -> Option<StatValue> {
    value.take_if(|| true)
}

#[test]
fn a_move_between_the_words_loses_no_update() {
    loom::model(|| {
        let entry = Arc::new(KeyValue::new(StatValue::Int(0)));
        let theirs = Arc::clone(&entry);
        let other = thread::spawn(move || theirs.add(StatNumber::Float(0.5)));
        assert!(entry.add(StatNumber::Int(1)).is_ok());
        assert!(matches!(other.join(), Ok(Ok(_))));
        assert_eq!(entry.read(), Some(StatValue::Float(1.5)));
    });
}

#[test]
fn a_reader_beside_moves_sees_one_of_the_values() {
    loom::model(|| {
        let entry = Arc::new(KeyValue::new(StatValue::Float(1.5)));
        let theirs = Arc::clone(&entry);
        let writer = thread::spawn(move || {
            let _ = set(&theirs, StatValue::Int(2));
            let _ = set(&theirs, StatValue::Float(2.5));
        });
        let mut seen = 0.0;
        for _ in 0..2 {
            let number = entry.exported().and_then(|value| value.as_number());
            let number = number.map_or(f64::NAN, StatNumber::as_f64);
            assert!([1.5, 2.0, 2.5].contains(&number), "{number}");
            assert!(number >= seen, "{number} after {seen}");
            seen = number;
        }
        assert!(writer.join().is_ok());
        assert_eq!(entry.read(), Some(StatValue::Float(2.5)));
    });
}

#[test]
fn an_update_beside_a_replacement_comes_before_or_after_it() {
    loom::model(|| {
        let entry = Arc::new(KeyValue::new(StatValue::Int(7)));
        let theirs = Arc::clone(&entry);
        let setter = thread::spawn(move || set(&theirs, StatValue::Bool(true)));
        assert!(entry.add(StatNumber::Int(1)).is_ok());
        assert!(setter.join().is_ok());
        let left = entry.read().unwrap_or(StatValue::Null);
        assert!(
            [StatValue::Bool(true), StatValue::Int(2)].contains(&left),
            "{left:?} {entry:?}"
        );
    });
}

#[test]
fn an_update_beside_a_removal_goes_with_it_or_learns_that_it_came_too_late() {
    for by in [StatNumber::Int(1), StatNumber::Float(1.0)] {
        loom::model(move || {
            let entry = Arc::new(KeyValue::new(StatValue::Int(7)));
            let theirs = Arc::clone(&entry);
            let updater = thread::spawn(move || theirs.add(by));
            let taken = take(&entry).and_then(|value| value.as_number());
            let updated = updater.join().expect("no panic");
            let left = match updated {
                Ok(_) => 8.0,
                Err(refused) => {
                    assert_eq!(refused, Refused::Gone);
                    7.0
                }
            };
            assert_eq!(taken.map(StatNumber::as_f64), Some(left));
            assert_eq!((entry.read(), take(&entry)), (None, None));
        });
    }
}

#[test]
fn an_update_beside_an_idle_removal_stops_it_or_learns_that_it_came_too_late() {
    loom::model(|| {
        let child = Arc::new(KeyChild::untouched(KeyValue::new(StatValue::Int(7))));
        let theirs = Arc::clone(&child);
        let updater = thread::spawn(move || {
            theirs.mark_updated();
            theirs.cell.add(StatNumber::Int(1))
        });
        let taken = child.cell.take_if(|| child.is_idle()).is_some();
        let updated = updater.join().expect("no panic");
        assert_eq!(taken, updated == Err(Refused::Gone));
        assert_eq!(child.cell.read(), (!taken).then_some(StatValue::Int(8)));
    });
}

#[test]
fn what_comes_back_has_what_came_after_alone() {
    loom::model(|| {
        let entry = Arc::new(KeyValue::new(StatValue::Int(7)));
        let theirs = Arc::clone(&entry);
        let updater = thread::spawn(move || theirs.add(StatNumber::Int(1)));
        let taken = take(&entry).expect("it was there");
        entry.bring_back(KeyValue::new(StatValue::Int(0)));
        let updated = updater.join().expect("no panic");
        let left = entry.read().expect("it is back");
        // Of three places the update is in exactly one: in what was taken, in what came back, or with its caller.
        let places = [
            taken == StatValue::Int(8),
            left == StatValue::Int(1),
            updated == Err(Refused::Gone),
        ];
        assert_eq!(places.iter().filter(|is| **is).count(), 1, "{places:?}");
    });
}
