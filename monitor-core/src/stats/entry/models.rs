//! Every interleaving of a number's move from one word to the other, through the model checker.

use loom::thread;

use super::*;

#[test]
fn a_move_between_the_words_loses_no_update() {
    loom::model(|| {
        let entry = Arc::new(Entry::new(StatValue::Int(0)));
        let theirs = Arc::clone(&entry);
        let other = thread::spawn(move || theirs.add(StatNumber::Float(0.5)));
        assert!(entry.add(StatNumber::Int(1)).is_ok());
        assert!(matches!(other.join(), Ok(Ok(_))));
        assert_eq!(entry.read(), StatValue::Float(1.5));
    });
}

#[test]
fn a_reader_beside_moves_sees_one_of_the_values() {
    loom::model(|| {
        let entry = Arc::new(Entry::new(StatValue::Float(1.5)));
        let theirs = Arc::clone(&entry);
        let writer = thread::spawn(move || {
            theirs.set(StatValue::Int(2));
            theirs.set(StatValue::Float(2.5));
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
        assert_eq!(entry.read(), StatValue::Float(2.5));
    });
}

#[test]
fn an_update_beside_a_replacement_comes_before_or_after_it() {
    loom::model(|| {
        let entry = Arc::new(Entry::new(StatValue::Int(7)));
        let theirs = Arc::clone(&entry);
        let setter = thread::spawn(move || theirs.set(StatValue::Bool(true)));
        assert!(entry.add(StatNumber::Int(1)).is_ok());
        assert!(setter.join().is_ok());
        let left = entry.read();
        assert!(
            [StatValue::Bool(true), StatValue::Int(2)].contains(&left),
            "{left:?} {entry:?}"
        );
    });
}
