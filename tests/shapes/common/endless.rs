//! Bodies that never reach the end that their type promises.
//@ shape: `loop {}` body with non-never return type
//@ records: until = ok 1
//@ records: serve = cancelled 1
//@ records: serve_until = other 1
//@ fires: clippy::infinite_loop clippy::empty_loop

use monitor_core::monitored;
use shapes_driver::{block_on, poll_once, yield_now};

#[monitored]
fn until(stop: bool) -> u8 {
    loop {
        if stop {
            return 1;
        }
    }
}

#[monitored]
fn forever() -> u8 {
    loop {}
}

#[monitored]
fn forever_unit() {
    loop {
        std::thread::yield_now();
    }
}

#[monitored]
async fn serve() -> Result<(), String> {
    loop {
        yield_now().await;
    }
}

#[monitored]
async fn serve_until(refuse: bool) -> Result<(), String> {
    loop {
        yield_now().await;
        if refuse {
            Err("refused".to_owned())?;
        }
    }
}

/// Runs it.
pub fn run() -> String {
    let _ = (forever as fn() -> u8, forever_unit as fn());
    format!("{} {:?} {:?}", until(true), poll_once(serve()), block_on(serve_until(true)))
}
