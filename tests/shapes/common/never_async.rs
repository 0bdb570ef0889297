//! An asynchronous function that never returns.
//@ shape: `-> !` async
//@ records: serve = cancelled 1
//@ records: serve_then_panic = panic 1

use monitor_core::monitored;
use shapes_driver::{block_on, caught, poll_once, send, size, yield_now};

#[monitored]
async fn serve() -> ! {
    loop {
        yield_now().await;
    }
}

#[monitored]
async fn serve_then_panic() -> ! {
    yield_now().await;
    panic!("served enough")
}

/// Runs it.
pub fn run() -> String {
    let _never_polled = serve();
    let polled = poll_once(size("serve", send(serve()))).is_some();
    format!("{} {}", polled, caught(|| block_on(serve_then_panic())))
}
