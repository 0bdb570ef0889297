//! Callers are exact: edges of many tasks on 4 workers, compared with those that the test counts itself.

mod autoscaling;
mod methods;
mod plan;
mod tasks;
mod truth;
mod watch;

use std::ops::Range;
use std::time::Duration;

use monitor_core::Monitor;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::methods::{OnPurpose, call};
use crate::plan::Planner;
use crate::watch::{Watch, assert_all_failures_have_callers};

/// Of a plan. Some half of them are made: others stand behind a failure, or in a future that is dropped.
const CALLS_OF_A_TREE: usize = 400;
const TREES_AT_ONCE: u64 = 16;
const ROUNDS: u64 = 20;
/// Longest the tasks of a test may take; they take less than a second.
const LIMIT: Duration = Duration::from_secs(50);

/// A runtime that is never dropped: that would wait for a task that hangs.
fn four_workers() -> &'static Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(4).enable_time();
    Box::leak(Box::new(builder.build().expect("a runtime")))
}

fn silence_panics_on_purpose() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.payload().is::<OnPurpose>() {
            print(panic);
        }
    }));
}

async fn run_trees(seeds: Range<u64>) {
    let trees: Vec<_> = seeds
        .map(|seed| tokio::spawn(call(Planner::tree(seed, CALLS_OF_A_TREE), None)))
        .collect();
    for tree in trees {
        tree.await.expect("a root has no panic");
    }
    // Detached tasks go on.
    while Handle::current().metrics().num_alive_tasks() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn random_trees_have_exactly_the_edges_that_were_called() {
    silence_panics_on_purpose();
    let runtime = four_workers();
    let watch = Watch::start();
    for round in 0..ROUNDS {
        let seeds = round * TREES_AT_ONCE..(round + 1) * TREES_AT_ONCE;
        let trees = run_trees(seeds.clone());
        let ended = runtime.block_on(async { tokio::time::timeout(LIMIT, trees).await });
        assert!(ended.is_ok(), "the trees of the seeds {seeds:?} hang");
        let snapshot = Monitor::global().snapshot();
        let recorded = truth::recorded(&snapshot, &truth::NAMES);
        assert_eq!(recorded, truth::expected(), "seeds {seeds:?}");
        assert_all_failures_have_callers(&snapshot, &truth::NAMES);
    }
    watch.stop();
}
