//! A future that borrows its argument and has to be `Send`.
//@ shape: async fn borrowing its argument, future required Send
//@ records: borrow = ok 1
//@ records: borrow_mut = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, send, size, yield_now};

#[monitored]
async fn borrow(text: &str, list: &[u8]) -> usize {
    yield_now().await;
    text.len() + list.len()
}

#[monitored]
async fn borrow_mut(list: &mut Vec<u8>) -> Result<&mut u8, String> {
    yield_now().await;
    list.push(1);
    let length = list.len();
    if length > 1 {
        return Err(format!("{} items", length));
    }
    list.first_mut().ok_or_else(String::new)
}

/// Runs it.
pub fn run() -> String {
    let text = "ab".to_owned();
    let mut list = vec![];
    let required: Box<dyn std::future::Future<Output = usize> + Send + '_> = Box::new(borrow(&text, &[1]));
    let first = block_on(Box::into_pin(required));
    let second = block_on(size("borrow_mut", send(borrow_mut(&mut list)))).map(|last| *last);
    format!("{} {:?} {:?}", first, second, block_on(borrow_mut(&mut list)))
}
