use monitor_core::monitored;

#[monitored]
fn type_mismatch() -> u32 {
    "text"
}

#[monitored]
async fn type_mismatch_async() -> u32 {
    std::future::ready(()).await;
    "text"
}

#[monitored(labels(early = early), call = call, max_concurrency = 3)]
async fn type_mismatch_beside_arguments(early: bool) -> u32 {
    call.observe("tokens", 1.0);
    if early {
        return "text";
    }
    1
}

#[monitored]
fn type_mismatch_in_a_boxed_future() -> std::pin::Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(async move { "text" })
}

#[monitored]
fn type_mismatch_in_a_boxed_future_made_elsewhere() -> std::pin::Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(std::future::ready("text"))
}

#[monitored]
fn type_mismatch_in_a_future() -> impl Future<Output = u32> {
    async { "text" }
}

#[monitored]
fn type_mismatch_in_a_future_made_elsewhere() -> impl Future<Output = u32> {
    std::future::ready("text")
}

struct Process;

#[monitored]
impl Process {
    fn type_mismatch_in_a_method(&self) -> u32 {
        "text"
    }
}

#[monitored]
fn early_return_mismatch(early: bool) -> Result<u32, String> {
    if early {
        return 1;
    }
    Ok(1)
}

#[monitored]
async fn early_return_mismatch_async(early: bool) -> Result<u32, String> {
    std::future::ready(()).await;
    if early {
        return 1;
    }
    Ok(1)
}

#[monitored]
fn early_return_mismatch_in_a_boxed_future(early: bool) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, String>>>> {
    Box::pin(async move {
        if early {
            return 1;
        }
        Ok(1)
    })
}

fn main() {}
