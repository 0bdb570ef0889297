//! Each argument, on each kind of function it may stand on.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    unused_qualifications
)]

use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

use monitor_core::{CallGuard, MonitorLabel, monitored};
use tokio::task::yield_now;

#[derive(Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    Paid,
}

struct Refused(u16);

struct Request {
    tier: Tier,
    tenant: String,
    body: Vec<u8>,
    left: Option<Duration>,
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Refused>> + Send>>;

const NAME: &str = "Named";
const BOUNDS: &[f64] = &[0.5, 1.0];
const TWO: [f64; 2] = [0.5, 1.0];

const fn kind(error: &Refused) -> &'static str {
    if error.0 == 429 { "THROTTLED" } else { "other" }
}

fn request() -> Request {
    Request {
        tier: Tier::Paid,
        tenant: "acme".to_owned(),
        body: vec![0; 3],
        left: Some(Duration::from_secs(1)),
    }
}

#[monitored(method = NAME, task = "jobs", buckets = "time")]
fn named() {}

#[monitored(method = "Literal", health = false, buckets = "size")]
fn literal() -> u8 {
    1
}

#[monitored(health = true, buckets = [0, 0.5, 1, 1e3f64])]
fn listed() -> u8 {
    1
}

#[monitored(buckets = BOUNDS, crate = ::monitor_core)]
fn constant() -> u8 {
    1
}

#[monitored(buckets = TWO, crate = monitor_core)]
async fn constant_array() -> u8 {
    ready(1).await
}

#[monitored(ok_if = Option::is_some, error_type = "EMPTY")]
fn found(there: bool) -> Option<u8> {
    there.then_some(1)
}

#[monitored(error_if = Option::is_none, expected("EMPTY", "panic"))]
async fn found_later(there: bool) -> Option<u8> {
    yield_now().await;
    there.then_some(1)
}

#[monitored(ok_if = |answer| *answer < limit)]
async fn below(limit: u8) -> u8 {
    yield_now().await;
    limit - 1
}

#[monitored(error_type = kind)]
fn typed(code: u16) -> Result<(), Refused> {
    if code == 0 {
        return Ok(());
    }
    Err(Refused(code))
}

#[monitored(error_type = self::kind, ok_if = |answer| answer.is_ok() || code == 404)]
fn typed_future(code: u16) -> impl Future<Output = Result<(), Refused>> {
    ready(Err(Refused(code)))
}

#[monitored(
    labels(tier = req.tier, is_empty = req.body.is_empty(), capped(tenant = req.tenant, max = 100)),
    request_size = req.body.len(),
    response_size = |body| body.len() + 1,
    deadline = req.left,
)]
fn read(req: Request) -> Vec<u8> {
    drop(req.tenant);
    req.body
}

#[monitored(
    labels(tier = req.tier, is_empty = req.body.is_empty(), capped(tenant = req.tenant, max = 100)),
    request_size = req.body.len(),
    response_size = Vec::len,
    deadline = req.left,
)]
async fn read_later(req: Request) -> Result<Vec<u8>, Refused> {
    yield_now().await;
    drop(req.tenant);
    if req.body.is_empty() {
        return Err(Refused(1));
    }
    Ok(req.body)
}

#[monitored(
    labels(tier = req.tier, capped(tenant = &req.tenant, max = 100)),
    request_size = Some(req.body.len()),
    deadline = Duration::from_secs(3),
)]
fn read_boxed(req: Request) -> Answer<Vec<u8>> {
    Box::pin(async move { Ok(req.body) })
}

#[monitored(
    labels(tier = req.tier, capped(tenant = &req.tenant, max = 100)),
    response_size = |body| body.len() + 1,
    future,
)]
fn read_alias(req: Request) -> Answer<Vec<u8>> {
    let body = req.body;
    Box::pin(ready(Ok(body)))
}

#[monitored(labels(tier = if paid { Tier::Paid } else { Tier::Free }))]
fn pattern((paid, _unused): (bool, u8), mut count: u32) -> u32 {
    count += u32::from(paid);
    count
}

#[monitored(labels(tier = tier, other = Tier::Free))]
fn generic<T: Default>(tier: Tier) -> (T, Tier) {
    (T::default(), tier)
}

#[monitored(labels(late = late))]
fn late<L: MonitorLabel>(late: L) -> L {
    late
}

#[monitored(labels(found = matches!(text.parse::<u8>(), Ok(1))))]
fn in_a_macro(text: &str) -> usize {
    text.len()
}

#[monitored(call = call)]
fn observed() -> Duration {
    call.observe("tokens", 12.0);
    call.elapsed()
}

fn note(handle: &mut CallGuard) {
    handle.observe("tokens", 12.0);
}

#[monitored(call = call)]
async fn observed_elsewhere() {
    note(call);
    yield_now().await;
    note(call);
}

#[monitored(call = call)]
fn observed_unit() {
    call.observe("tokens", 12.0);
}

