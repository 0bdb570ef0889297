use monitor_core::monitored;

#[monitored(future)]
fn process() -> impl Sized {
    async { 1 }
}

fn main() {}
