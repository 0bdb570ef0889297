use monitor_core::monitored;

struct Store;

#[monitored]
impl Store {
    #[monitored(skip, skip)]
    pub fn add(&self) {}
}

fn main() {}
