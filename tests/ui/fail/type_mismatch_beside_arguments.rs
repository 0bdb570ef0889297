use monitor_core::monitored;

#[monitored(labels(early = early), call = call, max_concurrency = 3)]
async fn process(early: bool) -> u32 {
    call.observe("tokens", 1.0);
    if early {
        return "text";
    }
    1
}

fn main() {}
