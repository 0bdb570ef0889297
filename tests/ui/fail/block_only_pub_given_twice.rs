use monitor_core::monitored;

struct Store;

#[monitored(only_pub, only_pub)]
impl Store {
    pub fn add(&self) {}
}

fn main() {}
