use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Refused {
    #[monitor(error_type = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    Quota,
}

fn main() {}
