//! The book of names forgets keys that are gone.

use super::{entry, fresh};
use crate::exposition::Format;
use crate::exposition::tests::{checked_samples, page};
use crate::names::{Profile, families};
use crate::snapshot::Snapshot;
use crate::value::StatValue;

fn lines(snapshot: &Snapshot) -> String {
    let families = families(snapshot, Profile::Servicekit);
    checked_samples(&families);
    page(&families, Format::Text004)
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

#[test]
fn keys_that_come_and_go_leave_a_bounded_book() {
    let mut snapshot = with(&["stays"]);
    let mut sizes = Vec::new();
    for round in 0..30_000 {
        let key = format!("request_{round}");
        snapshot.values.entries = with(&["stays", &key]).values.entries;
        let families = families(&snapshot, Profile::Servicekit);
        if round % 5_000 == 4_999 {
            checked_samples(&families);
            let text = page(&families, Format::Text004);
            assert!(text.contains("\nstats_stays 1\n"));
            assert!(text.contains(&format!("\nstats_{key} 1\n")));
            sizes.push(
                snapshot
                    .names
                    .with_book(Profile::Servicekit, |book| book.entries().len()),
            );
        }
    }
    assert!(sizes.iter().all(|size| *size < 5_000), "{sizes:?}");
}
