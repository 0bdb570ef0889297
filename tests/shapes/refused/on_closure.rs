//! The compiler has two errors of its own for this.
//@ shape: on struct/enum/mod/closure (error)
//@ refused: 10:19 attributes on expressions are experimental
//@ refused: 10:19 custom attributes cannot be applied to expressions
//@ refused: 11:5 `#[monitored]` goes on a function or an `impl` block; this is a closure: use `Monitor::method` and its guard there

use monitor_core::monitored;

fn main() {
    let process = #[monitored]
    || 1;
    process();
}
