//! A function that never returns.
//@ shape: `-> !` sync
//@ records: give_up = panic 1
//@ records: give_up_on_one_line = panic 1

use monitor_core::monitored;
use shapes_driver::caught;

#[monitored]
fn give_up(reason: &str) -> ! {
    let reason = reason.to_uppercase();
    panic!("{}", reason)
}

#[monitored] fn give_up_on_one_line() -> ! { panic!("on one line") }

/// Runs it.
pub fn run() -> String {
    let first = caught(|| give_up("why"));
    format!("{}\n{}", first, caught(|| give_up_on_one_line()))
}
