use monitor_core::MonitorError;

#[derive(MonitorError)]
enum StoreError {
    #[monitor(error_type = "db_io", status = CONNECTION)]
    Unreachable,
}

fn main() {}
