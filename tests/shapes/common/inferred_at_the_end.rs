//! Closures whose arguments only the return type names.
//@ shape: closures that take their arguments from an `impl Fn` of the return type
//@ records: at_least = ok 1
//@ records: early = ok 1, panic 1
//@ records: beside = ok 1
//@ records: by_alias = ok 1
//@ records: borrowed = ok 1
//@ records: labelled = ok 1
//@ records: handed = ok 1
//@ records: lengths = ok 1
//@ records: pushes = ok 1
//@ records: later = ok 1
//@ records: waits = ok 1
//@ records: Filter::longer = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, caught, yield_now};

/// A test of a text.
pub trait Test: Fn(&str) -> bool {}

impl<F: Fn(&str) -> bool> Test for F {}

#[monitored]
fn at_least(size: usize) -> impl Fn(&String) -> bool {
    move |text| text.len() >= size
}

#[monitored]
fn early(size: usize) -> impl Fn(&String) -> bool + Clone {
    if size > 3 {
        return move |text| text.len() >= size;
    }
    panic!("too small")
}

#[monitored]
fn beside(size: usize) -> (impl for<'a> Fn(&'a str) -> &'a str, usize) {
    (|text| text.trim(), size)
}

#[monitored]
fn by_alias(size: usize) -> impl Test {
    let size = size + 1;
    move |text| text.len() >= size
}

#[monitored]
fn labelled(size: usize) -> impl Test {
    'found: {
        if size > 3 {
            break 'found move |text| text.len() >= size;
        }
        panic!("too small")
    }
}

macro_rules! hands_on {
    ($test:expr) => {
        #[monitored]
        fn handed() -> impl Test {
            $test
        }
    };
}

hands_on!(|text| text.len() > 2);

#[monitored]
fn lengths(size: usize) -> impl Iterator<Item = String> {
    let mut texts = Vec::new();
    if size == 0 {
        return texts.into_iter();
    }
    texts.push(Default::default());
    texts[0].push('x');
    texts.into_iter()
}

#[monitored]
fn borrowed() -> &'static impl Fn(&str) -> bool {
    &|text| text.is_empty()
}

#[monitored]
fn pushes(size: usize) -> impl FnMut(&mut Vec<usize>) {
    move |numbers| numbers.push(size)
}

#[monitored]
async fn later(size: usize) -> impl Fn(&str) -> bool {
    move |text| text.len() >= size
}

#[monitored]
async fn waits(size: usize) -> (impl Fn(&str) -> bool, usize) {
    yield_now().await;
    if size > 3 {
        return (move |text| text.len() >= size, 4);
    }
    unreachable!()
}

struct Filter(usize);

#[monitored]
impl Filter {
    fn longer(&self) -> impl Fn(&str) -> bool + '_ {
        move |text| text.len() > self.0
    }
}

/// Runs it.
pub fn run() -> String {
    let text = "  abc".to_owned();
    let (trim, size) = beside(7);
    let mut numbers = Vec::new();
    pushes(4)(&mut numbers);
    let (long, four) = block_on(waits(5));
    format!(
        "{four} {} {} {} {} {} {size} {} {} {} {} {numbers:?} {} {} {}",
        long(&text),
        at_least(3)(&text),
        early(4)(&text),
        caught(|| early(2)(&text)),
        trim(&text),
        by_alias(3)(&text),
        borrowed()(&text),
        labelled(4)(&text),
        handed()(&text),
        lengths(1).count(),
        block_on(later(3))(&text),
        Filter(9).longer()(&text),
    )
}
