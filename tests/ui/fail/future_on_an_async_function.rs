use monitor_core::monitored;

#[monitored(future)]
async fn process() -> u8 {
    1
}

fn main() {}
