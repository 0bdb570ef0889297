use super::*;
use crate::data::catalog::Profile;
use crate::data::family::{Child, ChildValue, FamilyType};
use crate::export::encode::encode_named;
use crate::export::protobuf::tests::reader;
use crate::recording::exemplar::Exemplar;
use crate::{Clock, Monitor, Outcome, StorageConfig};

fn gauge(name: &'static str) -> Family {
    Family {
        name: name.into(),
        help: "A gauge.".into(),
        kind: FamilyType::Gauge,
        unit: None,
        children: vec![Child::new([], ChildValue::Int(7))],
    }
}

fn used() -> Monitor {
    let monitor = Monitor::new(StorageConfig::default());
    let method = monitor.method("Get").expect("a valid name");
    monitor.set_exemplars(|| Some(Exemplar::new([("trace_id", "4bf92f")])));
    method.start().finish(Outcome::Success);
    method.start().finish(Outcome::ErrorType("other"));
    monitor.set_stats("jobs", 3).expect("a free key");
    monitor
}

#[test]
fn a_page_is_the_same_whether_the_storage_is_merged_or_not() {
    let snapshot = used().snapshot();
    for (other, whole) in [
        (gauge("mine"), false),
        (gauge("stats_jobs"), true),
        (gauge("tasks_count"), true),
        (gauge("stats_hist_time_full_count"), true),
    ] {
        for profile in Profile::ALL {
            let others = vec![vec![other.clone()]];
            let exporter = Exporter::new(profile);
            let page = Page::new(&exporter, snapshot.clone(), others.clone());
            let is_whole = page.snapshot.is_none();
            assert_eq!(
                is_whole,
                whole && profile == Profile::Servicekit,
                "{}",
                other.name
            );
            let all = std::iter::once(exporter.families(&snapshot)).chain(others);
            let merged = merge(all.collect());
            for format in [Format::Text004, Format::OpenMetrics100] {
                let (mut one, mut text) = (Vec::new(), Vec::new());
                page.encode(&[], format, &mut one);
                crate::export::exposition::encode(&merged.families, format, &mut text);
                let mut parts = Vec::new();
                page.encode_in_parts(&[], format, |part| parts.extend_from_slice(part));
                assert_eq!(parts, one);
                let count = one.windows(4).filter(|four| four == b" # {").count();
                let kept = snapshot.methods[0].exemplars.len();
                let wanted = if format == Format::Text004 { 0 } else { kept };
                assert_eq!((count, kept > 0), (wanted, true), "{}", other.name);
                assert_eq!(String::from_utf8(one), String::from_utf8(text));
            }
            assert_eq!(page.merged.dropped_series, merged.dropped_series);
            assert_eq!(page.merged.dropped_families, merged.dropped_families);
        }
    }
}

#[test]
fn a_merged_page_keeps_the_start_times_of_the_storage() {
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    let done = monitor.method("Get").expect("a valid name").start();
    done.finish(Outcome::Success);
    hand.advance(std::time::Duration::from_secs(60));
    let jobs = crate::metric::MetricDesc::new("jobs", "Jobs.").labels(["queue"]);
    let jobs = monitor.register_counter(jobs).expect("a free name");
    jobs.with(["mail"]).inc();
    let theirs = Family {
        kind: FamilyType::Counter,
        ..gauge("jobs_total")
    };
    let others = vec![vec![theirs]];
    let exporter = Exporter::new(Profile::Servicekit);
    let snapshot = monitor.snapshot();
    let read = |others: Vec<Vec<Family>>, is_merged: bool| {
        let page = Page::new(&exporter, snapshot.clone(), others);
        assert_eq!(page.snapshot.is_none(), is_merged);
        let mut out = Vec::new();
        page.encode(&[], Format::Protobuf, &mut out);
        reader::read(&out).expect("a page of messages")
    };
    let mut merged = read(others, true);
    let all = merged.iter_mut().find(|family| family.name == "jobs_total");
    let all = &mut all.expect("the family of both").metrics;
    let starts: Vec<_> = all.iter().map(|metric| metric.started).collect();
    assert_eq!(starts, [Some(1_700_000_060.0), None]);
    // Without the registry's child it is the page of the storage alone.
    all.pop();
    assert_eq!(merged, read(vec![], false));
    let calls = merged.iter().find(|one| one.name == "stats_hist_time_full");
    let calls = &calls.expect("durations").metrics[0];
    assert_eq!(calls.started, Some(1_700_000_000.0));
}

#[test]
fn a_page_in_parts_has_the_samples_of_the_names_asked_for_and_no_other_head() {
    let families = ["a", "b", "c", "d"].map(gauge);
    for format in [Format::Text004, Format::OpenMetrics100] {
        for names in [&["a"][..], &["a", "d"], &["b"], &["none"], &[]] {
            let mut whole = Vec::new();
            encode_named(&families, names, format, &mut whole);
            let whole = String::from_utf8(whole).expect("a page is text");
            // A head may be what makes a part long enough to be handed on.
            for least in 1..whole.len() + 2 {
                let (mut parts, mut out) = (Vec::new(), Vec::new());
                let mut take = |part: &[u8]| parts.extend_from_slice(part);
                let encoder = Encoder::new(format, names, &mut out).in_parts(least, &mut take);
                encoder.write(&families);
                let parts = String::from_utf8(parts).expect("a page is text");
                assert_eq!(parts, whole, "{names:?} {least}");
            }
        }
    }
}
