//! Bounds of a method's durations: `buckets`, as a preset, a list or a constant.
//!
//! A method's own bounds are added to the common ones (15 by default; the setting `buckets` replaces them), so
//! that methods can still be added up.
//!
//! Prints:
//!
//! ```text
//! Batch adds 3600s 7200s 14400s 28800s
//! Block adds 10us 50us 200us
//! Default adds nothing
//! Preset adds 40 bounds
//! ```

use std::time::Duration;

use monitor_core::family::ChildValue;
use monitor_core::names::{Profile, families};
use monitor_core::testing::Recorder;
use monitor_core::{DEFAULT_BUCKETS, monitored};

#[monitored(method = "Default")]
fn default() {}

/// The finer ones of the profile `servicekit`, by name.
#[monitored(method = "Preset", buckets = "time")]
fn preset() {}

/// Seconds, increasing. Longer durations are in the bucket above; 0.001 is a common bound already.
#[monitored(method = "Block", buckets = [0.000_01, 0.000_05, 0.000_2, 0.001])]
fn block() {}

const LONG: &[f64] = &[3_600.0, 7_200.0, 14_400.0, 28_800.0];

#[monitored(method = "Batch", buckets = LONG)]
fn batch() {}

fn main() {
    let recorder = Recorder::new();
    recorder.scope_sync(|| {
        default();
        preset();
        block();
        batch();
    });
    let families = families(&recorder.snapshot(), Profile::Prometheus);
    let durations = families
        .iter()
        .find(|family| family.name == "service_request_duration_seconds");
    // Each method has a child of calls that failed, and one of the others.
    for child in durations
        .iter()
        .flat_map(|family| family.children.iter().step_by(2))
    {
        let ChildValue::Histogram(histogram) = &child.value else {
            continue;
        };
        let bounds = histogram.bounds.iter();
        let own = bounds.filter(|bound| !DEFAULT_BUCKETS.contains(bound));
        let own: Vec<String> = own.map(|bound| shown(*bound)).collect();
        let own = match own.len() {
            0 => "nothing".to_owned(),
            1..=9 => own.join(" "),
            many => format!("{many} bounds"),
        };
        println!("{} adds {own}", child.labels[0].value);
    }
}

fn shown(seconds: f64) -> String {
    if seconds < 1.0 {
        let bound = Duration::from_secs_f64(seconds);
        return format!("{}us", bound.as_micros());
    }
    format!("{seconds}s")
}
