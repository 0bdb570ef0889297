//! In place of credentials where the cargo feature `auth` is off: there are no users and no tokens, and the
//! configuration refuses both. What is left is a server that is locked, because what protects it could not be loaded.
#![allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_async,
    clippy::unused_self,
    reason = "it is used as what it stands for"
)]

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use http::HeaderMap;

use crate::access::{AuthOutcome, Source};
use crate::runtime::pool::Pool;
use crate::self_metrics::AccessMetrics;

/// A digest by which a change is noticed; of no secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(content: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Self(hasher.finish())
    }

    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.0.to_le_bytes());
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Whether the server is locked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(bool);

impl Secrets {
    pub(crate) fn locked() -> Self {
        Self(true)
    }

    pub(crate) fn are_locked(&self) -> bool {
        self.0
    }

    pub(crate) fn has_users(&self) -> bool {
        false
    }

    pub(crate) fn has_tokens(&self) -> bool {
        false
    }

    pub(crate) fn are_given(&self) -> bool {
        self.0
    }
}

/// Lets no client in.
#[derive(Debug)]
pub(crate) struct Authenticator;

impl Authenticator {
    pub(crate) fn new(_pool: Pool) -> Self {
        Self
    }

    pub(crate) async fn check(
        &self,
        _secrets: &Secrets,
        _headers: &HeaderMap,
        _source: Source,
        _metrics: &AccessMetrics,
    ) -> AuthOutcome {
        AuthOutcome::Missing
    }

    pub(crate) fn forget_others(&self, _secrets: &Secrets) {}
}
