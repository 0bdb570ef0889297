use monitor_core::monitored;

trait Process {
    fn process(&self);
}

#[monitored]
impl Process for [u8; 2] {
    fn process(&self) {}
}

fn main() {}
