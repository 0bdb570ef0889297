//! Borrows that do not last, and values that are moved.
//@ shape: errors of the body, the same at the same place
//@ refused: as bare

use monitor_core::monitored;

#[monitored]
fn moved(text: String) -> usize {
    drop(text);
    text.len()
}

#[monitored]
async fn moved_later(text: String) -> usize {
    drop(text);
    std::future::ready(()).await;
    text.len()
}

#[monitored(labels(empty = text.is_empty()))]
fn moved_beside_labels(text: String) -> usize {
    drop(text);
    text.len()
}

#[monitored]
fn of_a_local() -> &'static str {
    let text = String::new();
    &text
}

#[monitored]
fn not_mutable(list: Vec<u8>) -> usize {
    list.push(1);
    list.len()
}

#[monitored]
fn twice(list: &mut Vec<u8>) -> u8 {
    let first = &mut list[0];
    list.push(1);
    *first
}

#[monitored]
fn behind_a_reference(list: &Vec<String>) -> String {
    list[0]
}

fn main() {}
