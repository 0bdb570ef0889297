//! Bodies on one line, where `unused_braces` looks, and bodies that never come to their end.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(clippy::missing_const_for_fn, clippy::unused_async, clippy::needless_pass_by_value)]

use std::future::{Future, ready};
use std::pin::Pin;

use monitor_core::monitored;

struct Refused;

#[monitored] fn value() -> u8 { 1 }
#[monitored] fn text(text: &str) -> &str { text }
#[monitored] fn opaque() -> impl Sized { value() }
#[monitored] fn failing() -> Result<u8, Refused> { Err(Refused) }
#[monitored] fn boxed_value() -> Box<dyn Fn()> { Box::new(|| {}) }
#[monitored] fn gives_up() -> ! { panic!("on purpose") }
#[monitored] fn panics() -> u8 { panic!("on purpose") }
#[monitored] fn turns() -> u8 { loop {} }
#[monitored] #[track_caller] fn line() -> u32 { std::panic::Location::caller().line() }
#[monitored] async fn ready_value() -> u8 { value() }
#[monitored] async fn awaits() -> u8 { ready(1).await }
#[monitored] async fn awaits_nothing() { ready(()).await }
#[monitored] async fn awaits_opaque() -> impl Sized { ready(1).await }
#[monitored] async fn tries() -> Result<u8, Refused> { Ok(ready(failing()).await?) }
#[monitored] async fn tries_opaque() -> Result<impl Sized, Refused> { Ok(ready(failing()).await?) }
#[monitored] async fn closure() -> Result<Box<dyn Fn() -> u8>, Refused> { Ok(Box::new(move || value())) }
#[monitored] async fn returns(x: u8) -> u8 { return ready(x).await }
#[monitored] async fn serves() -> ! { loop { ready(()).await } }
#[monitored] async fn serves_fallibly() -> Result<(), Refused> { loop { ready(()).await; } }
#[monitored] async fn serves_until_refused() -> Result<(), Refused> { loop { ready(failing()).await?; } }
#[monitored] async fn panics_later() -> u8 { ready(()).await; panic!("on purpose") }
#[monitored] async fn exits() -> Result<u8, Refused> { ready(()).await; std::process::exit(1) }
#[monitored] async fn unfinished() -> u8 { ready(()).await; todo!() }
#[monitored] fn future() -> impl Future<Output = Result<u8, Refused>> { ready(failing()) }
#[monitored] fn pinned() -> Pin<Box<dyn Future<Output = u8>>> { Box::pin(ready(1)) }
#[monitored] fn pinned_tail() -> Pin<Box<dyn Future<Output = u8>>> { Box::pin(async { ready(1).await }) }

macro_rules! made {
    ($name:ident $body:block) => { #[monitored] async fn $name() -> u8 $body };
}

made!(made_of_a_block { ready(1).await });

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!((value(), text("a")), (1, "a"));
    let _sized = (opaque(), boxed_value(), awaits_opaque().await);
    assert!(failing().is_err());
    assert_eq!(line(), line!());
    assert_eq!((ready_value().await, awaits().await, returns(1).await), (1, 1, 1));
    awaits_nothing().await;
    assert!(tries().await.is_err());
    assert!(tries_opaque().await.is_err());
    assert_eq!(closure().await.map_or(0, |f| f()), 1);
    assert!(serves_until_refused().await.is_err());
    drop((serves(), serves_fallibly(), panics_later(), exits(), unfinished()));
    assert!(std::panic::catch_unwind(|| gives_up()).is_err());
    assert!(std::panic::catch_unwind(panics).is_err());
    let _never_called: fn() -> u8 = turns;
    assert!(future().await.is_err());
    assert_eq!((pinned().await, pinned_tail().await, made_of_a_block().await), (1, 1, 1));
}
