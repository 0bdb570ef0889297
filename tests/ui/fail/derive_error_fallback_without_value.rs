use monitor_core::MonitorError;

#[derive(MonitorError)]
#[monitor(fallback)]
enum Refused {
    Quota,
}

fn main() {}
