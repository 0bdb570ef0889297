//! The crate exists under another name only.
//@ shape: the runtime under another name, `crate = path`
//@ records: now = ok 1
//@ records: Later = other 1
#![no_implicit_prelude]

mod monitor_core {}

#[::watch::monitored(crate = ::watch)]
fn now(x: u8) -> u32 {
    u8::count_ones(x)
}

#[::watch::monitored(method = "Later", crate = ::watch)]
async fn later(x: u8) -> ::std::result::Result<u8, u8> {
    ::shapes_driver::yield_now().await;
    let x = ::std::result::Result::Err(x)?;
    ::std::result::Result::Ok(x)
}

fn run() -> ::std::string::String {
    ::std::format!("{} {:?}", now(7), ::shapes_driver::block_on(later(1)))
}

fn main() {
    ::shapes_driver::main(&[("renamed", run)]);
}
