//! Arguments of the attribute that read those of the function: an item that only they use is used.
//@ shape: labels, size and deadline from the function's arguments
//@ records: only_labels{tenant=acme,tier=free} = ok 1
//@ records: only_labels_later{tier=gold} = ok 1
//@ records: only_size = ok 1
//@ records: only_deadline = ok 1
//@ records: patterns{paid=true} = ok 1
//@ records: moved{kind=b,small=true} = ok 1
//@ records: moved_later{small=true,tier=free} = other 1
//@ records: method{tenant=acme,tier=free} = ok 1
//@ records: method_later{tenant=acme,tier=free} = ok 1
//@ records: boxed{big=false} = ok 1
//@ records: opaque{big=false} = ok 1
//@ records: streamed{big=false} = ok 1, items 1
//@ records: generic{label=true} = ok 1
//@ records: located{tier=gold} = ok 1
//@ loses: unused_variables an argument that only the attribute reads is read
//@ loses: dead_code a field that only the attribute reads is read
//@ loses: clippy::unused_self what only the attribute reads is read

use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use monitor_core::{MonitorLabel, monitored};
use shapes_driver::{all, block_on, numbers, send, size, yield_now};

/// The price class.
#[derive(MonitorLabel)]
#[derive(Debug, Clone, Copy)]
pub enum Tier {
    /// Nothing.
    Free,
    /// Something.
    #[monitor(name = "gold")]
    Paid,
}

/// A request.
#[derive(Debug)]
pub struct Request {
    tier: Tier,
    tenant: String,
    left: Option<Duration>,
}

#[monitored(labels(tier = tier, capped(tenant = tenant, max = 10)))]
fn only_labels(tier: Tier, tenant: &str, x: u8) -> u32 {
    x.count_ones()
}

#[monitored(labels(tier = tier))]
async fn only_labels_later(tier: Tier, x: u8) -> u32 {
    yield_now().await;
    x.count_ones()
}

#[monitored(request_size = body.len())]
fn only_size(body: &[u8]) {
    yield_to(3);
}

#[monitored(deadline = left)]
fn only_deadline(left: Option<Duration>) {
    yield_to(3);
}

fn yield_to(x: u8) -> u8 {
    x
}

#[monitored(labels(paid = paid))]
fn patterns((paid, count): (bool, u32), mut total: u32) -> u32 {
    total += count;
    total
}

#[monitored(labels(small = request.tenant.len() < 9, capped(kind = if deep { "a" } else { "b" }, max = 4)), request_size = request.tenant.len(),
    deadline = request.left)]
fn moved(request: Request, deep: bool) -> String {
    request.tenant
}

#[monitored(labels(tier = request.tier, small = request.tenant.len() < 9), request_size = request.tenant.len(), deadline = request.left)]
async fn moved_later(request: Request) -> Result<String, String> {
    yield_now().await;
    let tenant = request.tenant.strip_prefix("b").ok_or("no b")?;
    Ok(tenant.to_owned())
}

impl Request {
    #[monitored(labels(tier = self.tier, capped(tenant = self.tenant, max = 10)), deadline = self.left)]
    fn method(&self, x: u8) -> u32 {
        x.count_ones()
    }

    #[monitored(labels(tier = self.tier, capped(tenant = &self.tenant, max = 10)), deadline = self.left)]
    async fn method_later(&mut self, x: u8) -> u32 {
        yield_now().await;
        self.tenant.clear();
        x.count_ones()
    }
}

#[monitored(labels(big = count > 9), request_size = count)]
fn boxed(count: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    let half = count.rotate_right(1);
    Box::pin(async move {
        yield_now().await;
        half
    })
}

#[monitored(labels(big = count > 9), deadline = Duration::from_secs(1))]
fn opaque(count: u32) -> impl Future<Output = u32> + Send {
    ready(count.rotate_right(1))
}

#[monitored(labels(big = last > 9))]
fn streamed(last: u8) -> impl Stream<Item = Result<u8, String>> {
    numbers(last)
}

#[monitored(labels(label = *label))]
fn generic<T>(value: T, label: &bool) -> T {
    value
}

#[monitored(labels(tier = tier), request_size = u32::BITS)]
#[track_caller]
fn located(tier: Tier) -> u32 {
    std::panic::Location::caller().line()
}

/// Runs it.
pub fn run() -> String {
    let request = || Request { tier: Tier::Free, tenant: "acme".to_owned(), left: None };
    only_size(&[1, 2]);
    only_deadline(Some(Duration::from_secs(1)));
    let first = (only_labels(Tier::Free, "acme", 3), patterns((true, 1), 2), moved(request(), false), request().method(3));
    let later = block_on(async {
        let mut request = request();
        let only = size("only_labels_later", only_labels_later(Tier::Paid, 3)).await;
        let method = size("method_later", request.method_later(3)).await;
        (only, method, size("moved_later", send(moved_later(Request { left: None, ..request }))).await)
    });
    let futures = block_on(async { (send(boxed(2)).await, send(opaque(2)).await) });
    format!("{:?} {:?} {:?} {} {} {}", first, later, futures, all(streamed(1)), generic(1, &true), located(Tier::Paid))
}
