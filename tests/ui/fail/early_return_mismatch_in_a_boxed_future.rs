use monitor_core::monitored;

#[monitored]
fn process(early: bool) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, String>>>> {
    Box::pin(async move {
        if early {
            return 1;
        }
        Ok(1)
    })
}

fn main() {}
