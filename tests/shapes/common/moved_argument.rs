//! An argument that goes out again; the others are dropped as ever.
//@ shape: argument moved into the result
//@ records: through = ok 1
//@ records: through_later = ok 1

use std::cell::RefCell;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

thread_local! {
    static LOG: RefCell<String> = RefCell::new(String::new());
}

/// Logs its drop.
#[derive(Debug)]
pub struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        LOG.with(|log| log.borrow_mut().push_str(self.0));
    }
}

#[monitored]
fn through(kept: Loud, used: Loud) -> (Loud, usize) {
    let length = used.0.len();
    (kept, length)
}

#[monitored]
async fn through_later(kept: Loud, used: Loud) -> (Loud, usize) {
    yield_now().await;
    let length = used.0.len();
    (kept, length)
}

/// Runs it.
pub fn run() -> String {
    let first = through(Loud("kept "), Loud("used "));
    let second = block_on(through_later(Loud("kept later "), Loud("used later ")));
    let shown = format!("{:?} {:?} ", first, second);
    shown + &LOG.with(|log| log.borrow().clone())
}
