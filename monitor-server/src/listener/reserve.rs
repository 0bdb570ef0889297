//! What is done at the limit of descriptors, which are the service's as much as ours.

use std::fs::File;
use std::io;

use crate::process;

/// Of the descriptors that the process may have, connections take at most one in this many: the rest is the service's.
const SHARE: usize = 2;

/// A descriptor that is held for the day when there is no other: it is given up to serve one connection then, so that the
/// server answers while the service has used up all that there are.
#[derive(Debug)]
pub(super) struct Reserve(Option<File>);

impl Reserve {
    pub(super) fn new() -> Self {
        let mut reserve = Self(None);
        reserve.restore();
        reserve
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

    /// Gives it up; says whether there was one.
    pub(super) fn release(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// How many connections may be held: as many as configured, and no more than their share of descriptors. Zero is no limit.
pub(super) fn most_connections(configured: usize) -> usize {
    bounded(configured, process::descriptor_limit())
}

fn bounded(configured: usize, descriptors: Option<u64>) -> usize {
    let share = descriptors.map(|most| usize::try_from(most).unwrap_or(usize::MAX) / SHARE);
    match share {
        Some(share) if configured == 0 => share.max(1),
        Some(share) => configured.min(share.max(1)),
        None => configured,
    }
}

/// Whether the process, or the machine, has no descriptor left: `EMFILE` and `ENFILE`, which are these numbers on every Unix.
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
            assert_eq!(bounded(configured, descriptors), expected);
        }
    }

    #[test]
    fn the_reserve_is_given_up_once_and_taken_again() {
        let mut reserve = Reserve::new();
        assert!(reserve.release());
        assert!(!reserve.release());
        reserve.restore();
        assert!(reserve.release());
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
