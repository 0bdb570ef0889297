//! The off switch: the feature `off` of `monitor-core` returns every item as written; its attribute is still checked.
//!
//! A program passes it on, as this one does (`off = ["monitor-core/off"]` in `Cargo.toml`):
//!
//! ```sh
//! cargo run -p monitor-examples --example off_switch
//! cargo run -p monitor-examples --example off_switch --features off
//! ```
//!
//! The first prints:
//!
//! ```text
//! the answer is 42
//! 1 x Double success
//! Double observed x [21]
//! ```

use monitor_core::{monitored, testing};

/// The handle exists in either case; switched off, it does nothing.
#[monitored(method = "Double", call = call)]
fn double(x: u32) -> u32 {
    call.observe("x", x.into());
    x * 2
}

fn main() {
    let (answer, recorded) = testing::record(|| double(21));
    println!("the answer is {answer}");
    if cfg!(feature = "off") {
        recorded.assert_nothing();
        println!("nothing was recorded");
    } else {
        print!("{recorded}");
    }
}
