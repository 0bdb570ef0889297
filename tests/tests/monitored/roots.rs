//! `root`: on each shape of a function, and inside of another call.

use std::pin::Pin;

use futures_core::Stream;
use monitor_core::testing::{self, Recorder, call};
use monitor_core::{MonitorLabel, monitored};

use crate::drive::{collect, items, pause, poll, ready};

#[derive(Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    Paid,
}

#[monitored(root)]
fn sync(fail: bool) -> Result<u8, String> {
    if fail {
        return Err("no".to_owned());
    }
    Ok(1)
}

#[monitored(root)]
fn unit() {}

#[monitored(root)]
async fn in_place() -> u8 {
    pause().await;
    1
}

#[monitored(root, labels(tier = tier))]
async fn early(tier: Tier, fail: bool) -> Result<u8, String> {
    pause().await;
    sync(fail)?;
    Ok(u8::from(matches!(tier, Tier::Paid)))
}

#[monitored(root, max_concurrency = 1, call = call)]
async fn limited() {
    call.observe("tokens", 1.0);
    pause().await;
}

#[monitored(root)]
fn boxed() -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async { in_place().await })
}

#[monitored(root)]
fn opaque() -> impl Future<Output = u8> {
    std::future::ready(1)
}

#[monitored(root)]
fn stream() -> impl Stream<Item = u8> {
    items([1, 2])
}

#[monitored(root)]
async fn stream_later() -> impl Stream<Item = u8> {
    pause().await;
    items([1, 2])
}

#[monitored(root)]
fn closure() -> impl Fn(&str) -> usize {
    |text| text.len()
}

#[monitored(root)]
#[track_caller]
fn traced() -> u32 {
    std::panic::Location::caller().line()
}

#[monitored(root)]
async fn forever() -> ! {
    loop {
        pause().await;
    }
}

struct Store;

#[monitored]
impl Store {
    #[monitored(root)]
    fn clean(&self) {}
}

/// Drives tasks in its own poll, as a `LocalSet` does.
#[monitored]
async fn pump() -> u8 {
    let mut forever = Box::pin(forever());
    assert!(poll(forever.as_mut()).is_pending());
    ready(in_place()) + boxed().await
}

#[test]
fn each_shape_is_recorded_as_without() {
    let (line, recorded) = testing::record(|| {
        assert!(sync(false).is_ok() && sync(true).is_err());
        unit();
        assert_eq!(ready(early(Tier::Paid, false)), Ok(1));
        assert!(ready(early(Tier::Free, true)).is_err());
        ready(limited());
        assert_eq!(ready(opaque()), 1);
        assert_eq!(
            collect(stream()).len() + collect(ready(stream_later())).len(),
            4
        );
        assert_eq!(closure()("text"), 4);
        Store.clean();
        traced()
    });
    assert_eq!(line, line!() - 2);
    recorded.assert_exactly([
        call("sync").success().times(2),
        call("sync").failure("other").times(2),
        call("unit").success(),
        call("early").label("tier", "paid").success(),
        call("early").label("tier", "free").failure("other"),
        call("limited").success(),
        call("limited").observed("tokens", [1]),
        call("limited").observed("permit_wait_time", [0]),
        call("opaque").success(),
        call("stream").success(),
        call("stream").items(2),
        call("stream_later").success(),
        call("stream_later").items(2),
        call("closure").success(),
        call("Store::clean").success(),
        call("traced").success(),
    ]);
}

/// Calls each shape and then a plain function, whose caller is this function again: also after a root was suspended
/// here, and dropped.
#[monitored]
async fn calls_all() {
    let _ = sync(false);
    plain();
    unit();
    plain();
    let _ = early(Tier::Paid, false).await;
    plain();
    limited().await;
    plain();
    let _ = opaque().await;
    plain();
    let _ = collect(stream());
    plain();
    drop(Box::pin(stream_later()));
    let mut forever = Box::pin(forever());
    assert!(poll(forever.as_mut()).is_pending());
    plain();
    drop(forever);
    plain();
    traced();
    let _ = closure();
    plain();
    Store.clean();
    plain();
}

#[monitored]
fn plain() {}

#[test]
fn the_caller_is_the_current_call_again_behind_a_root() {
    let probe = Recorder::new();
    probe.scope_sync(|| ready(calls_all()));
    let methods = probe.snapshot().methods.into_iter();
    for method in methods.filter(|method| method.started > 0) {
        let callers: Vec<_> = method
            .callers
            .iter()
            .map(|one| one.caller.as_deref())
            .collect();
        let expected = (&*method.name == "plain").then_some("calls_all");
        assert_eq!(callers, [expected], "{}", method.name);
    }
}

#[test]
fn one_that_another_call_polls_is_a_call() {
    let probe = Recorder::new();
    assert_eq!(probe.scope_sync(|| ready(pump())), 2);
    let methods = probe.snapshot().methods;
    assert_eq!(methods.len(), 4);
    for method in methods {
        let callers: Vec<_> = method.callers.iter().map(|one| &one.caller).collect();
        assert_eq!(callers, [&None], "{}", method.name);
    }
    probe.recorded().assert_exactly([
        call("pump").success(),
        call("in_place").success().times(2),
        call("boxed").success(),
        call("forever").failure("cancelled"),
    ]);
}
