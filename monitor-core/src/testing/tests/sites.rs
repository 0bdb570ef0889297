//! What only call sites can record: items of streams, calls that wait for a permit.

use std::cell::Cell;

use super::executors::poll_once;
use crate::__private as runtime;
use crate::Outcome;
use crate::testing::{Recorder, call};
use futures_core::Stream;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

const STREAMING: runtime::SiteSettings = runtime::SiteSettings {
    streaming: true,
    ..runtime::SiteSettings::NONE
};
const NEEDS_PERMITS: runtime::SiteSettings = runtime::SiteSettings {
    limited: true,
    ..runtime::SiteSettings::NONE
};

static WATCH: runtime::CallSite = runtime::CallSite::new("Watch", "", 0, STREAMING);
static LIMITED: runtime::CallSite = runtime::CallSite::new("Limited", "", 0, NEEDS_PERMITS);

/// Counts down; the last item is an error.
struct Countdown(Cell<u32>);

impl Stream for Countdown {
    type Item = Result<u32, ()>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        Poll::Ready(match left {
            0 => None,
            1 => Some(Err(())),
            _ => Some(Ok(left)),
        })
    }
}

fn watch(items: u32) -> impl Stream<Item = Result<u32, ()>> {
    runtime::run_stream(&WATCH, Countdown(Cell::new(items)), |item, _| match item {
        Ok(_) => Outcome::Success,
        Err(()) => Outcome::ErrorType("other"),
    })
}

fn take(items: u32, stream: Pin<&mut impl Stream<Item = Result<u32, ()>>>) {
    let mut stream = stream;
    for _ in 0..items {
        let mut context = Context::from_waker(Waker::noop());
        assert!(stream.as_mut().poll_next(&mut context).is_ready());
    }
}

#[test]
fn items_of_streams_are_told() {
    let recorder = Recorder::new();
    recorder.scope_sync(|| {
        let mut stream = pin!(watch(3));
        take(1, stream.as_mut());
        recorder
            .take()
            .assert_exactly([call("Watch").in_flight(), call("Watch").items(1)]);
        take(3, stream.as_mut());
    });
    recorder.take().assert_exactly([
        call("Watch").items(1),
        call("Watch").failed_items(1),
        call("Watch").failure("other"),
    ]);
    let recorded = recorder.recorded();
    assert_eq!(
        recorded.to_string(),
        "1 x Watch failure other\n2 x Watch item\n1 x Watch failed item\n"
    );
}

#[test]
fn calls_that_wait_for_a_permit_are_told() {
    let recorder = Recorder::new();
    let call_of = || async {
        let mut entered = runtime::InPlaceCall::<false>::start(&LIMITED);
        let _permit = entered.permit(runtime::limit(&1)).await;
        std::future::pending::<()>().await;
    };
    let mut first = Box::pin(recorder.scope(call_of()));
    let mut second = Box::pin(recorder.scope(call_of()));
    for future in [&mut first, &mut second] {
        assert!(poll_once(future.as_mut()).is_pending());
    }
    recorder.take().assert_exactly([
        call("Limited").in_flight().times(2),
        call("Limited").waiting(),
    ]);
    drop(first);
    recorder.take().assert_exactly([
        call("Limited").cancelled(),
        call("Limited").in_flight(),
        call("Limited").waiting(),
    ]);
    drop(second);
    let recorded = recorder.recorded();
    recorded.assert_exactly([call("Limited").cancelled().times(2)]);
    recorded.assert_exactly([
        call("Limited").cancelled().times(2),
        call("Limited").observed("permit_wait_time", [0.0]),
    ]);
}
