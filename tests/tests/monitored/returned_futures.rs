//! Functions that return a future, recognised by the type or marked with `future`; `async_trait` in both orders.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use monitor_core::monitored;
use monitor_core::testing::{self, Recorder, call};

use crate::drive::{pause, poll, ready};

type Answer = Result<u8, String>;

async fn answer(fail: bool) -> Answer {
    pause().await;
    if fail { Err("no".to_owned()) } else { Ok(1) }
}

#[monitored]
fn shown(fail: bool) -> impl Future<Output = Answer> {
    answer(fail)
}

#[monitored]
fn pinned(fail: bool) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
    Box::pin(answer(fail))
}

#[monitored]
fn borrowed<'a>(fail: &'a bool) -> Pin<Box<dyn Future<Output = Answer> + 'a>> {
    Box::pin(async move {
        if *fail {
            return answer(true).await;
        }
        let value = answer(false).await?;
        Ok(value)
    })
}

#[monitored]
fn built_by_a_helper(fail: bool) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
    pinned(fail)
}

#[monitored]
fn boxed(fail: bool) -> Box<dyn Future<Output = Answer> + Unpin + Send> {
    Box::new(Box::pin(answer(fail)))
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[monitored]
fn box_future(fail: bool) -> BoxFuture<'static, Answer> {
    Box::pin(answer(fail))
}

type Hidden = Pin<Box<dyn Future<Output = Answer> + Send>>;

#[monitored(future)]
fn hidden(fail: bool) -> Hidden {
    if fail {
        return Box::pin(answer(true));
    }
    Box::pin(answer(false))
}

#[monitored(future)]
fn shown_and_said(fail: bool) -> impl Future<Output = Answer> {
    answer(fail)
}

#[monitored]
fn making_is_the_call(fail: bool) -> Hidden {
    Box::pin(answer(fail))
}

#[test]
fn the_future_is_the_call_and_not_making_it() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        drop((
            shown(true),
            pinned(true),
            borrowed(&true),
            boxed(true),
            box_future(true),
            hidden(true),
            shown_and_said(true),
        ));
        probe.take().assert_nothing();
        for fail in [false, true] {
            let answers = [
                ready(shown(fail)),
                ready(pinned(fail)),
                ready(borrowed(&fail)),
                ready(boxed(fail)),
                ready(box_future(fail)),
                ready(hidden(fail)),
                ready(shown_and_said(fail)),
            ];
            assert!(answers.iter().all(|answer| answer.is_err() == fail));
        }
    });
    let names = [
        "shown",
        "pinned",
        "borrowed",
        "boxed",
        "box_future",
        "hidden",
        "shown_and_said",
    ];
    probe.take().assert_exactly(
        names
            .into_iter()
            .flat_map(|name| [call(name).success(), call(name).failure("other")]),
    );
    probe.scope_sync(|| drop(making_is_the_call(true)));
    probe
        .take()
        .assert_exactly([call("making_is_the_call").success()]);
}

#[test]
fn a_helpers_future_is_a_call_inside_the_call() {
    let (_, recorded) = testing::record(|| ready(built_by_a_helper(true)));
    recorded.assert_exactly([
        call("built_by_a_helper").failure("other"),
        call("pinned").failure("other"),
    ]);
}

#[test]
fn a_returned_future_is_cancelled_by_dropping_it_and_lasts_from_its_first_poll() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut one = hidden(false);
        let mut other = Box::pin(shown(false));
        probe.advance(Duration::from_secs(1));
        assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        probe.advance(Duration::from_secs(2));
    });
    probe.recorded().assert_exactly([
        call("hidden").cancelled(),
        call("shown").cancelled(),
        call("hidden").took(Duration::from_secs(2)),
        call("shown").took(Duration::from_secs(2)),
    ]);
}

/// A future that belongs to another scope than the one that polls it.
#[test]
fn a_call_goes_to_the_monitor_in_force_where_it_starts() {
    let (making, polling) = (Recorder::new(), Recorder::new());
    let future = making.scope_sync(|| shown(false));
    assert_eq!(polling.scope_sync(|| ready(future)), Ok(1));
    making.recorded().assert_nothing();
    polling.recorded().assert_exactly([call("shown").success()]);
}

struct Store(Arc<str>);

/// The attribute outside of `async_trait`: on each method that it generates.
#[async_trait]
trait Load {
    async fn required(&self, key: &str) -> Result<String, String>;

    #[monitored]
    async fn provided(&self, key: String) -> Result<String, String> {
        let text = self.required(&key).await?;
        pause().await;
        Ok(text + &key)
    }
}

#[monitored(prefix = "After")]
#[async_trait]
impl Load for Store {
    async fn required(&self, key: &str) -> Result<String, String> {
        pause().await;
        if key.is_empty() {
            return Err("empty".to_owned());
        }
        Ok(self.0.to_string())
    }
}

struct Other;

#[async_trait]
#[monitored(prefix = "Before")]
impl Load for Other {
    #[monitored(labels(capped(key = key, max = 3)), request_size = key.len(), response_size = String::len, call = handle)]
    async fn required(&self, key: &str) -> Result<String, String> {
        handle.observe("tokens", 1.0);
        if key.is_empty() {
            return Err("empty".to_owned());
        }
        pause().await;
        Ok("other".to_owned())
    }
}

struct Third;

#[monitored]
#[async_trait]
impl Load for Third {
    #[monitored(labels(capped(key = key, max = 3)), request_size = key.len(), response_size = String::len, call = handle, error_type = "EMPTY")]
    async fn required(&self, key: &str) -> Result<String, String> {
        handle.observe("tokens", 1.0);
        if key.is_empty() {
            return Err("empty".to_owned());
        }
        pause().await;
        Ok("third".to_owned())
    }
}

#[test]
fn async_trait_in_both_orders() {
    let probe = Recorder::builder().errors("ERROR", ["EMPTY"]).build();
    probe.scope_sync(|| {
        drop(Store("x".into()).required("never polled"));
        assert_eq!(
            ready(Store("x".into()).provided("y".to_owned())).as_deref(),
            Ok("xy")
        );
        for one in [&Other as &dyn Load, &Third] {
            assert!(ready(one.required("")).is_err());
            assert_eq!(ready(one.required("k")).map(|text| text.len()), Ok(5));
            assert!(poll(one.required("k").as_mut()).is_pending());
        }
    });
    let mut expected = vec![
        call("provided").success(),
        call("After::required").success(),
    ];
    for (name, kind) in [("Before::required", "EMPTY"), ("Third::required", "EMPTY")] {
        let with = |key| call(name).label("key", key);
        expected.extend([
            with("").failure(kind),
            with("k").success(),
            with("k").cancelled(),
            with("").observed("tokens", [1]),
            with("k").observed("tokens", [1, 1]),
            with("").request_size(0),
            with("k").request_size(1).times(2),
            with("k").response_size(5),
        ]);
    }
    probe.recorded().assert_exactly(expected);
}
