//! Closures that keep the arguments' borrows.
//@ shape: closures returned that capture args by reference
//@ records: length = ok 1
//@ records: pusher = ok 1

use monitor_core::monitored;

#[monitored]
fn length<'a>(text: &'a str) -> impl Fn() -> usize + 'a {
    move || text.len()
}

#[monitored]
fn pusher<'a>(list: &'a mut Vec<u8>, by: &'a u8) -> Box<dyn FnMut(u8) + 'a> {
    Box::new(move |x| list.push(x + by))
}

/// Runs it.
pub fn run() -> String {
    let mut list = vec![];
    let by = 4;
    {
        let mut push = pusher(&mut list, &by);
        push(1);
        push(2);
    }
    format!("{:?} {}", list, length("abc")())
}
