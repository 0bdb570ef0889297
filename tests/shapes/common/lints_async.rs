//! All lints of the compiler and clippy about an asynchronous function fire under the attribute too.
//@ shape: lints of asynchronous bodies
//@ records: holds_cell = ok 1
//@ fires: unused_variables unused_mut unused_must_use unused_assignments unreachable_code dead_code let_underscore_drop
//@ fires: clippy::await_holding_lock clippy::await_holding_refcell_ref clippy::unused_async clippy::future_not_send
//@ fires: clippy::large_futures clippy::redundant_async_block clippy::manual_async_fn
//@ fires: clippy::missing_errors_doc clippy::missing_panics_doc clippy::too_many_arguments
//@ fires: clippy::needless_return clippy::let_and_return clippy::semicolon_if_nothing_returned
//@ fires: clippy::ptr_arg clippy::let_underscore_future clippy::needless_pass_by_ref_mut
//@ fires: clippy::needless_question_mark clippy::redundant_clone
//@ fires: clippy::ignored_unit_patterns

use std::cell::RefCell;
use std::future::{Future, ready};
use std::sync::Mutex;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
async fn holds_lock(lock: &Mutex<u8>) -> u8 {
    let guard = lock.lock().unwrap();
    yield_now().await;
    *guard
}

#[monitored]
async fn holds_cell(cell: &RefCell<u8>) -> u8 {
    let borrowed = cell.borrow();
    yield_now().await;
    *borrowed
}

#[monitored]
async fn holds_cell_fallibly(cell: &RefCell<u8>) -> Result<u8, u8> {
    let borrowed = cell.borrow();
    yield_now().await;
    ready(Err(*borrowed)).await?;
    Ok(*borrowed)
}

#[monitored]
async fn no_await(x: u8) -> u32 {
    x.count_ones()
}

#[monitored]
async fn no_await_fallible(text: &str) -> Result<u8, std::num::ParseIntError> {
    let number = text.parse()?;
    Ok(number)
}

#[monitored]
async fn large(x: u8) -> usize {
    let large = [x; 20_000];
    yield_now().await;
    large.len()
}

#[monitored]
async fn awaits_large() -> usize {
    large(1).await
}

#[monitored]
async fn awaits_large_fallibly() -> Result<usize, u8> {
    let length = large(1).await;
    ready(Ok::<u8, u8>(1)).await?;
    Ok(length)
}

#[monitored]
fn manual(x: u8) -> impl Future<Output = u8> {
    async move { x }
}

#[monitored]
fn block_of_block(x: u8) -> impl Future<Output = u8> {
    let future = no_await(x);
    async { async { future.await }.await as u8 }
}

#[monitored]
async fn yields(x: u8) -> impl Future<Output = u8> {
    yield_now().await;
    async move { x }
}

#[monitored]
async fn unused(x: u8, list: Vec<u8>, text: &String) -> usize {
    let unused = 1;
    let mut fixed = 2;
    let mut lost = 3;
    lost = 4;
    yield_now();
    let _ = yield_now();
    let _ = String::new();
    yield_now().await;
    let length = list.len() + fixed + text.len();
    length
}

#[monitored]
async fn unused_fallibly(x: u8, list: Vec<u8>, text: &String) -> Result<usize, u8> {
    let unused = 1;
    let mut fixed = 2;
    let mut lost = 3;
    lost = 4;
    ready(Ok::<u8, u8>(1)).await;
    ready(Ok::<u8, u8>(1)).await?;
    yield_now();
    let length = list.len() + fixed + text.len();
    return Ok(length);
}

#[monitored]
async fn returns(x: u8) -> u32 {
    yield_now().await;
    return x.count_ones();
}

#[monitored]
async fn unreachable(x: u8) -> u32 {
    yield_now().await;
    return x.count_ones();
    fn never() {}
    x.count_zeros()
}

#[monitored]
async fn wraps(x: u8) -> Option<u8> {
    yield_now().await;
    Some(x)
}

#[monitored]
async fn question(x: Option<u8>) -> Option<u8> {
    yield_now().await;
    let y = match x {
        Some(y) => y,
        None => return None,
    };
    Some(ready(Some(y)).await?)
}

#[monitored]
async fn no_semicolon(list: &mut Vec<u8>) {
    yield_now().await;
    list.clear()
}

#[monitored]
async fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u32 {
    let _: () = yield_now().await;
    let text = String::from("a").clone();
    [a, b, c, d, e, f, g, h].iter().map(|x| u32::from(*x)).sum()
}

#[monitored]
async fn not_mutated(list: &mut Vec<u8>) -> usize {
    let _ = yield_now().await;
    list.len()
}

/// Fails and panics.
#[monitored]
pub async fn undocumented(text: &str) -> Result<u8, std::num::ParseIntError> {
    yield_now().await;
    if text.is_empty() {
        panic!("empty");
    }
    let number: u8 = text.parse().unwrap();
    Ok(number + text.parse::<u8>()?)
}

/// Keeps a thing.
#[derive(Debug)]
pub struct Keeper(RefCell<u8>);

impl Keeper {
    /// Not `Send`.
    #[monitored]
    pub async fn not_send(&self) -> u8 {
        yield_now().await;
        *self.0.borrow()
    }

    #[monitored]
    async fn unused_self(&self, x: u8) -> u8 {
        yield_now().await;
        x
    }
}

/// Its output is to be used.
#[must_use]
async fn to_be_used() -> u8 {
    yield_now().await;
    1
}

#[monitored]
async fn forgets_an_output() -> u8 {
    to_be_used().await;
    1
}

#[monitored]
async fn in_parentheses(x: u8) -> u8 {
    let mut once = ready(x);
    (&mut once).await
}

/// Runs it.
pub fn run() -> String {
    let keeper = Keeper(RefCell::new(1));
    drop((holds_lock(&Mutex::new(1)), no_await_fallible(""), awaits_large(), awaits_large_fallibly(), manual(1)));
    drop((block_of_block(1), yields(1), unused(1, vec![], &String::new()), unused_fallibly(1, vec![], &String::new())));
    drop((returns(1), unreachable(1), wraps(1), question(None), no_semicolon(&mut vec![]), many(1, 2, 3, 4, 5, 6, 7, 8)));
    drop((forgets_an_output(), in_parentheses(1), not_mutated(&mut vec![]), keeper.unused_self(1), holds_cell_fallibly(&keeper.0)));
    block_on(holds_cell(&keeper.0)).to_string()
}
