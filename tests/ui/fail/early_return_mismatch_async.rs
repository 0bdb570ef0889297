use monitor_core::monitored;

#[monitored]
async fn process(early: bool) -> Result<u32, String> {
    std::future::ready(()).await;
    if early {
        return 1;
    }
    Ok(1)
}

fn main() {}
