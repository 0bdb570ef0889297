//! The newest release of each macro.
#![cfg(test)]

mod macros {
    pub(crate) use actix_web::get;
    pub(crate) use async_recursion::async_recursion;
    pub(crate) use async_trait::async_trait;
    pub(crate) use axum::debug_handler;
    pub(crate) use cached::macros::cached;
    pub(crate) use rstest::rstest;
    pub(crate) use serial_test::serial;
    pub(crate) use tokio::{main as tokio_main, test as tokio_test};
    pub(crate) use tracing::instrument;
}

include!("../../functions.rs");
include!("../../handlers.rs");
