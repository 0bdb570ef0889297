//! The book of names forgets keys that are gone.

use super::{entry, fresh};
use crate::data::snapshot::Snapshot;
use crate::data::value::StatValue;
use crate::export::exposition::Format;
use crate::export::exposition::tests::{checked_samples, page as written};
use crate::export::names::collide::Book;
use crate::export::names::{Profile, families, page};

fn lines(snapshot: &Snapshot) -> String {
    let families = families(snapshot, Profile::Servicekit);
    checked_samples(&families);
    written(&families, Format::Text004)
}

fn with(keys: &[&str]) -> Snapshot {
    let mut snapshot = fresh();
    snapshot.inittime = None;
    let one = |raw: &&str| entry(raw, StatValue::Int(1));
    snapshot.values.entries = keys.iter().map(one).collect();
    snapshot
}

#[test]
fn the_family_of_a_forgotten_key_is_free_for_others() {
    let mut snapshot = with(&["a/b", "a+b", "c___x__1", "c___x__2"]);
    assert!(lines(&snapshot).contains("\nstats_a_b 1\n"));
    assert!(lines(&snapshot).contains("stats_key_1298c425 1\n"));
    snapshot.values.entries.remove(0);
    assert!(
        lines(&snapshot).contains("stats_key_1298c425 1\n"),
        "what is decided stays"
    );
    snapshot.names.forget("a/b");
    snapshot.names.forget("a+b");
    snapshot.names.forget("never");
    assert!(lines(&snapshot).contains("\nstats_a_b 1\n"));
    // A family with other series stays with its owner.
    snapshot.names.forget("c___x__1");
    snapshot.values.entries = with(&["C___x__1", "c___x__2"]).values.entries;
    assert!(lines(&snapshot).contains("stats_c{x=\"2\"} 1\n"));
    assert!(!lines(&snapshot).contains("stats_c{x=\"1\"} 1\n"));
}

/// More than twice as many keys as the book remembers of those that are gone: it forgets them, and then some more.
const ROUNDS: usize = 20_000;

#[test]
fn keys_that_come_and_go_leave_a_bounded_book() {
    let mut snapshot = with(&["stays"]);
    let mut most = 0;
    for round in 1..=ROUNDS {
        let key = format!("request_{round}");
        snapshot.values.entries.truncate(1);
        snapshot.values.entries.push(entry(&key, StatValue::Int(1)));
        // What a page does before it shows anything, which is all that the book sees of it.
        let place = |book: &mut Book| {
            page::place(&snapshot, book);
            book.entries().len()
        };
        let entries = snapshot.names.with_book(Profile::Servicekit, place);
        most = most.max(entries);
        if round % (ROUNDS / 5) == 0 {
            let text = lines(&snapshot);
            assert!(text.contains("\nstats_stays 1\n"));
            assert!(text.contains(&format!("\nstats_{key} 1\n")));
        }
    }
    assert!((4_000..5_000).contains(&most), "{most}");
}
