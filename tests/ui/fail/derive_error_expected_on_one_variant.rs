use monitor_core::MonitorError;

#[derive(MonitorError)]
enum StoreError {
    #[monitor(error_type = "gone", expected)]
    Missing,
    #[monitor(error_type = "gone")]
    Broken,
}

fn main() {}
