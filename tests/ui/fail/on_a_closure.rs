use monitor_core::monitored;

fn outer() {
    let process = #[monitored]
    || 1;
}

fn main() {}
