//! The settings of native histograms, which have other names in each generation of Prometheus.

use std::path::Path;
use std::process::Command;

/// Major and minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

/// The limit of [`Version::limit_key`].
pub(crate) const BUCKET_LIMIT: usize = 50;

impl Version {
    /// Of a program, as it prints it: `prometheus, version 2.42.0+ds (branch: ..`.
    pub(crate) fn of(program: &Path) -> Self {
        let output = Command::new(program).arg("--version").output();
        let output = output.expect("it runs");
        // Version 2 prints it to the one, or to the other.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("UTF-8");
        Self::parse(&text).unwrap_or_else(|| panic!("no version: {text}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("version ")?;
        let mut numbers = rest.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// The feature that turns native histograms on for all jobs; since 3.8 each job has a key for it.
    pub(crate) fn native_feature(self) -> Option<&'static str> {
        (self < Self(3, 8)).then_some("native-histograms")
    }

    /// The key that does so for a job.
    pub(crate) fn native_key(self) -> Option<&'static str> {
        (self >= Self(3, 8)).then_some("scrape_native_histograms: true")
    }

    /// The key that keeps the classic series beside the native ones. 2.45 has it, but takes only the first histogram of
    /// each family for a native one then.
    pub(crate) fn classic_key(self) -> Option<&'static str> {
        if self >= Self(3, 0) {
            Some("always_scrape_classic_histograms: true")
        } else {
            (self >= Self(2, 46)).then_some("scrape_classic_histograms: true")
        }
    }

    /// The key that limits the buckets of a histogram. Before 2.49 the scrape of one with more fails.
    pub(crate) fn limit_key(self) -> Option<&'static str> {
        (self >= Self(2, 49)).then_some("native_histogram_bucket_limit: 50")
    }

    /// The key that makes native histograms of classic ones, the bounds of which stay as they are.
    pub(crate) fn convert_key(self) -> Option<&'static str> {
        (self >= Self(3, 0)).then_some("convert_classic_histograms_to_nhcb: true")
    }

    /// The key that asks for protobuf whatever else is set. From 2.49 to 2.52 the scrape would fail then.
    pub(crate) fn protobuf_key(self) -> Option<&'static str> {
        (self >= Self(2, 53)).then_some("scrape_protocols: [PrometheusProto]")
    }

    /// The feature that stores a zero at the start timestamp of each series.
    pub(crate) fn zeros_feature(self) -> Option<&'static str> {
        (self >= Self(2, 50)).then_some("created-timestamp-zero-ingestion")
    }

    /// Whether it stores all exemplars of a native histogram, and not one of them.
    pub(crate) fn stores_all_exemplars(self) -> bool {
        self >= Self(2, 46)
    }

    /// Whether the zeros of native histograms are native histograms, and not numbers between them.
    pub(crate) fn stores_native_zeros(self) -> bool {
        self >= Self(3, 0)
    }

    /// Whether the durations of a page in protobuf are lost while native histograms are off.
    pub(crate) fn loses_durations(self) -> bool {
        self < Self(3, 8)
    }
}

#[test]
fn a_version_is_read_as_it_is_printed() {
    let printed = "prometheus, version 2.53.3+ds1 (branch: debian/sid, revision: 2.53.3+ds1-2)";
    assert_eq!(Version::parse(printed), Some(Version(2, 53)));
    assert_eq!(Version::parse("prometheus"), None);
}
