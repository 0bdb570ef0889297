//! What became of the connections a server accepted.

use std::sync::atomic::{AtomicU64, Ordering};

use monitor_core::family::{Family, FamilyType};

use super::{child, family, int};

/// How a connection ended. Those accepted are those open and those of all endings together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By its client or by us, in order.
    Done,
    /// Nothing was asked for as long as a connection may idle.
    Idle,
    /// The head of a request did not arrive in time.
    HeaderTimeout,
    /// It lasted as long as a connection may: ended with its last answer, or cut off.
    Deadline,
    /// What arrived was no HTTP request, or one for no path, or beyond the limits.
    Malformed,
    /// The client went away, or its network did.
    Broken,
    /// Cut off for a newcomer before it asked for anything.
    EvictedWaiting,
    /// Cut off for a newcomer because its client did not take an answer.
    EvictedStalled,
    /// Cut off for a newcomer between two requests.
    EvictedIdle,
    /// Not served: nobody could be cut off for it.
    Full,
    /// Not served: its address is not among those allowed.
    Source,
    /// The TLS handshake failed, or did not come to its end in time.
    Tls,
    /// The server stopped.
    Stopped,
}

impl Ending {
    pub(super) const ALL: [Self; 13] = [
        Self::Done,
        Self::Idle,
        Self::HeaderTimeout,
        Self::Deadline,
        Self::Malformed,
        Self::Broken,
        Self::EvictedWaiting,
        Self::EvictedStalled,
        Self::EvictedIdle,
        Self::Full,
        Self::Source,
        Self::Tls,
        Self::Stopped,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Idle => "idle",
            Self::HeaderTimeout => "header_timeout",
            Self::Deadline => "deadline",
            Self::Malformed => "malformed",
            Self::Broken => "broken",
            Self::EvictedWaiting => "evicted_waiting",
            Self::EvictedStalled => "evicted_stalled",
            Self::EvictedIdle => "evicted_idle",
            Self::Full => "full",
            Self::Source => "source",
            Self::Tls => "tls",
            Self::Stopped => "stopped",
        }
    }
}

/// Counts of one server's connections. `Relaxed` throughout, as in [`SelfMetrics`](super::SelfMetrics).
#[derive(Debug, Default)]
pub(crate) struct ConnectionMetrics {
    open: AtomicU64,
    accepted: AtomicU64,
    failed: AtomicU64,
    closed: [AtomicU64; Ending::ALL.len()],
}

impl ConnectionMetrics {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Accepting failed, as at the limit of descriptors.
    pub(crate) fn accept_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// An accepted connection is served from now on.
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// One that was served is no more.
    pub(crate) fn closed(&self, ending: Ending) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.refused(ending);
    }

    /// An accepted connection is not served.
    pub(crate) fn refused(&self, ending: Ending) {
        self.closed[ending as usize].fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn count(&self, ending: Ending) -> u64 {
        self.closed[ending as usize].load(Ordering::Relaxed)
    }

    pub(super) fn families(&self) -> Vec<Family> {
        let by_reason = |(ending, count): (&Ending, &AtomicU64)| {
            child(Some(("reason", ending.name())), int(count))
        };
        vec![
            family(
                "monitor_server_connections",
                "Connections to the monitor server that are open, this scrape's included.",
                FamilyType::Gauge,
                vec![child(None, int(&self.open))],
            ),
            family(
                "monitor_server_connections_accepted_total",
                "Connections that the monitor server accepted.",
                FamilyType::Counter,
                vec![child(None, int(&self.accepted))],
            ),
            family(
                "monitor_server_connections_closed_total",
                "Connections that the monitor server closed, by reason.",
                FamilyType::Counter,
                Ending::ALL
                    .iter()
                    .zip(&self.closed)
                    .map(by_reason)
                    .collect(),
            ),
            family(
                "monitor_server_accept_errors_total",
                "Failures to accept a connection, as at the limit of descriptors.",
                FamilyType::Counter,
                vec![child(None, int(&self.failed))],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_has_its_own_counter_and_name() {
        let metrics = ConnectionMetrics::default();
        for (index, ending) in Ending::ALL.into_iter().enumerate() {
            assert_eq!(ending as usize, index);
            metrics.refused(ending);
            assert_eq!(metrics.count(ending), 1);
        }
        let names: std::collections::BTreeSet<_> = Ending::ALL.map(Ending::name).into();
        assert_eq!(names.len(), Ending::ALL.len());
    }
}
