//! Lifetimes that need no name, with several return types.
//@ shape: lints about lifetimes
//@ records: elidable = ok 1
//@ records: elidable_closure = ok 1
//@ records: elidable_in_result = ok 1
//@ records: elidable_object = ok 1
//@ records: from_nowhere = ok 1
//@ records: get = ok 1
//@ records: hidden = ok 1
//@ records: new = ok 1
//@ records: only_argument = ok 1
//@ records: outlives = ok 1
//@ records: unused = ok 1
//@ fires: clippy::needless_lifetimes clippy::elidable_lifetime_names clippy::extra_unused_lifetimes single_use_lifetimes
//@ fires: elided_lifetimes_in_paths mismatched_lifetime_syntaxes clippy::extra_unused_type_parameters
//@ fires: explicit_outlives_requirements unused_lifetimes

use std::future::Future;
use std::pin::Pin;

use monitor_core::monitored;
use shapes_driver::yield_now;

/// Borrows.
#[derive(Debug)]
pub struct Holder<'a>(&'a str);

#[monitored]
fn elidable<'a>(text: &'a str) -> &'a str {
    text.trim()
}

#[monitored]
fn elidable_in_result<'a>(text: &'a str) -> Result<&'a str, Holder<'a>> {
    text.strip_prefix('a').ok_or(Holder(text))
}

#[monitored]
fn elidable_object<'a>(text: &'a str) -> Box<dyn Fn() -> usize + 'a> {
    Box::new(move || text.len())
}

#[monitored]
fn elidable_closure<'a>(text: &'a str) -> impl Fn() -> usize + 'a {
    move || text.len()
}

#[monitored]
async fn elidable_later<'a>(text: &'a str) -> &'a str {
    yield_now().await;
    text.trim()
}

#[monitored]
async fn elidable_fallibly<'a>(text: &'a str) -> Result<&'a str, Holder<'a>> {
    yield_now().await;
    let text = text.strip_prefix('a').ok_or(Holder(text))?;
    Ok(text)
}

#[monitored]
fn elidable_future<'a>(text: &'a str) -> impl Future<Output = &'a str> + 'a {
    let text = text.trim();
    async move { text }
}

#[monitored]
fn elidable_boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = &'a str> + 'a>> {
    let text = text.trim();
    Box::pin(async move { text })
}

#[monitored]
fn only_argument<'a>(text: &'a str) -> usize {
    text.len()
}

#[monitored]
async fn only_argument_later<'a>(text: &'a str) -> usize {
    yield_now().await;
    text.len()
}

#[monitored]
fn unused<'a, T>(text: &str) -> usize {
    text.len()
}

#[monitored]
fn hidden(text: &str) -> Holder {
    Holder(text)
}

#[monitored]
fn from_nowhere<'a>(text: &'static str) -> &'a str {
    text.trim()
}

#[monitored]
fn outlives<'a, 'b: 'a>(text: &'b str, other: &'a str) -> (&'b str, &'a str) {
    (text.trim(), other.trim())
}

/// Bound more than it needs.
#[derive(Debug)]
pub struct Bound<'a, T: 'a>(&'a T);

impl<'a, T> Bound<'a, T> {
    #[monitored]
    fn get(&self) -> &'a T {
        std::convert::identity(self.0)
    }

    #[monitored]
    fn new<'b>(value: &'b T) -> Bound<'b, T> {
        Bound(std::convert::identity(value))
    }
}

/// Runs it.
pub fn run() -> String {
    drop((elidable_in_result("a"), elidable_object("a"), elidable_closure("a"), elidable_later("a")));
    drop((elidable_fallibly("a"), elidable_future("a"), elidable_boxed("a"), only_argument("a"), only_argument_later("a")));
    drop((unused::<u8>("a"), hidden("a"), from_nowhere("a"), outlives("a", "b"), Bound::new(&1).get()));
    elidable("a").to_owned()
}
