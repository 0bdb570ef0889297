//! The body is somewhere else.
//@ shape: fns in `extern` blocks (error)
//@ refused: 9:31 `#[monitored]` needs a function with a body: put it on the implementation

use monitor_core::monitored;

unsafe extern "C" {
    #[monitored]
    safe fn abs(x: i32) -> i32;
}

fn main() {
    abs(1);
}
