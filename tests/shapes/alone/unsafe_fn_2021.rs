//! Unsafe functions whose bodies need no `unsafe` block.
//@ shape: unsafe fn, 2021
//@ editions: 2018 2021
//@ records: read = ok 1
//@ records: write = ok 1
//@ fires: E0133

use monitor_core::monitored;

#[monitored]
unsafe fn read(pointer: *const u8) -> u8 {
    *pointer
}

#[monitored]
unsafe fn write(pointer: *mut u8) {
    *pointer = read(pointer) + 1;
}

fn run() -> String {
    let mut value = 7;
    unsafe { write(&mut value) };
    value.to_string()
}

fn main() {
    shapes_driver::main(&[("unsafe_fn_2021", run)]);
}
