use monitor_core::monitored;

unsafe extern "C" {
    #[monitored]
    fn process();
}

fn main() {}
