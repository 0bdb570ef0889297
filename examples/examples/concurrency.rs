//! How many calls run at once: `max_concurrency`, as a number or the configured one (`workers`).
//!
//! A call that waits is in flight, its waiting is part of its duration, and the calls that wait are shown apart.
//!
//! Prints:
//!
//! ```text
//! while they run:
//! 3 x Index in flight
//! 2 x Index waiting
//! 3 x Search in flight
//! 1 x Search waiting
//! afterwards:
//! 3 x Index success
//! 3 x Search success
//! ```

use monitor_core::testing::Recorder;
use monitor_core::{StorageConfig, monitored};
use tokio::sync::Semaphore;

#[monitored(method = "Search", max_concurrency = 2)]
async fn search(gate: &Semaphore) {
    pass(gate).await;
}

/// The limit is a setting of the configuration: 1 here.
#[monitored(method = "Index", max_concurrency = workers)]
async fn index(gate: &Semaphore) {
    pass(gate).await;
}

/// The work: waits until the gate is opened.
async fn pass(gate: &Semaphore) {
    assert!(gate.acquire().await.is_ok());
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut config = StorageConfig::default();
    config.max_workers = 1;
    let recorder = Recorder::builder().config(config).build();
    let gate = Semaphore::new(0);
    let calls = recorder.scope(async {
        tokio::join!(
            search(&gate),
            search(&gate),
            search(&gate),
            index(&gate),
            index(&gate),
            index(&gate),
        )
    });
    let look = async {
        print!("while they run:\n{}", recorder.take());
        gate.add_permits(1);
    };
    tokio::join!(calls, look);
    print!("afterwards:\n{}", recorder.take());
}
