//! Bounds that are not met.
//@ shape: errors of the body, the same at the same place
//@ refused: as bare

use std::rc::Rc;

use monitor_core::monitored;

#[monitored]
fn bound<T>(x: T) -> String {
    x.to_string()
}

#[monitored]
async fn bound_later<T>(x: T) -> T {
    std::future::ready(()).await;
    x.clone()
}

#[monitored]
async fn not_send(x: u8) -> u8 {
    let shared = Rc::new(x);
    std::future::ready(()).await;
    *shared
}

fn send<T: Send>(_: T) {}

fn main() {
    send(not_send(1));
}
