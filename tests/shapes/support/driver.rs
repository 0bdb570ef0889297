//! Runs shapes and prints their behaviour: the returned values, the places of panics, the sizes of futures.

use std::cell::RefCell;
use std::fmt::Debug;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{Write, stdout};
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

/// A shape: its name, and a function that runs it and describes its behaviour.
pub type Shape = (&'static str, fn() -> String);

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
    static SIZES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs shapes.
pub fn main(shapes: &[Shape]) {
    run_each(shapes, |run| (run(), Vec::new()));
}

/// Runs shapes through `observe`, which returns a shape's description and its records, and prints both, or writes them to a file
/// if the environment names one: the output of documentation tests is not always shown.
pub fn run_each(shapes: &[Shape], observe: impl Fn(fn() -> String) -> (String, Vec<String>)) {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, ToString::to_string);
        let text = info.payload_as_str().unwrap_or("something");
        PANIC.set(format!("panic at {place}: {text}"));
    }));
    let file = std::env::var_os("SHAPES_SAID").and_then(|path| File::create(path).ok());
    let mut out: Box<dyn Write> = file.map_or_else(|| Box::new(stdout()) as Box<dyn Write>, |file| Box::new(file));
    let mut print = |line: String| writeln!(out, "{line}").unwrap_or_default();
    for (name, run) in shapes {
        let (said, records) = observe(*run);
        print(format!("shape {name}"));
        said.lines().for_each(|line| print(format!("said {line}")));
        SIZES.take().iter().for_each(|size| print(format!("size {size}")));
        records.iter().for_each(|record| print(format!("recorded {record}")));
    }
    print("done".to_owned());
}

/// The result of a call, or the place of its panic.
pub fn caught<R: Debug>(call: impl FnOnce() -> R) -> String {
    match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => format!("{value:?}"),
        Err(_) => PANIC.take(),
    }
}

/// Runs a future on this thread, without a runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Is ready at the second poll.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Polls a future once and drops it.
pub fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Compiles only for a value that is `Send`.
pub fn send<T: Send>(value: T) -> T {
    value
}

/// Notes the size of a future that may be 48 bytes larger under the attribute.
pub fn size<T>(label: &str, value: T) -> T {
    let size = size_of::<T>();
    SIZES.with_borrow_mut(|sizes| sizes.push(format!("grows {label} {size}")));
    value
}

/// Notes the size of a future that may not be larger: its body does not await.
pub fn same_size<T>(label: &str, value: T) -> T {
    let size = size_of::<T>();
    SIZES.with_borrow_mut(|sizes| sizes.push(format!("same {label} {size}")));
    value
}

/// The numbers from 1, of which the third is an error; each is there at the second poll.
#[derive(Debug)]
pub struct Numbers {
    last: u8,
    next: u8,
    waited: bool,
}

/// The numbers from 1 to `last`.
pub fn numbers(last: u8) -> Numbers {
    Numbers { last, next: 1, waited: false }
}

impl Stream for Numbers {
    type Item = Result<u8, String>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.waited = !self.waited;
        let number = self.next;
        if self.waited {
            return Poll::Pending;
        }
        self.next += 1;
        Poll::Ready((number <= self.last).then(|| if number == 3 { Err(format!("no {number}")) } else { Ok(number) }))
    }
}

/// The next item of a stream.
pub async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// The first items of a stream, which is then dropped; without a runtime.
pub fn first<S: Stream<Item: Debug>>(count: usize, stream: S) -> String {
    let mut stream = Box::pin(stream);
    block_on(async {
        let mut items = Vec::new();
        while items.len() < count && let Some(item) = next(&mut stream).await {
            items.push(item);
        }
        format!("{items:?}")
    })
}

/// All items of a stream.
pub fn all<S: Stream<Item: Debug>>(stream: S) -> String {
    first(usize::MAX, stream)
}

/// Notes a value under a call's handle, which exists only under the attribute.
#[macro_export]
macro_rules! observe {
    ($call:ident, $value:expr) => {
        $crate::noted($value)
    };
}

/// Stands for `observe` without a handle.
pub fn noted(_: f64) {}

/// How many there are.
pub fn length(list: &Vec<u8>) -> usize {
    list.len()
}

/// The type of a refusal.
pub fn kind(code: &u16) -> &'static str {
    if *code == 429 { "KIND_THROTTLED" } else { "KIND_REJECTED" }
}
