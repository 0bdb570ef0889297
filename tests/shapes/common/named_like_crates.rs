//! Modules named like the crates of instrumentation.
//@ shape: modules named like the instrumentation crates
//@ records: inside = ok 1
//@ records: outside = ok 1

mod tracing {}
mod inventory {}
mod monitor_macros {}
mod monitor_core {
    #[::monitor_core::monitored]
    pub(super) fn inside(x: u8) -> Result<u8, String> {
        x.checked_add(1).ok_or_else(String::new)
    }
}

#[::monitor_core::monitored]
async fn outside(x: u8) -> u32 {
    shapes_driver::yield_now().await;
    x.count_ones()
}

/// Runs it.
pub fn run() -> String {
    format!("{:?} {}", self::monitor_core::inside(1), shapes_driver::block_on(outside(3)))
}
