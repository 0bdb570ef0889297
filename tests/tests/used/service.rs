//! Functions under the attribute, with each argument that shows on a page.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use monitor_core::monitored;

/// Why a charge fails.
#[derive(Debug)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("card declined")
    }
}

impl std::error::Error for Declined {}

#[monitored(
    method = "Charge",
    labels(gold = gold, capped(tenant = tenant, max = 2)),
    request_size = body.len(),
    deadline = Some(Duration::from_secs(1)),
    expected("card declined"),
    max_concurrency = 8
)]
async fn charge(gold: bool, tenant: &str, body: &[u8]) -> Result<usize, Declined> {
    if gold { Err(Declined) } else { Ok(body.len()) }
}

/// A few words, the last of them an error.
struct Words(u8);

impl Stream for Words {
    type Item = Result<u8, Declined>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0 += 1;
        Poll::Ready(match self.0 {
            1 | 2 => Some(Ok(self.0)),
            3 => Some(Err(Declined)),
            _ => None,
        })
    }
}

#[monitored(method = "ReadWords")]
fn words() -> impl Stream<Item = Result<u8, Declined>> {
    Words(0)
}

/// Calls each of them, with every label and outcome.
pub(super) fn call_all() {
    let mut context = Context::from_waker(Waker::noop());
    for tenant in ["acme", "initech", "hooli"] {
        for gold in [false, true] {
            let ended = pin!(charge(gold, tenant, b"body")).poll(&mut context);
            assert!(ended.is_ready(), "nothing waits in it");
        }
    }
    let mut words = pin!(words());
    while let Poll::Ready(Some(_)) = words.as_mut().poll_next(&mut context) {}
}
