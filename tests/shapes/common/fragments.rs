//! Functions that macros make.
//@ shape: fn made by macro_rules with a `block` fragment; method whose `self` is an `ident` fragment
//@ records: made = ok 1, other 1
//@ records: made_later = ok 1
//@ records: method = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

macro_rules! make {
    ($vis:vis fn $name:ident($arg:ident: $ty:ty) -> $ret:ty $body:block) => {
        #[monitored]
        $vis fn $name($arg: $ty) -> $ret $body
    };
    (async $name:ident $body:block) => {
        #[monitored]
        async fn $name() -> u8 $body
    };
}

make!(fn made(x: u8) -> Result<u8, String> {
    if x == 0 {
        return Err("zero".to_owned());
    }
    Ok(x)
});

make!(async made_later {
    yield_now().await;
    5
});

macro_rules! method {
    ($self:ident, $name:ident, $body:block) => {
        impl Store {
            #[monitored]
            fn $name(&$self) -> usize $body
        }
    };
}

/// Keeps things.
#[derive(Debug)]
pub struct Store(Vec<u8>);

method!(self, method, { self.0.len() });

/// Runs it.
pub fn run() -> String {
    format!("{:?} {:?} {} {}", made(0), made(1), Store(vec![1]).method(), block_on(made_later()))
}
