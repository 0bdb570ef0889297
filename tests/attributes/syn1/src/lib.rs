//! Releases that parse with `syn` 1.
#![cfg(test)]

mod macros {
    pub(crate) use async_recursion::async_recursion;
    pub(crate) use async_trait::async_trait;
    pub(crate) use cached::proc_macro::cached;
    pub(crate) use rstest::rstest;
    pub(crate) use serial_test::serial;
    pub(crate) use tokio_macros::{main_rt as tokio_main, test_rt as tokio_test};
    pub(crate) use tracing_attributes::instrument;
}

include!("../../functions.rs");
