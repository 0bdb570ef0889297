use monitor_core::monitored;

fn main() {
    let process = #[monitored]
    || 1;
    process();
}
