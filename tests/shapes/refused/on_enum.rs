//! No function.
//@ shape: on struct/enum/mod/closure (error)
//@ refused: 8:1 `#[monitored]` goes on a function or an `impl` block; this is an enum: put it on the `impl` block

use monitor_core::monitored;

#[monitored]
enum Process {
    One,
}

fn main() {
    let _ = Process::One;
}
