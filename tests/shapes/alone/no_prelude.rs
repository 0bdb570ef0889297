//! No prelude, and the user's own items under every name an expansion might use.
//@ shape: user modules named std, core, alloc
//@ shape: `#![no_implicit_prelude]`
//@ records: now = ok 1
//@ records: later = other 1
//@ records: no_result = ok 1
//@ records: never = panic 1
//@ records: elsewhere = ok 1
//@ records: by constant = ok 1
//@ fires: dead_code
#![no_implicit_prelude]
#![forbid(unsafe_code)]

mod alloc {}
mod core {}
mod inventory {}
mod monitor_core {}
mod std {}
struct Box;
struct CallSite;
struct Future;
struct Option;
struct Probe;
struct Result;
fn Err() {}
fn Ok() {}
fn Some() {}
macro_rules! file { () => { () }; }
macro_rules! line { () => { () }; }
macro_rules! submit { () => { () }; }

mod reexported {
    pub mod monitor {
        pub use ::shapes_driver::*;
    }
}

#[::monitor_core::monitored]
fn now(x: u8) -> ::std::result::Result<u8, ::std::string::String> {
    file!();
    line!();
    submit!();
    ::std::result::Result::Ok(x)
}

#[::monitor_core::monitored]
async fn later(x: u8) -> ::std::result::Result<u8, ::std::string::String> {
    ::shapes_driver::yield_now().await;
    if x == 1 {
        return ::std::result::Result::Err(::std::string::String::new());
    }
    ::std::result::Result::Ok(x)
}

#[::monitor_core::monitored]
fn no_result() -> Result {
    Result
}

#[::monitor_core::monitored]
fn never(x: u8) -> ! {
    ::std::panic!("{}", x)
}

#[::monitor_core::monitored(crate = crate::reexported::monitor, method = "elsewhere")]
fn elsewhere() {}

const NAME: &'static str = "by constant";

#[::monitor_core::monitored(method = NAME,)]
fn by_constant() {}

fn run() -> ::std::string::String {
    let _unit = (by_constant(), elsewhere(), reexported::monitor::caught(|| NAME));
    let _result = no_result();
    let never = ::shapes_driver::caught(|| never(7));
    ::std::format!("{:?} {:?} {}", now(1), ::shapes_driver::block_on(later(1)), never)
}

fn main() {
    ::shapes_driver::main(&[("no_prelude", run)]);
}
