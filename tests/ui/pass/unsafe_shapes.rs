//! Functions that need unsafe code of the user's own.
#![deny(warnings)]

use monitor_core::monitored;

#[monitored]
unsafe fn read(pointer: *const u8) -> u8 {
    unsafe { *pointer }
}

#[monitored]
async unsafe fn read_later(pointer: *const u8) -> u8 {
    tokio::task::yield_now().await;
    unsafe { *pointer }
}

#[monitored]
extern "C" fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[monitored]
#[unsafe(no_mangle)]
pub extern "C" fn monitor_ui_no_mangle() {}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let value = 7;
    assert_eq!(unsafe { read(&value) }, 7);
    assert_eq!(unsafe { read_later(&value) }.await, 7);
    assert_eq!(add(1, 2), 3);
    monitor_ui_no_mangle();
}
