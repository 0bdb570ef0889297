//! `impl Trait` where an associated type stands.
//@ shape: `impl Trait` in associated type position
//@ records: texts = ok 1
//@ records: nested = ok 1
//@ records: of_futures = ok 1

use std::fmt::Display;
use std::future::Future;

use monitor_core::monitored;
use shapes_driver::block_on;

#[monitored]
fn texts(values: &[u8]) -> impl Iterator<Item = impl Display + '_> + '_ {
    values.iter().map(|value| value + 1)
}

#[monitored]
async fn nested() -> Option<impl Iterator<Item = (u8, impl Display)>> {
    std::future::ready(Some(vec![(1, 'a')].into_iter())).await
}

#[monitored]
fn of_futures(x: u8) -> impl Future<Output = impl Display> {
    async move { x }
}

/// Runs it.
pub fn run() -> String {
    let texts: Vec<String> = texts(&[1, 2]).map(|text| text.to_string()).collect();
    let nested = block_on(nested()).map_or(0, |pairs| pairs.map(|pair| pair.0).sum::<u8>());
    format!("{:?} {} {}", texts, nested, block_on(of_futures(4)))
}
