//! Modules in modules.
//@ shape: deeply nested modules
//@ records: deepest = ok 1, other 1

mod a {
    pub(super) mod b {
        pub(in super::super) mod c {
            pub(in super::super::super) mod d {
                use monitor_core::monitored;

                #[monitored]
                pub(in super::super::super::super) fn deepest(x: u8) -> Result<u8, super::super::Refused> {
                    x.checked_add(1).ok_or(super::super::Refused)
                }
            }
        }

        #[derive(Debug)]
        pub(in super::super) struct Refused;
    }
}

/// Runs it.
pub fn run() -> String {
    format!("{:?} {:?}", a::b::c::d::deepest(1), a::b::c::d::deepest(255))
}
