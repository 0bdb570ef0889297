//! Whom the server did not answer as asked, and who came with wrong credentials.

use std::sync::atomic::{AtomicU64, Ordering};

use monitor_core::family::{Family, FamilyType};

use super::{child, family, int};
use crate::access::Denial;

/// How credentials were presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Basic,
    Bearer,
    /// In no way that is known here.
    Unusable,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Basic, Self::Bearer, Self::Unusable];

    const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::Unusable => "unusable",
        }
    }
}

/// Counts of refusals. `Relaxed` throughout, as in [`SelfMetrics`](super::SelfMetrics).
#[derive(Debug, Default)]
pub(crate) struct AccessMetrics {
    refused: [AtomicU64; Denial::ALL.len()],
    failures: [AtomicU64; Scheme::ALL.len()],
}

impl AccessMetrics {
    pub(crate) fn refused(&self, denial: Denial) {
        self.refused[denial as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, scheme: Scheme) {
        self.failures[scheme as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn families(&self) -> Vec<Family> {
        let refused = Denial::ALL.iter().zip(&self.refused);
        let failures = Scheme::ALL.iter().zip(&self.failures);
        vec![
            family(
                "monitor_server_requests_refused_total",
                "Requests to the monitor server that were refused, by reason.",
                FamilyType::Counter,
                refused
                    .map(|(denial, count)| child(Some(("reason", denial.name())), int(count)))
                    .collect(),
            ),
            family(
                "monitor_server_auth_failures_total",
                "Wrong credentials presented to the monitor server, by scheme.",
                FamilyType::Counter,
                failures
                    .map(|(scheme, count)| child(Some(("scheme", scheme.name())), int(count)))
                    .collect(),
            ),
        ]
    }
}
