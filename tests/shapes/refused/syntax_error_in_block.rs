//! In a method of a block.
//@ shape: syntax errors in the body (must give exactly one error)
//@ refused: as bare

use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    fn process(&self) -> u32 {
        let number = 1 +;
        number
    }

    fn other(&self) -> u32 {
        self.process()
    }
}

fn main() {
    Process.other();
}
