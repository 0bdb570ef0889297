//! Bounds of a method's durations: `buckets`, as a preset, a list or a constant.
//!
//! What a method has of its own comes to the common bounds, so that methods can still be added up.
//!
//! Prints:
//!
//! ```text
//! Batch adds 7200s 14400s 28800s
//! Block adds 10us 50us 200us
//! Default adds nothing
//! Preset adds nothing
//! ```

use std::time::Duration;

use monitor_core::testing::Recorder;
use monitor_core::{TIME_BOUNDS, monitored};

#[monitored(method = "Default")]
fn default() {}

/// The common ones by name.
#[monitored(method = "Preset", buckets = "time")]
fn preset() {}

/// Seconds, increasing. Everything longer is in the bucket above; 0.001 is there anyway.
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
    for method in recorder.snapshot().methods {
        let bounds = method.success.bounds.iter();
        let own = bounds.filter(|bound| !TIME_BOUNDS.contains(bound));
        let own: Vec<String> = own.map(|bound| shown(*bound)).collect();
        let own = if own.is_empty() {
            "nothing".to_owned()
        } else {
            own.join(" ")
        };
        println!("{} adds {own}", method.name);
    }
}

fn shown(seconds: f64) -> String {
    if seconds < 1.0 {
        let bound = Duration::from_secs_f64(seconds);
        return format!("{}us", bound.as_micros());
    }
    format!("{seconds}s")
}
