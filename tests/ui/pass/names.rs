//! No prelude, and the user's own items under every name an expansion might use.
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types)]

mod core {}
mod std {}
mod alloc {}
mod inventory {}
mod monitor_core {}
mod __private {}
struct Result;
struct Option;
struct Box;
struct Future;
struct Probe;
struct CallSite;
#[allow(non_snake_case)]
fn Ok() {}
#[allow(non_snake_case)]
fn Err() {}
#[allow(non_snake_case)]
fn Some() {}
macro_rules! file { () => { () }; }
macro_rules! line { () => { () }; }
macro_rules! submit { () => { () }; }

mod reexported {
    pub mod monitor {
        pub use ::monitor_core::*;
    }
}

#[::monitor_core::monitored]
fn sync(x: u8) -> ::std::result::Result<u8, ::std::string::String> {
    file!();
    line!();
    submit!();
    ::std::result::Result::Ok(x)
}

#[::monitor_core::monitored]
async fn later(x: u8) -> ::std::result::Result<u8, ::std::string::String> {
    ::std::future::ready(x).await;
    ::std::result::Result::Ok(x)
}

#[::monitor_core::monitored]
fn no_result() -> Result {
    Result
}

#[::monitor_core::monitored]
fn never(x: u8) -> ! {
    ::std::process::exit(x as i32)
}

#[::monitor_core::monitored(crate = crate::reexported::monitor, method = "elsewhere")]
fn elsewhere() {}

const NAME: &'static str = "by constant";

#[::monitor_core::monitored(method = NAME,)]
fn by_constant() {}

fn main() {
    ::std::assert!(::std::result::Result::is_ok(&sync(1)));
    ::std::mem::drop(later(1));
    no_result();
    elsewhere();
    by_constant();
    never(0);
}
