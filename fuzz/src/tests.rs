//! The strict parser of `monitor-core`'s unit tests, under the path it has there.

#[allow(
    dead_code,
    unreachable_pub,
    reason = "of the unit tests, which use all of it"
)]
#[path = "../../monitor-core/src/export/encode/tests/strict.rs"]
pub(crate) mod strict;
