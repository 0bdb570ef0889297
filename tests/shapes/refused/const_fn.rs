//! May run in the compiler.
//@ shape: const fn (wants a good error)
//@ refused: 8:1 a `const fn` cannot be monitored: it may run in the compiler, where nothing can be recorded

use monitor_core::monitored;

#[monitored]
const fn process() {}

fn main() {
    process();
}
