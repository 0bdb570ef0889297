//! What registered metrics do.
#![allow(clippy::float_cmp, reason = "sums of powers of two are exact")]

mod native;
mod page;
mod registration;
mod removal;

use std::time::Duration;

use crate::base::clock::{Clock, ManualClock};
use crate::export::encode::tests::{checked_samples, page};
use crate::export::exposition::Format;
use crate::export::names::{Profile, families};
use crate::metrics::typed::{Counter, Gauge, MetricDesc, MetricField, RegisterError};
use crate::monitor::Monitor;
use crate::recording::config::StorageConfig;

type Tested = Result<(), RegisterError>;

fn monitor() -> Monitor {
    Monitor::new(StorageConfig::default())
}

fn limited(max_series: usize) -> Monitor {
    Monitor::new(StorageConfig {
        max_series,
        ..StorageConfig::default()
    })
}

/// A monitor whose series leave after ten seconds without an update.
fn idling() -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    let config = StorageConfig {
        idle_series: Duration::from_secs(10),
        ..StorageConfig::default()
    };
    (Monitor::with_clock(config, clock), hand)
}

/// The lines of a page that say something of families of these names; checked to be a valid page.
fn lines(monitor: Monitor, name: &str, format: Format) -> Vec<String> {
    let families = families(&monitor.snapshot(), Profile::Servicekit);
    checked_samples(&families);
    let page = page(&families, format);
    let is_of = |line: &&str| {
        let line = line.split_once("# ").map_or(*line, |(_, rest)| {
            rest.split_once(' ').map_or(rest, |(_, rest)| rest)
        });
        line.starts_with(name)
    };
    page.lines().filter(is_of).map(str::to_owned).collect()
}

fn samples(monitor: Monitor, name: &str) -> Vec<String> {
    let mut lines = lines(monitor, name, Format::Text004);
    lines.retain(|line| !line.starts_with('#'));
    lines
}
