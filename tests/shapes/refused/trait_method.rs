//! Nothing to monitor.
//@ shape: trait method without body (wants a good error)
//@ refused: 9:22 `#[monitored]` needs a function with a body: put it on the implementation

use monitor_core::monitored;

trait Process {
    #[monitored]
    fn process(&self);
}

impl Process for u8 {
    fn process(&self) {}
}

fn main() {
    1_u8.process();
}
