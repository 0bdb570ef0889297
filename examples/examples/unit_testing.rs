//! Unit tests of the records that code makes: `monitor_core::testing`.
//!
//! Its tests run with `cargo test -p monitor-examples --example unit_testing`; as a program it prints the message of
//! one that fails:
//!
//! ```text
//! recorded and expected amounts differ (- expected, + recorded):
//!
//!     1 x ParsePort success
//!   - 2 x ParsePort failure empty
//!   + 1 x ParsePort failure empty
//!   + 1 x ParsePort failure other
//! ```

use std::num::ParseIntError;

use monitor_core::monitored;
use monitor_core::testing::{Recorder, call};

#[monitored(method = "ParsePort")]
fn parse_port(text: &str) -> Result<u16, ParseIntError> {
    text.parse()
}

/// Errors are distinguished by words of the service's configuration.
fn recorder() -> Recorder {
    Recorder::builder()
        .errors("OTHER_EXCEPTION", ["empty", "other"])
        .build()
}

fn main() {
    let recorder = recorder();
    let ports = recorder.scope_sync(|| ["80", "", "http"].map(parse_port));
    assert_eq!(ports[0], Ok(80));
    let failed = recorder.catch(|| {
        recorder.recorded().assert_exactly([
            call("ParsePort").success(),
            call("ParsePort").failure("empty").times(2),
        ]);
    });
    if let Some(message) = failed.unwrap_err().downcast_ref::<String>() {
        print!("{message}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use monitor_core::monitored;
    use monitor_core::testing::{call, record, record_async, value};

    use super::{parse_port, recorder};

    #[test]
    fn exactly_this_was_recorded() {
        let (port, recorded) = record(|| parse_port("80"));
        assert_eq!(port, Ok(80));
        recorded.assert_exactly([call("ParsePort").success()]);
    }

    #[monitored(method = "Fetch")]
    async fn fetch(late: bool) -> Result<(), String> {
        if late {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("the connection is empty".to_owned())
    }

    #[tokio::test]
    async fn async_code_is_recorded_the_same_way() {
        let (answer, recorded) = record_async(fetch(false)).await;
        assert!(answer.is_err());
        recorded.assert_exactly([call("Fetch").failure("other")]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spawned_tasks_are_given_the_scope() {
        let recorder = recorder();
        let tasks = [true, false].map(|late| tokio::spawn(recorder.scope(fetch(late))));
        for task in tasks {
            assert!(task.await.expect("no panic").is_err());
        }
        recorder
            .recorded()
            .assert_exactly([call("Fetch").failure("empty").times(2)]);
    }

    #[test]
    fn a_test_in_phases() {
        let recorder = recorder();
        recorder.scope_sync(|| parse_port("").unwrap_err());
        recorder
            .take()
            .assert_exactly([call("ParsePort").failure("empty")]);
        recorder.inc_stats("retries", 1).expect("a number");
        recorder.take().assert_exactly([value("retries", 1)]);
    }

    #[test]
    fn a_call_that_is_dropped_half_way_is_cancelled() {
        let recorder = recorder();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let limit = Duration::from_millis(1);
        runtime.expect("a runtime").block_on(async {
            let never = std::pin::pin!(recorder.scope(never()));
            assert!(tokio::time::timeout(limit, never).await.is_err());
            recorder.take().assert_exactly([call("Never").in_flight()]);
        });
        recorder.take().assert_exactly([call("Never").cancelled()]);
    }

    #[monitored(method = "Never")]
    async fn never() {
        std::future::pending().await
    }
}