#[monitored(call = call)]
async fn observed_at_once() -> Result<(), Refused> {
    call.observe("tokens", 12.0);
    Err(Refused(1))?;
    Ok(())
}

#[monitored(call = call, labels(fail = fail))]
async fn observed_later(fail: bool) -> Result<(), Refused> {
    yield_now().await;
    call.observe("tokens", 12.0);
    if fail {
        return Err(Refused(1));
    }
    Ok(())
}

#[monitored(call = call)]
async fn observed_to_the_end() -> u8 {
    yield_now().await;
    call.observe("tokens", 12.0);
    1
}

#[monitored(call = call)]
fn observed_in_a_box(times: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    let times = times + 1;
    Box::pin(async move {
        call.observe("tokens", f64::from(times));
        yield_now().await;
        if times > 100 {
            return 0;
        }
        times
    })
}

#[monitored(max_concurrency = 2)]
async fn two_at_once() -> u8 {
    1
}

#[monitored(max_concurrency = limit, call = call, labels(tier = Tier::Free))]
async fn some_at_once(limit: usize) -> Result<u8, Refused> {
    yield_now().await;
    call.observe("tokens", 1.0);
    Err(Refused(1))?;
    Ok(1)
}

#[monitored(max_concurrency = workers)]
fn workers_at_once(text: &str) -> impl Future<Output = usize> + Send + use<'_> {
    async move {
        yield_now().await;
        text.len()
    }
}

#[monitored(max_concurrency = limit)]
fn boxed_at_once(limit: u32, early: bool) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    if early {
        return Box::pin(ready(2));
    }
    Box::pin(async { 1 })
}

#[monitored(max_concurrency = 3)]
fn unpin_at_once(list: &mut Vec<u8>) -> Box<dyn Future<Output = usize> + Unpin + '_> {
    list.push(1);
    Box::new(ready(list.len()))
}

#[monitored(max_concurrency = 1)]
fn tail_at_once() -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move {
        yield_now().await;
        1
    })
}

#[monitored(max_concurrency = 1, call = call, labels(tier = tier))]
async fn never(tier: Tier) -> ! {
    loop {
        call.observe("rounds", 1.0);
        yield_now().await;
    }
}

#[monitored(labels(tier = tier), request_size = 1)]
#[track_caller]
fn traced(tier: Tier) -> u32 {
    assert!(matches!(tier, Tier::Free));
    std::panic::Location::caller().line()
}

#[monitored(root)]
fn entry() -> u8 {
    1
}

#[monitored(root, method = "EntryLater", labels(tier = tier), call = call, max_concurrency = 2)]
async fn entry_later(tier: Tier) -> Result<u8, Refused> {
    yield_now().await;
    call.observe("tokens", 1.0);
    Err(Refused(1))?;
    Ok(1)
}

#[monitored(root, labels(tier = tier))]
fn entry_in_a_box(tier: Tier) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move {
        yield_now().await;
        u8::from(matches!(tier, Tier::Paid))
    })
}

fn send<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    named();
    assert_eq!(
        literal() + listed() + constant() + constant_array().await,
        4
    );
    assert_eq!(found(true), Some(1));
    assert_eq!(send(found_later(false)).await, None);
    assert_eq!(below(2).await, 1);
    assert!(typed(429).is_err() && typed(0).is_ok());
    assert!(typed_future(1).await.is_err());
    assert_eq!(read(request()).len(), 3);
    assert!(send(read_later(request())).await.is_ok());
    assert!(read_boxed(request()).await.is_ok());
    assert!(read_alias(request()).await.is_ok());
    assert_eq!(pattern((true, 2), 1), 2);
    let _pair: (u8, Tier) = generic(Tier::Free);
    assert!(late(true));
    assert_eq!(in_a_macro("1"), 1);
    assert!(observed() < Duration::from_mins(1));
    observed_unit();
    send(observed_elsewhere()).await;
    assert!(observed_at_once().await.is_err());
    assert!(send(observed_later(true)).await.is_err());
    assert_eq!(send(observed_to_the_end()).await, 1);
    assert_eq!(observed_in_a_box(1).await, 2);
    assert_eq!(send(two_at_once()).await, 1);
    assert!(send(some_at_once(3)).await.is_err());
    let text = "abc".to_owned();
    assert_eq!(send(workers_at_once(&text)).await, 3);
    assert_eq!(
        boxed_at_once(3, true).await + boxed_at_once(3, false).await,
        3
    );
    assert_eq!(unpin_at_once(&mut vec![]).await, 1);
    assert_eq!(tail_at_once().await, 1);
    tokio::select! {
        _ = never(Tier::Free) => unreachable!(),
        () = yield_now() => {}
    }
    assert_eq!(traced(Tier::Free), line!());
    assert_eq!(entry(), 1);
    assert!(send(entry_later(Tier::Free)).await.is_err());
    assert_eq!(send(entry_in_a_box(Tier::Paid)).await, 1);
}
