//! Streams: recognised by their type or named by `stream`; in flight until their end, items counted.

use std::pin::Pin;

use futures_core::Stream;
use monitor_core::testing::{self, Recorder, call};
use monitor_core::{TaskStatus, monitored};

use crate::drive::{Items, collect, items, next, pause, ready};

type Item = Result<u8, String>;

fn bad() -> Item {
    Err("bad".to_owned())
}

#[monitored]
fn numbers(count: u8) -> impl Stream<Item = u8> {
    items(0..count)
}

#[monitored]
fn results(list: Vec<Item>) -> impl Stream<Item = Item> + Unpin + Send {
    items(list)
}

#[monitored]
fn pinned<'a>(list: &'a [u8]) -> Pin<Box<dyn Stream<Item = Item> + Send + 'a>> {
    Box::pin(items(
        list.iter()
            .map(|item| if *item == 0 { bad() } else { Ok(*item) }),
    ))
}

#[monitored]
fn boxed() -> Box<dyn Stream<Item = u8> + Unpin> {
    Box::new(items([1, 2]))
}

type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
type LocalBoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + 'a>>;

#[monitored]
fn box_stream() -> BoxStream<'static, Item> {
    Box::pin(items([Ok(1), bad()]))
}

#[monitored]
fn local_box_stream() -> LocalBoxStream<'static, u8> {
    Box::pin(items([1]))
}

type Hidden = Pin<Box<dyn Stream<Item = Item> + Send>>;

#[monitored(stream)]
fn hidden(list: Vec<Item>) -> Hidden {
    Box::pin(items(list))
}

#[monitored(stream)]
async fn hidden_async(list: Vec<Item>) -> Hidden {
    pause().await;
    Box::pin(items(list))
}

#[monitored(stream)]
fn shown_and_said() -> impl Stream<Item = u8> {
    items([7])
}

#[monitored]
async fn async_stream(count: u8) -> impl Stream<Item = u8> {
    pause().await;
    items(0..count)
}

#[monitored]
async fn async_early(list: Vec<Item>, early: bool) -> Pin<Box<dyn Stream<Item = Item>>> {
    if early {
        return Box::pin(items([]));
    }
    pause().await;
    Box::pin(items(list))
}

#[test]
fn each_kind_of_stream_counts_its_items_and_ends_with_them() {
    let (_, recorded) = testing::record(|| {
        assert_eq!(collect(numbers(3)), [0, 1, 2]);
        assert_eq!(collect(results(vec![bad(), Ok(1), Ok(2)])).len(), 3);
        assert_eq!(collect(pinned(&[1, 0])), [Ok(1), bad()]);
        assert_eq!(collect(boxed()), [1, 2]);
        assert_eq!(collect(box_stream()).len(), 2);
        assert_eq!(collect(local_box_stream()), [1]);
        assert_eq!(collect(hidden(vec![Ok(1)])), [Ok(1)]);
        assert_eq!(collect(ready(hidden_async(vec![bad()]))), [bad()]);
        assert_eq!(collect(shown_and_said()), [7]);
        assert_eq!(collect(ready(async_stream(2))), [0, 1]);
        assert!(collect(ready(async_early(vec![], true))).is_empty());
        assert_eq!(collect(ready(async_early(vec![Ok(3)], false))), [Ok(3)]);
    });
    recorded.assert_exactly([
        call("numbers").success(),
        call("numbers").items(3),
        call("results").success(),
        call("results").items(2),
        call("results").failed_items(1),
        call("pinned").failure("other"),
        call("pinned").items(1),
        call("pinned").failed_items(1),
        call("boxed").success(),
        call("boxed").items(2),
        call("box_stream").failure("other"),
        call("box_stream").items(1),
        call("box_stream").failed_items(1),
        call("local_box_stream").success(),
        call("local_box_stream").items(1),
        call("hidden").success(),
        call("hidden").items(1),
        call("hidden_async").failure("other"),
        call("hidden_async").failed_items(1),
        call("shown_and_said").success(),
        call("shown_and_said").items(1),
        call("async_stream").success(),
        call("async_stream").items(2),
        call("async_early").success().times(2),
        call("async_early").items(1),
    ]);
}

#[test]
fn a_stream_begins_with_its_first_poll_and_is_in_flight_until_its_end() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        drop(numbers(2));
        probe.take().assert_nothing();
        let mut stream = Box::pin(numbers(2));
        probe.take().assert_nothing();
        assert_eq!(next(&mut stream), Some(0));
        probe
            .take()
            .assert_exactly([call("numbers").in_flight(), call("numbers").items(1)]);
        assert_eq!((next(&mut stream), next(&mut stream)), (Some(1), None));
        probe
            .take()
            .assert_exactly([call("numbers").success(), call("numbers").items(1)]);
        assert_eq!(next(&mut stream), None);
        drop(stream);
        probe.take().assert_nothing();
    });
}

