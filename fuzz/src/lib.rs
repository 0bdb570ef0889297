//! The parts that the fuzz targets share: pages of the fuzzed values, and the strict parser of the unit tests.

use std::sync::{Arc, LazyLock};

pub use monitor_core::exposition::Format;
use monitor_core::exposition::{encode_named, encode_snapshot};
use monitor_core::key::StatKey;
use monitor_core::names::{Profile, families};
use monitor_core::snapshot::{Snapshot, ValueEntry};
use monitor_core::{Monitor, StatValue, StorageConfig};

mod tests;

/// Both formats.
pub const FORMATS: [Format; 2] = [Format::Text004, Format::OpenMetrics100];

/// A sample as the strict parser reads it: name, labels, value.
pub type Sample = (String, Vec<(String, String)>, f64);

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let mut snapshot = Monitor::new(StorageConfig::default()).snapshot();
    // Pages are made and read for each input: few bounds make them short.
    snapshot.time_bounds = Arc::from([1.0]);
    snapshot
});

/// A snapshot with one value under each of these keys.
pub fn snapshot(keys: &[&str]) -> Snapshot {
    let mut snapshot = SNAPSHOT.clone();
    let entries = keys.iter().zip(1000_i64..).map(|(raw, value)| ValueEntry {
        key: Arc::new(StatKey::parse(raw)),
        value: StatValue::Int(value),
    });
    snapshot.values.entries = entries.collect();
    snapshot
}

/// The page of a snapshot, in one pass, equal to the encoding of its families.
///
/// # Panics
///
/// If the two differ.
pub fn page(snapshot: &Snapshot, profile: Profile, names: &[&str], format: Format) -> String {
    let (mut page, mut by_families) = (Vec::new(), Vec::new());
    encode_snapshot(snapshot, profile, names, format, &mut page);
    let families = families(snapshot, profile);
    encode_named(&families, names, format, &mut by_families);
    assert!(
        page == by_families,
        "one pass writes what families are written as"
    );
    String::from_utf8(page).expect("a page is UTF-8")
}

/// The samples of a whole page.
///
/// # Panics
///
/// If a strict parser refuses it.
pub fn read(page: &str, format: Format) -> Vec<Sample> {
    let parsed =
        tests::strict::parse(page, format).unwrap_or_else(|fault| panic!("{fault}\n{page}"));
    triples(parsed.samples)
}

/// The samples of a part of a page.
///
/// # Panics
///
/// If a line is none.
pub fn read_part(page: &str) -> Vec<Sample> {
    triples(tests::strict::samples(page).unwrap_or_else(|fault| panic!("{fault}\n{page}")))
}

fn triples(samples: Vec<tests::strict::Sample>) -> Vec<Sample> {
    let samples = samples.into_iter();
    samples
        .map(|sample| (sample.name, sample.labels, sample.value))
        .collect()
}
