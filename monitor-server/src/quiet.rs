//! Log lines that a flood cannot multiply, and whose failure ends nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two lines of the same kind.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes to the log from where a panic would end more than the line. Subscribers are the service's, and the usual ones panic
/// where neither standard output nor standard error can be written to, as once a terminal or a pipe has closed.
pub(crate) fn tell(log: impl FnOnce()) {
    // The panic hook has told of it, as far as anything can.
    let _ = catch_unwind(AssertUnwindSafe(log));
}

/// Lets the first line of a kind through, then one every ten seconds with the number of those left out.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl Quiet {
    /// Calls `log` with the number of lines left out since the last one, or counts one more.
    pub(crate) fn say(&self, log: impl FnOnce(u64)) {
        if let Some(left_out) = self.turn(Instant::now()) {
            tell(|| log(left_out));
        }
    }

    fn turn(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = |last| now.saturating_duration_since(last) < PAUSE;
        if state.last.is_some_and(is_early) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_number() {
        let quiet = Quiet::default();
        let begin = Instant::now();
        assert_eq!(quiet.turn(begin), Some(0));
        for _ in 0..1000 {
            assert_eq!(quiet.turn(begin + PAUSE / 2), None);
        }
        assert_eq!(quiet.turn(begin + PAUSE), Some(1000));
        assert_eq!(quiet.turn(begin + PAUSE), None);
    }
}
