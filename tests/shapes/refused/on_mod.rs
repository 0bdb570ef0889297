//! No function.
//@ shape: on struct/enum/mod/closure (error)
//@ refused: 8:1 `#[monitored]` goes on a function or an `impl` block; this is a module: put it on each function and `impl` block in there

use monitor_core::monitored;

#[monitored]
mod process {
    pub fn process() {}
}

fn main() {
    process::process();
}
