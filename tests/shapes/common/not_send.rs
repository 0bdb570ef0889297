//! A future that is not `Send`, and may stay so.
//@ shape: non-Send async (Rc held over await)
//@ records: not_send = ok 1
//@ records: not_send_fallible = ok 1
//@ fires: clippy::future_not_send

use std::rc::Rc;

use monitor_core::monitored;
use shapes_driver::{block_on, size, yield_now};

/// Holds an `Rc` over an await.
#[monitored]
pub async fn not_send() -> usize {
    let shared = Rc::new(4);
    yield_now().await;
    *shared
}

/// The same, with a way out.
///
/// # Errors
///
/// If it is not four.
#[monitored]
pub async fn not_send_fallible(text: Rc<str>) -> Result<usize, Rc<str>> {
    yield_now().await;
    let length = text.strip_prefix('a').ok_or_else(|| Rc::clone(&text))?.len();
    Ok(length)
}

/// Runs it.
pub fn run() -> String {
    format!("{} {:?}", block_on(size("not_send", not_send())), block_on(not_send_fallible(Rc::from("ab"))))
}