#[test]
fn a_stream_dropped_before_its_end_is_cancelled_and_no_illness() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut stream = results(vec![Ok(1), bad()]);
        assert_eq!(next(&mut stream), Some(Ok(1)));
    });
    let recorded = probe.take();
    recorded.assert_exactly([call("results").cancelled(), call("results").items(1)]);
    assert_eq!(
        (recorded.task("results"), recorded.task("default")),
        (None, None)
    );
}

/// If the reader stops at an error, the stream failed; it was not cancelled.
#[test]
fn a_stream_dropped_after_an_err_is_a_failure() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut stream = results(vec![Ok(1), bad()]);
        assert_eq!(
            next(&mut stream)
                .into_iter()
                .chain(next(&mut stream))
                .count(),
            2
        );
    });
    probe.take().assert_exactly([
        call("results").failure("other"),
        call("results").items(1),
        call("results").failed_items(1),
    ]);
}

#[test]
fn the_stream_of_an_async_fn_is_part_of_the_call() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut stream = Box::pin(ready(async_stream(1)));
        probe
            .take()
            .assert_exactly([call("async_stream").in_flight()]);
        assert_eq!(next(&mut stream), Some(0));
        assert_eq!(next(&mut stream), None);
        probe.take().assert_exactly([
            call("async_stream").success(),
            call("async_stream").items(1),
        ]);
        drop(ready(async_stream(1)));
        probe
            .take()
            .assert_exactly([call("async_stream").cancelled()]);
        let mut future = Box::pin(async_stream(1));
        assert!(crate::drive::poll(future.as_mut()).is_pending());
        drop(future);
        probe
            .take()
            .assert_exactly([call("async_stream").cancelled()]);
    });
}

#[test]
fn a_stream_stays_the_stream_it_was() {
    fn is_send<T: Send + Unpin>(value: T) -> T {
        value
    }
    testing::record(|| {
        let stream = is_send(results(vec![Ok(1), Ok(2)]));
        assert_eq!(stream.size_hint(), (2, Some(2)));
        let mut stream = pinned(&[1, 2]);
        assert_eq!(stream.size_hint().0, Items::size_hint(&items([1, 2])).0);
        assert_eq!(next(&mut stream), Some(Ok(1)));
        assert_eq!(stream.size_hint(), (1, Some(1)));
    });
}

struct PanicsAtTwo(u8);

impl Stream for PanicsAtTwo {
    type Item = u8;

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<u8>> {
        self.0 += 1;
        assert!(self.0 < 2, "an item's panic");
        std::task::Poll::Ready(Some(self.0))
    }
}

#[monitored]
fn stream_panics() -> impl Stream<Item = u8> {
    PanicsAtTwo(0)
}

#[monitored]
fn panics_at_once(no: bool) -> impl Stream<Item = u8> {
    assert!(no, "never made");
    items([1])
}

#[test]
fn a_stream_that_panics_is_a_panicked_call() {
    let probe = Recorder::new();
    let payload = probe
        .catch(|| collect(stream_panics()))
        .expect_err("a panic");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"an item's panic"));
    let recorded = probe.take();
    recorded.assert_exactly([
        call("stream_panics").panicked(),
        call("stream_panics").items(1),
    ]);
    assert_eq!(
        recorded.task("stream_panics"),
        Some((TaskStatus::Internal, 1))
    );
    let payload = probe
        .catch(|| collect(panics_at_once(false)))
        .expect_err("a panic");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"never made"));
}

#[monitored(labels(capped(list = list.len().to_string(), max = 5)), request_size = list.len(), deadline = std::time::Duration::from_secs(1), task = "stream of labels", ok_if = |item: &u8| *item != 3)]
fn with_arguments(list: Vec<u8>) -> impl Stream<Item = u8> {
    items(list)
}

#[test]
fn arguments_go_with_a_stream() {
    let ((), recorded) = testing::record(|| {
        assert_eq!(collect(with_arguments(vec![1, 3, 2])).len(), 3);
        assert_eq!(collect(with_arguments(vec![1, 3])).len(), 2);
    });
    let with = |count: &str| call("with_arguments").label("list", count);
    let second = std::time::Duration::from_secs(1);
    recorded.assert_exactly([
        with("3").success(),
        with("3").items(2),
        with("3").failed_items(1),
        with("3").request_size(3),
        with("3").deadline(second),
        with("3").deadline_at_end(second),
        with("2").failure("other"),
        with("2").items(1),
        with("2").failed_items(1),
        with("2").request_size(2),
        with("2").deadline(second),
        with("2").deadline_at_end(second),
        testing::task("stream of labels", TaskStatus::OtherException),
    ]);
}
