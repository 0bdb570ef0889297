use monitor_core::MonitorError;

#[derive(MonitorError)]
#[monitor(fallback = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
enum Refused {
    Quota,
}

fn main() {}
