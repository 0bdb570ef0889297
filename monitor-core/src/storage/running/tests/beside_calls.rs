//! The tree read all the time, beside threads and tasks whose calls begin and end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::data::snapshot::RunningCall;
use crate::{Monitor, StorageConfig};

/// Calls by the attribute. Each method has one caller alone, named before the underscore.
mod calls {
    use tokio::task::yield_now;

    use crate as monitor_core;
    use crate::monitored;

    #[monitored(crate = monitor_core, method = "Sync")]
    pub(super) fn sync(levels: u32) {
        for _ in 0..3 {
            inner(levels);
        }
    }

    #[monitored(crate = monitor_core, method = "Sync_Inner")]
    fn inner(levels: u32) {
        leaf(levels);
    }

    #[monitored(crate = monitor_core, method = "Inner_Leaf")]
    fn leaf(levels: u32) {
        for level in 0..levels {
            std::hint::black_box(level);
        }
    }

    #[monitored(crate = monitor_core, method = "Async")]
    pub(super) async fn later() -> Result<(), &'static str> {
        let (three, ()) = tokio::join!(wrapped(3), async {
            assert!(wrapped(2).await.is_err());
            in_place().await;
        });
        assert!(three.is_err());
        wrapped(0).await?;
        Ok(())
    }

    #[monitored(crate = monitor_core, method = "Async_Wrapped")]
    async fn wrapped(times: u32) -> Result<(), &'static str> {
        for _ in 0..times {
            waits().await?;
        }
        Err("the end")
    }

    #[monitored(crate = monitor_core, method = "Wrapped_Waits")]
    async fn waits() -> Result<(), &'static str> {
        yield_now().await;
        Ok(())
    }

    #[monitored(crate = monitor_core, method = "Async_Place")]
    async fn in_place() {
        yield_now().await;
        below_in_place();
        yield_now().await;
    }

    #[monitored(crate = monitor_core, method = "Place_Below")]
    fn below_in_place() {}
}

/// How often the tree is read with calls of the deepest level in it.
const READS: usize = 1_000;

/// The deepest level.
const DEEPEST: usize = 2;

/// When the test gives up.
const LIMIT: Duration = Duration::from_secs(60);

/// Each line is at most one deeper than the line before, as old as the one above or younger, and its caller is the one
/// that its name has.
fn assert_is_tree(lines: &[RunningCall]) {
    let mut above: Vec<&RunningCall> = Vec::new();
    for line in lines {
        assert!(line.depth <= above.len(), "{lines:#?}");
        above.truncate(line.depth);
        let (caller, _) = line.name.split_once('_').unzip();
        let found = match above.last() {
            Some(caller) => {
                assert!(caller.age >= line.age, "{lines:#?}");
                Some(&*caller.name)
            }
            None => line.caller.as_deref(),
        };
        let found = found.map(|name| name.split_once('_').map_or(name, |(_, own)| own));
        assert_eq!(found, caller, "{lines:#?}");
        above.push(line);
    }
}

fn call_until(monitor: Monitor, is_over: &AtomicBool) {
    let [outlived, child] = ["Outlived", "Outlived_Child"].map(|name| {
        let method = monitor.method(name);
        method.expect("a good name")
    });
    while !is_over.load(Ordering::Relaxed) {
        monitor.scope_sync(|| calls::sync(20));
        let first = monitor.scope_sync(|| outlived.start());
        let child = monitor.scope_sync(|| first.run(|| child.start()));
        drop(first);
        // It has the slot of the first one, and is younger than the child.
        drop((outlived.start(), child));
    }
}

async fn call_later_until(monitor: Monitor, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let ended = monitor.scope(calls::later()).await;
        assert_eq!(ended, Err("the end"));
    }
}

#[test]
fn calls_that_begin_and_end_make_a_tree_at_any_moment() {
    let monitor = Monitor::new(StorageConfig::default());
    let is_over: &'static AtomicBool = Box::leak(Box::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build();
    let runtime = runtime.expect("a runtime");
    let threads = [(); 2].map(|()| thread::spawn(move || call_until(monitor, is_over)));
    let tasks: Vec<_> = (0..40)
        .map(|_| runtime.spawn(call_later_until(monitor, is_over)))
        .collect();
    let (begin, mut reads) = (Instant::now(), 0);
    while reads < READS {
        let lines = monitor.running(1000);
        assert_is_tree(&lines);
        let deepest = lines.iter().map(|line| line.depth).max();
        assert!(deepest <= Some(DEEPEST) && lines.len() <= 1000);
        reads += usize::from(deepest == Some(DEEPEST));
        assert!(begin.elapsed() < LIMIT, "the deepest calls are not seen");
    }
    is_over.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no panic");
    }
    for task in tasks {
        runtime.block_on(task).expect("no panic");
    }
    assert!(monitor.running(1000).is_empty());
}
