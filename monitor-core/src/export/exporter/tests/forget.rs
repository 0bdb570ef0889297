//! The registry of names forgets keys that are gone.

use super::{entry, fresh};
use crate::data::snapshot::Snapshot;
use crate::data::value::StatValue;
use crate::export::encode::Format;
use crate::export::encode::tests::{checked_samples, page as written};
use crate::export::names::{Exporter, Profile};
use crate::{Monitor, StorageConfig};

fn lines(exporter: &Exporter, snapshot: &Snapshot) -> String {
    let families = exporter.families(snapshot);
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

/// The same after so many removals.
fn after(removals: u64, keys: &[&str]) -> Snapshot {
    let mut snapshot = with(keys);
    snapshot.values.removals = removals;
    snapshot
}

#[test]
fn the_family_of_a_removed_key_is_free_for_others() {
    let exporter = Exporter::new(Profile::Servicekit);
    let page = |snapshot: &Snapshot| lines(&exporter, snapshot);
    let all = page(&with(&["a/b", "a+b", "c___x__1", "c___x__2"]));
    assert!(all.contains("\nstats_a_b 1\n") && all.contains("stats_key_1298c425 1\n"));
    let gone = page(&with(&["a+b", "c___x__1", "c___x__2"]));
    assert!(
        gone.contains("stats_key_1298c425 1\n"),
        "what is decided stays"
    );
    // One that is there stays where it is, also where its name is free now.
    let removed = page(&after(1, &["a+b", "c___x__1", "c___x__2"]));
    assert!(removed.contains("stats_key_1298c425 1\n"), "{removed}");
    page(&after(2, &["c___x__1", "c___x__2"]));
    let again = page(&after(2, &["a+b", "c___x__1", "c___x__2"]));
    assert!(again.contains("\nstats_a_b 1\n"), "{again}");
    // A family with other series stays with its owner.
    let other = page(&after(3, &["C___x__1", "c___x__2"]));
    assert!(other.contains("stats_c{x=\"2\"} 1\n"), "{other}");
    assert!(!other.contains("stats_c{x=\"1\"} 1\n"), "{other}");
}

#[test]
fn a_removal_is_seen_by_every_exporter_of_a_storage() {
    let monitor = Monitor::new(StorageConfig::default());
    let exporters = Profile::ALL.map(Exporter::new);
    let page = |exporter: &Exporter| lines(exporter, &monitor.snapshot());
    let hashed = |exporter: &Exporter| page(exporter).contains("\nstats_key_");
    monitor.set_stats("a/b", 1).expect("a number");
    for exporter in &exporters {
        page(exporter);
    }
    monitor.set_stats("a+b", 2).expect("a number");
    assert_eq!(exporters.each_ref().map(hashed), [true; 2]);
    monitor.remove_stats("a/b");
    monitor.remove_stats("a+b");
    page(&exporters[0]);
    monitor.set_stats("a+b", 3).expect("a number");
    // One wrote a page in between, the other did not: there the key never was gone.
    assert_eq!(exporters.each_ref().map(hashed), [false, true]);
}

/// More than twice as many keys as the registry remembers of those that are gone: it forgets them, and then some more.
const ROUNDS: usize = 20_000;

#[test]
fn keys_that_come_and_go_leave_a_bounded_registry() {
    let exporter = Exporter::new(Profile::Servicekit);
    let mut snapshot = with(&["stays"]);
    let mut most = 0;
    for round in 1..=ROUNDS {
        let key = format!("request_{round}");
        snapshot.values.entries.truncate(1);
        snapshot.values.entries.push(entry(&key, StatValue::Int(1)));
        // What a page does before it shows anything, which is all that the registry sees of it.
        let entries = exporter.with_page(&snapshot, |page| page.registry.entries.len());
        most = most.max(entries);
        if round % (ROUNDS / 5) == 0 {
            let text = lines(&exporter, &snapshot);
            assert!(text.contains("\nstats_stays 1\n"));
            assert!(text.contains(&format!("\nstats_{key} 1\n")));
        }
    }
    assert!((4_000..5_000).contains(&most), "{most}");
}
