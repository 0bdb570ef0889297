//! The place is the same, the compiler tells it otherwise: in the body the argument is a variable of its own.
//@ shape: errors of the body, the same at the same place
//@ refused: 11:5 `text` does not live long enough
//@ instead of: 11:5

use monitor_core::monitored;

#[monitored]
async fn of_an_argument(text: String) -> &'static str {
    std::future::ready(()).await;
    &text
}

fn main() {}
