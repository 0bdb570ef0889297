//! Arguments of the attribute that read the function's result.
//@ shape: `ok_if`, `error_if`, `error_type`, `expected`, `response_size` and the derive of errors
//@ records: found = other 1
//@ records: found_later = ok 1
//@ records: refused = ok 1, KIND_EMPTY 1
//@ records: below = ok 1, other 1
//@ records: by_path = KIND_THROTTLED 2, KIND_REJECTED 1
//@ records: by_path_later = KIND_THROTTLED 1
//@ records: by_derive = KIND_CONNECTION 1, KIND_DATABASE 1, KIND_TIMEOUT 1
//@ records: sized = ok 1
//@ records: sized_later = ok 1
//@ records: everything = ok 1
//@ fires: clippy::missing_errors_doc

use std::future::{Future, ready};

use monitor_core::{MonitorError, monitored};
use shapes_driver::{block_on, same_size, send, size, yield_now};

/// Of the network.
#[derive(MonitorError)]
#[derive(Debug)]
#[monitor(error_type = "KIND_TIMEOUT")]
pub struct Timeout;

/// Of the database.
#[derive(MonitorError)]
#[derive(Debug)]
#[monitor(fallback = "KIND_DATABASE")]
pub enum Fault {
    /// No connection.
    #[monitor(error_type = "KIND_CONNECTION")]
    Connection {
        /// To there.
        to: String,
    },
    /// Took too long.
    #[monitor(transparent)]
    Slow(Timeout),
    /// Something else.
    Other(u8),
}

#[monitored(ok_if = |answer| answer.is_some_and(|x| x > 0))]
fn found(there: bool) -> Option<u8> {
    there.then_some(1)
}

#[monitored(ok_if = |answer| answer.is_some_and(|x| x > 0) == there)]
async fn found_later(there: bool) -> Option<u8> {
    yield_now().await;
    there.then_some(1)
}

#[monitored(error_if = |answer| answer.bytes().next().is_none(), error_type = "KIND_EMPTY", expected("KIND_EMPTY", "panic"))]
fn refused(text: &str) -> String {
    text.to_owned()
}

#[monitored(ok_if = |answer| *answer < limit)]
fn below(limit: u8, x: u8) -> u8 {
    limit & x
}

#[monitored(error_type = shapes_driver::kind)]
fn by_path(code: u16) -> Result<u16, u16> {
    if code > 400 {
        return Err(code);
    }
    Ok(code)
}

#[monitored(error_type = shapes_driver::kind, expected("KIND_THROTTLED"))]
async fn by_path_later(code: u16) -> Result<u16, u16> {
    yield_now().await;
    let refused = by_path(code)?;
    Ok(refused)
}

/// Fails.
#[monitored]
pub fn by_derive(x: u8) -> Result<u8, Fault> {
    match x {
        0 => Err(Fault::Connection { to: "there".to_owned() }),
        1 => Err(Fault::Slow(Timeout)),
        other => Err(Fault::Other(other)),
    }
}

#[monitored(response_size = |body| body.len().saturating_add(1))]
fn sized(count: usize) -> Vec<u8> {
    vec![1; count]
}

#[monitored(response_size = shapes_driver::length)]
async fn sized_later(count: usize) -> Result<Vec<u8>, u8> {
    Ok(Vec::with_capacity(count))
}

#[monitored(
    ok_if = |answer| answer.is_ok() || code == 404,
    error_type = shapes_driver::kind,
    expected("KIND_REJECTED"),
    response_size = |size: &u16| size.count_ones(),
)]
fn everything(code: u16) -> impl Future<Output = Result<u16, u16>> + Send {
    ready(by_path(code))
}

/// Runs it.
pub fn run() -> String {
    let first = (found(false), refused(""), refused("a"), below(4, 6), below(4, 0));
    let errors = (by_derive(0).is_err(), by_derive(1).is_err(), by_derive(2).is_err(), by_path(429).is_err());
    let later = block_on(async {
        let found = size("found_later", send(found_later(false))).await;
        let typed = size("by_path_later", send(by_path_later(429))).await;
        (found, typed.is_err(), same_size("sized_later", sized_later(3)).await, send(everything(404)).await.is_err())
    });
    format!("{:?} {:?} {:?} {}", first, errors, later, sized(3).len())
}
