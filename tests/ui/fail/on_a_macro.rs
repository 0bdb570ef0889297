use monitor_core::monitored;

#[monitored]
#[allow(unused_macros)]
macro_rules! process {
    () => {};
}

fn main() {}
