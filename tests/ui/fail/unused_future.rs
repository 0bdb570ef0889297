#![deny(warnings)]
use monitor_core::monitored;

#[monitored]
async fn process() {
    std::future::ready(()).await;
}

fn main() {
    process();
}
