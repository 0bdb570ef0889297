use monitor_core::monitored;

fn main() {
    #[monitored]
    let process = 1;
    let _ = process;
}
