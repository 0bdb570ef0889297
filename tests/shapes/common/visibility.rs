//! Visibility that names a path.
//@ shape: `pub(in path)` visibility
//@ records: scoped = ok 1
//@ records: in_crate = ok 1
//@ fires: unreachable_pub

mod outer {
    pub(super) mod inner {
        #[monitor_core::monitored]
        pub(in super::super) fn scoped(x: u8) -> u32 {
            x.count_ones()
        }

        #[monitor_core::monitored]
        pub(crate) async fn in_crate(x: u8) -> u32 {
            x.count_ones()
        }

        #[monitor_core::monitored]
        pub fn unreachable(x: u8) -> u32 {
            x.count_ones()
        }
    }
}

/// Runs it.
pub fn run() -> String {
    let _ = outer::inner::unreachable as fn(u8) -> u32;
    format!("{} {}", outer::inner::scoped(3), shapes_driver::block_on(outer::inner::in_crate(1)))
}
