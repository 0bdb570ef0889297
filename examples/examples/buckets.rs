//! Bounds of a method's durations: `buckets`, as a preset, a list or a constant.
//!
//! Prints:
//!
//! ```text
//! Batch: 6 bounds from 1s to 1h
//! Block: 4 bounds from 10us to 1ms
//! Default: as configured
//! Preset: as configured
//! ```

use std::time::Duration;

use monitor_core::testing::Recorder;
use monitor_core::{TIME_BOUNDS, monitored};

#[monitored(method = "Default")]
fn default() {}

/// `"time"` is what the configuration has anyway; `"size"` is for what is no duration at all, so it is seldom right here.
#[monitored(method = "Preset", buckets = "time")]
fn preset() {}

/// Seconds, increasing. Everything longer is in the bucket above.
#[monitored(method = "Block", buckets = [0.000_01, 0.000_05, 0.000_2, 0.001])]
fn block() {}

const LONG: &[f64] = &[1.0, 10.0, 60.0, 300.0, 1_800.0, 3_600.0];

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
        let bounds = &*method.success.bounds;
        match bounds {
            [first, .., last] if bounds != TIME_BOUNDS => {
                let [first, last] = [first, last].map(|bound| shown(*bound));
                println!(
                    "{}: {} bounds from {first} to {last}",
                    method.name,
                    bounds.len()
                );
            }
            _ => println!("{}: as configured", method.name),
        }
    }
}

fn shown(seconds: f64) -> String {
    let bound = Duration::from_secs_f64(seconds);
    match bound.as_secs() {
        0 => format!("{bound:?}").replace('µ', "u"),
        3_600 => "1h".to_owned(),
        seconds => format!("{seconds}s"),
    }
}
