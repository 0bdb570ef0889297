//! A named lifetime.
//@ shape: named lifetime shared by two arguments
//@ records: longer = ok 1
//@ records: longer_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, size, yield_now};

#[monitored]
fn longer<'a>(one: &'a str, two: &'a str) -> &'a str {
    if one.len() > two.len() { one } else { two }
}

#[monitored]
async fn longer_later<'a>(one: &'a str, two: &'a str, _three: &str) -> &'a str {
    yield_now().await;
    if one.len() > two.len() { one } else { two }
}

/// Runs it.
pub fn run() -> String {
    let text = "ab".to_owned();
    let later = block_on(size("longer_later", longer_later(&text, "c", &String::new())));
    format!("{} {}", longer(&text, "c"), later)
}
