//! Bodies that declare things.
//@ shape: bodies with `macro_rules!` definitions and `use` items
//@ records: declares = ok 1
//@ records: declares_later = ok 1, other 1
//@ fires: clippy::items_after_statements dead_code

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn declares(x: u8) -> u8 {
    use std::cmp::max;
    macro_rules! two {
        () => {
            2
        };
    }
    const ONE: u8 = 1;
    fn inner(x: u8) -> u8 {
        x
    }
    let sum = max(inner(ONE), two!()) + x;
    struct Unused;
    static SITE: u8 = 3;
    sum + SITE
}

#[monitored]
async fn declares_later(x: u8) -> Result<u8, String> {
    use std::cmp::max as larger;
    macro_rules! tried {
        ($value:expr) => {
            $value.ok_or_else(|| "nothing".to_owned())?
        };
    }
    yield_now().await;
    let one = tried!(x.checked_sub(1));
    Ok(larger(one, 1))
}

/// Runs it.
pub fn run() -> String {
    format!("{} {:?} {:?}", declares(1), block_on(declares_later(4)), block_on(declares_later(0)))
}
