//! The rows about values recorded by key.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use monitor_core::{Keep, Monitor};
use prometheus::{IntCounter, IntCounterVec, Opts};

use crate::harness::{Batch, Row, Threads, batch};
use crate::rows::{MONITORED, PROMETHEUS, PROMETHEUS_CLIENT, PROMETHEUS_LOOKUP};

pub(crate) const BY_KEY: &str = "inc_stats by key";
pub(crate) const BY_HANDLE: &str = "inc_stats by handle";
pub(crate) const APPEND: &str = "append_stats, last 100";

/// A key with a label, as users write it.
const KEY: &str = "documents_tagged_total___queue__interactive";

const LIST: &str = "confidence_of_tags";

/// The same as [`KEY`] in `prometheus`.
static FAMILY: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let opts = Opts::new("documents_tagged_total", "documents tagged");
    IntCounterVec::new(opts, &["queue"]).expect("a good name")
});

fn row(name: &'static str, candidates: Vec<(&'static str, Batch)>) -> Row {
    Row {
        name,
        threads: Threads::One,
        base: batch(|x| x),
        candidates,
    }
}

/// A known key, looked up each time.
pub(crate) fn by_key() -> Row {
    let monitor = Monitor::global();
    row(
        BY_KEY,
        vec![
            (MONITORED, batch(move |_| monitor.inc_stats(KEY, 1))),
            (
                PROMETHEUS_LOOKUP,
                batch(|_| FAMILY.with_label_values(&["interactive"]).inc()),
            ),
        ],
    )
}

/// A handle kept by the caller.
pub(crate) fn by_handle() -> Row {
    let ours = Monitor::global().counter(KEY).expect("the key is a number");
    let prometheus: IntCounter = FAMILY.with_label_values(&["interactive"]);
    let client = prometheus_client::metrics::counter::Counter::<u64>::default();
    row(
        BY_HANDLE,
        vec![
            (MONITORED, batch(move |_| ours.inc())),
            (PROMETHEUS, batch(move |_| prometheus.inc())),
            (PROMETHEUS_CLIENT, batch(move |_| client.inc())),
        ],
    )
}

/// A list that is full, as it is in a service that has run for a while.
pub(crate) fn append() -> Row {
    let monitor = Monitor::global();
    let keep = NonZeroUsize::new(100).map_or(Keep::Default, Keep::Last);
    let ours = batch(move |_| monitor.append_stats(LIST, 0.5, keep));
    row(APPEND, vec![(MONITORED, ours)])
}
