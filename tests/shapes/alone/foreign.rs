//! Functions that C calls.
//@ shape: `extern "C"`, `no_mangle`
//@ records: add = ok 1
//@ records: monitor_shapes_exported = ok 1
//@ records: never_inlined = ok 1
//@ fires: unsafe_code

use monitor_core::monitored;

#[monitored]
extern "C" fn add(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

/// Exported.
#[monitored]
#[unsafe(no_mangle)]
pub extern "C" fn monitor_shapes_exported() -> u8 {
    "four".len() as u8
}

/// Exported.
#[unsafe(no_mangle)]
#[monitored]
pub unsafe extern "C-unwind" fn never_inlined(x: *const u8) -> bool {
    x.is_null()
}

fn run() -> String {
    let function: extern "C" fn(i32, i32) -> i32 = add;
    format!("{} {} {}", function(1, 2), monitor_shapes_exported(), unsafe { never_inlined(std::ptr::null()) })
}

fn main() {
    shapes_driver::main(&[("foreign", run)]);
}
