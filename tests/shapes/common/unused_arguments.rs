//! Unused arguments: the moment of their drop matters.
//@ shape: `_` and `_b` arguments
//@ records: ignore = ok 1
//@ records: ignore_later = ok 1
//@ fires: unused_variables

use std::cell::RefCell;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

thread_local! {
    static LOG: RefCell<String> = RefCell::new(String::new());
}

fn log(text: &str) {
    LOG.with(|log| log.borrow_mut().push_str(text));
}

/// Logs its drop.
#[derive(Debug)]
pub struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        log(self.0);
    }
}

#[monitored]
fn ignore(_: Loud, _b: Loud, unused: u8) {
    log("body ");
}

#[monitored]
async fn ignore_later(_: Loud, _b: Loud) {
    log("body ");
    yield_now().await;
    log("end ");
}

/// Runs it.
pub fn run() -> String {
    ignore(Loud("_ "), Loud("_b "), 1);
    log("after ");
    block_on(ignore_later(Loud("_ "), Loud("_b ")));
    LOG.with(|log| log.borrow().clone())
}
