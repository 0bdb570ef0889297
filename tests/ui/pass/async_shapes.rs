//! Asynchronous functions.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(clippy::unnecessary_wraps, clippy::missing_errors_doc, clippy::unused_async)]

use std::fmt::Display;
use std::future::{Future, ready};
use std::rc::Rc;

use monitor_core::monitored;
use tokio::task::yield_now;

struct Refused;

#[monitored]
async fn one_expression() -> u32 {
    1
}

#[monitored]
async fn one_await() -> u32 {
    ready(1).await
}

#[monitored]
async fn nothing() {
    yield_now().await;
}

#[monitored]
#[allow(clippy::unused_unit)]
async fn unit_written() -> () {
    yield_now().await;
}

#[monitored]
async fn question_mark(text: &str) -> Result<i32, std::num::ParseIntError> {
    yield_now().await;
    let number: i32 = text.parse()?;
    Ok(number + 1)
}

#[monitored]
async fn bail() -> anyhow::Result<()> {
    yield_now().await;
    anyhow::bail!("no")
}

#[monitored]
async fn bail_alone() -> anyhow::Result<()> {
    anyhow::bail!("no")
}

#[monitored]
async fn early_return(refuse: bool) -> Result<u8, Refused> {
    if refuse {
        return Err(Refused);
    }
    yield_now().await;
    Ok(1)
}

#[monitored]
async fn hidden(fail: bool) -> Result<impl ToString, Refused> {
    yield_now().await;
    if fail {
        return Err(Refused);
    }
    Ok(1_u8)
}

#[monitored]
async fn boxed_closure_in_result(twice: bool) -> Result<Box<dyn Fn(u32) -> u32 + Send>, Refused> {
    yield_now().await;
    if twice {
        return Ok(Box::new(|x| x * 2));
    }
    Ok(Box::new(|x| x + 1))
}

#[monitored]
async fn boxed_closure_at_once() -> Result<Box<dyn Fn(u32) -> u32 + Send>, Refused> {
    Ok(Box::new(|x| x + 1))
}

#[monitored]
async fn never() -> ! {
    loop {
        yield_now().await;
    }
}

#[monitored]
async fn borrowed<'a>(one: &'a str, two: &str) -> (&'a str, usize) {
    yield_now().await;
    (one, two.len())
}

#[monitored]
async fn mutable(mut count: u32, list: &mut Vec<u32>) -> &mut Vec<u32> {
    count += 1;
    yield_now().await;
    list.push(count);
    list
}

#[monitored]
async fn patterns((a, b): (i32, i32), [first, ..]: [i32; 3], _: u8, _c: u8) -> i32 {
    yield_now().await;
    a + b + first
}

#[monitored]
async fn not_send() -> usize {
    let shared = Rc::new(1);
    yield_now().await;
    *shared
}

#[monitored]
async fn generic<T, const N: usize>(values: [T; N]) -> Result<String, T>
where
    T: Display + Clone + Send,
{
    yield_now().await;
    values.first().map_or_else(|| Ok(String::new()), |value| Err(value.clone()))
}

#[monitored]
async fn opaque() -> impl Iterator<Item = u8> {
    yield_now().await;
    [1_u8, 2].into_iter()
}

#[monitored]
async fn opaque_awaited() -> impl Sized {
    ready(1).await
}

#[monitored]
async fn callback<F>(f: F) -> u8
where
    F: AsyncFn(u8) -> u8,
{
    f(1).await
}

#[monitored]
async fn via_macro() -> u8 {
    tokio::select! {
        value = ready(1) => value,
        () = yield_now() => 2,
    }
}

#[monitored]
async fn recursive(n: u32) -> u32 {
    if n == 0 { 0 } else { 1 + Box::pin(recursive(n - 1)).await }
}

#[monitored]
async fn unfinished() -> u8 {
    todo!()
}

#[monitored]
fn impl_future(fail: bool) -> impl Future<Output = Result<u8, Refused>> + Send {
    let answer = if fail { Err(Refused) } else { Ok(1) };
    async move {
        yield_now().await;
        answer
    }
}

#[monitored]
fn impl_future_borrowing<'a>(text: &'a str) -> impl Future<Output = &'a str> + Send + use<'a> {
    async move { text }
}

#[monitored]
fn boxed(fail: bool) -> std::pin::Pin<Box<dyn Future<Output = Result<u8, Refused>> + Send>> {
    let answer = if fail { Err(Refused) } else { Ok(1) };
    Box::pin(async move {
        yield_now().await;
        answer
    })
}

#[monitored]
fn boxed_branches(
    now: bool,
) -> std::pin::Pin<Box<dyn Future<Output = Result<u8, Refused>> + Send>> {
    if now {
        return Box::pin(ready(Err(Refused)));
    }
    Box::pin(async { Ok(1) })
}

#[monitored]
fn boxed_unpin() -> Box<dyn Future<Output = Result<u8, Refused>> + Unpin> {
    Box::new(ready(Err(Refused)))
}

fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

#[monitored]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), anyhow::Error> {
    assert_eq!(one_expression().await, 1);
    assert_eq!(one_await().await, 1);
    nothing().await;
    unit_written().await;
    assert_eq!(assert_send(question_mark("1")).await, Ok(2));
    assert!(bail().await.is_err());
    assert!(bail_alone().await.is_err());
    assert!(early_return(true).await.is_err());
    assert!(hidden(true).await.is_err());
    assert_eq!(hidden(false).await.map_or(String::new(), |hidden| hidden.to_string()), "1");
    assert_eq!(boxed_closure_in_result(true).await.map_or(0, |f| f(4)), 8);
    assert_eq!(boxed_closure_at_once().await.map_or(0, |f| f(4)), 5);
    assert_send(async {
        tokio::select! {
            _ = never() => unreachable!(),
            () = yield_now() => {}
        }
    })
    .await;
    let text = "a".to_owned();
    assert_eq!(assert_send(borrowed(&text, &text)).await, ("a", 1));
    assert_eq!(assert_send(mutable(1, &mut vec![])).await, &[2]);
    assert_eq!(patterns((1, 2), [3, 4, 5], 6, 7).await, 6);
    assert_eq!(not_send().await, 1);
    assert_eq!(generic(["a"]).await, Err("a"));
    assert_eq!(opaque().await.sum::<u8>(), 3);
    let _sized = opaque_awaited().await;
    assert_eq!(callback(async |x| x + 1).await, 2);
    assert!(via_macro().await > 0);
    assert_eq!(recursive(3).await, 3);
    drop(unfinished());
    assert!(assert_send(impl_future(true)).await.is_err());
    assert_eq!(assert_send(impl_future_borrowing(&text)).await, "a");
    assert!(boxed(true).await.is_err());
    assert!(boxed_branches(true).await.is_err());
    assert!(boxed_branches(false).await.is_ok());
    assert!(boxed_unpin().await.is_err());
    Ok(())
}
