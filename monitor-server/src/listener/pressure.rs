//! The listener when the process runs short: of descriptors, which are the service's as much as the server's, and of
//! memory for pages.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::connection_table::ConnectionTable;
use crate::render::HeldPages;

/// How long a client may take nothing while memory is short. Networks may need longer for a packet: those that take
/// nothing for longest go first, of the address that has most of them.
const LEAST_BLOCKED: Duration = Duration::from_millis(20);

/// Between two looks where no connection could be closed.
const PAUSE: Duration = Duration::from_millis(5);

/// Closes one connection after the other while pages take more memory than they may: connections whose clients take
/// nothing hold them.
pub(super) async fn relieve_memory(
    connections: Arc<ConnectionTable>,
    pages: Arc<HeldPages>,
) -> Infallible {
    loop {
        pages.too_many().await;
        if connections.evict_for_memory(LEAST_BLOCKED) {
            // Its page goes as the runtime gets to it.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Of the descriptors that the process may have, connections take at most one in this many: the rest is the service's.
const SHARE: u64 = 2;

/// How many connections may be held: as many as configured, and no more than their share of descriptors. Zero is no
/// limit.
pub(super) fn most_connections(configured: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else {
        return configured;
    };
    let share = usize::try_from((descriptors / SHARE).max(1)).unwrap_or(usize::MAX);
    if configured == 0 {
        share
    } else {
        configured.min(share)
    }
}

/// A descriptor that is held for the time when there is no other: it is given up to serve one connection then, so that
/// the server answers while the service has used up all that there are.
#[derive(Debug)]
pub(super) struct SpareDescriptor(Option<File>);

impl SpareDescriptor {
    pub(super) fn new() -> Self {
        let mut spare = Self(None);
        spare.restore();
        spare
    }

    /// Takes a descriptor again, if there is one to be had. Cheap where it is there already.
    pub(super) fn restore(&mut self) {
        if self.0.is_none() {
            self.0 = File::open("/dev/null").ok();
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.0.is_none()
    }

    /// Gives it up; false if it was given up before.
    pub(super) fn release(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// Whether the process, or the machine, has no descriptor left: `EMFILE` and `ENFILE`, which are these numbers on every
/// Unix.
pub(super) fn is_at_limit(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Whether it concerns the one connection that would have been accepted, and not the next ones.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_half_of_the_descriptors_to_the_service() {
        for (configured, descriptors, expected) in [
            (256, None, 256),
            (256, Some(1024), 256),
            (256, Some(100), 50),
            (0, Some(1024), 512),
            (0, None, 0),
            (5, Some(1), 1),
            (5, Some(u64::MAX), 5),
        ] {
            assert_eq!(most_connections(configured, descriptors), expected);
        }
    }

    #[test]
    fn the_spare_descriptor_is_given_up_once_and_taken_again() {
        let mut spare = SpareDescriptor::new();
        assert!(spare.release());
        assert!(!spare.release());
        spare.restore();
        assert!(spare.release());
    }

    #[test]
    fn errors_of_one_connection_are_told_from_those_of_the_process() {
        assert!(is_at_limit(&io::Error::from_raw_os_error(24)));
        assert!(!is_at_limit(&io::ErrorKind::ConnectionAborted.into()));
        assert!(is_of_one_connection(
            &io::ErrorKind::ConnectionAborted.into()
        ));
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(24)));
    }
}
