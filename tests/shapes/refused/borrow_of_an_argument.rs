//! A borrow of an argument that does not outlive the call.
//@ shape: errors of the body, the same at the same place
//@ refused: as bare

use monitor_core::monitored;

#[monitored]
async fn of_an_argument(text: String) -> &'static str {
    std::future::ready(()).await;
    &text
}

fn main() {}
