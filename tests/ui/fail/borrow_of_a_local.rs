use monitor_core::monitored;

#[monitored]
fn borrow_of_a_local<'a>() -> &'a str {
    let text = String::new();
    &text
}

#[monitored]
async fn borrow_of_an_argument_async<'a>(text: String) -> &'a str {
    std::future::ready(()).await;
    &text
}

fn main() {}
