//! The rows about labels of calls: the overhead of one label, of a closed set or of any text.

use std::hint::black_box;

use monitor_core::{MonitorLabel, monitored};

use crate::harness::{Batch, Row, Threads, batch};
use crate::rows::MONITORED;
use crate::work::{Answer, work};

pub(crate) const BOUNDED: &str = "one bounded label";
pub(crate) const CAPPED: &str = "one capped label";

/// A closed set, as an enum of the caller.
#[derive(Debug, Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    Basic,
    Premium,
    Internal,
}

const TIERS: [Tier; 4] = [Tier::Free, Tier::Basic, Tier::Premium, Tier::Internal];

/// Values of a capped label: 12 bytes or so, as the name of a customer or a queue.
#[rustfmt::skip]
const TENANTS: [&str; 20] = [
    "acme-eu-west", "acme-us-east", "globex-prod1", "globex-prod2", "initech-main", "initech-test", "umbrella-lab",
    "umbrella-hq", "hooli-search", "hooli-mail-2", "stark-tower1", "stark-tower2", "wayne-night", "wayne-office",
    "tyrell-nexus", "cyberdyne-01", "cyberdyne-02", "soylent-farm", "oscorp-labs1", "massive-dyn7",
];

/// The label of a call changes from one to the next, in an order that a processor learns as it would a service's.
fn tier(x: u64) -> Tier {
    TIERS[at(x, TIERS.len())]
}

fn tenant(x: u64) -> &'static str {
    TENANTS[at(x, TENANTS.len())]
}

fn at(x: u64, len: usize) -> usize {
    usize::try_from(x).unwrap_or_default() % len
}

#[monitored(labels(tier = tier))]
fn of_tier(x: u64, tier: Tier) -> Answer {
    let _ = black_box(tier);
    work(x)
}

fn bare_of_tier(x: u64, tier: Tier) -> Answer {
    let _ = black_box(tier);
    work(x)
}

#[monitored(labels(capped(tenant = tenant, max = 100)))]
fn of_tenant(x: u64, tenant: &str) -> Answer {
    let _ = black_box(tenant);
    work(x)
}

fn bare_of_tenant(x: u64, tenant: &str) -> Answer {
    let _ = black_box(tenant);
    work(x)
}

/// A label with a closed set of values.
pub(crate) fn bounded() -> Row {
    row(
        BOUNDED,
        batch(|x| bare_of_tier(x, tier(x))),
        batch(|x| of_tier(x, tier(x))),
    )
}

/// A label with any text, up to so many values.
pub(crate) fn capped() -> Row {
    row(
        CAPPED,
        batch(|x| bare_of_tenant(x, tenant(x))),
        batch(|x| of_tenant(x, tenant(x))),
    )
}

fn row(name: &'static str, base: Batch, ours: Batch) -> Row {
    Row {
        name,
        threads: Threads::One,
        base,
        candidates: vec![(MONITORED, ours)],
    }
}
