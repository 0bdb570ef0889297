use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Refused {
    #[monitor(error_type = "A", error_type = "B")]
    Quota,
    #[monitor(error_type = "A")]
    #[monitor(error_type = "B")]
    Rights,
}

fn main() {}
