//! Unsafe functions with `unsafe` blocks in them.
//@ shape: unsafe fn, 2024
//@ shape: `async unsafe fn`
//@ records: read = ok 2
//@ records: read_later = ok 1
//@ records: not_needed = ok 1
//@ fires: unsafe_code unused_unsafe

use monitor_core::monitored;

#[monitored]
unsafe fn read(pointer: *const u8) -> u8 {
    unsafe { *pointer }
}

/// Reads later.
#[monitored]
pub async unsafe fn read_later(pointer: *const u8) -> Result<u8, String> {
    shapes_driver::yield_now().await;
    if pointer.is_null() {
        return Err("null".to_owned());
    }
    Ok(unsafe { read(pointer) })
}

#[monitored]
fn not_needed(x: u8) -> u32 {
    unsafe { x.count_ones() }
}

fn run() -> String {
    let value = 7;
    let later = unsafe { read_later(&raw const value) };
    format!("{} {:?} {}", unsafe { read(&raw const value) }, shapes_driver::block_on(later), not_needed(1))
}

fn main() {
    shapes_driver::main(&[("unsafe_fn_2024", run)]);
}
