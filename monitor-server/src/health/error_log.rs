//! Log lines about why calls fail: at most one a method and error type in ten seconds.
//!
//! A call that fails writes no line. The server looks at the last error texts at most once a second, on its own thread,
//! and writes the newest of each method and type, unless one of the two was written less than [`PAUSE`] ago. Where more
//! are due than [`MOST_LINES`], those go first that have had no line for the longest time, so each one's turn comes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use monitor_core::Monitor;
use monitor_core::snapshot::LastError;

use super::LOOK_EVERY;
use crate::runtime::log::log;

/// Least time between two lines of one method and type.
const PAUSE: Duration = Duration::from_secs(10);

/// How far back the server looks. Above [`PAUSE`], so that a failure just after a line is in the next one.
const LOOK_BACK: Duration = Duration::from_secs(15);

/// Most lines at one look. Further ones are due at the next: an outage that has all methods fail at once leaves room in
/// the log for other lines.
const MOST_LINES: usize = 50;

/// The lines written lately.
#[derive(Debug, Default)]
pub(super) struct ErrorLog {
    /// When the last look was.
    looked: Option<Instant>,
    /// By method and error type.
    written: HashMap<LineKey, Written>,
}

/// A method and an error type.
type LineKey = (Arc<str>, Arc<str>);

fn key_of(error: &LastError) -> LineKey {
    (Arc::clone(&error.method), Arc::clone(&error.error_type))
}

#[derive(Debug)]
struct Written {
    at: Instant,
    /// When the last call failed that the line is about, seconds since 1970.
    last: f64,
}

impl ErrorLog {
    /// Writes the lines that are due, unless the last look was less than [`LOOK_EVERY`] ago.
    pub(super) fn write(&mut self, monitor: Monitor) {
        let now = Instant::now();
        if !self.may_look(now) {
            return;
        }
        for error in self.due(monitor.newest_errors(LOOK_BACK), now) {
            log(move || {
                tracing::warn!(
                    method = %error.method,
                    error_type = %error.error_type,
                    text = error.text,
                    count = error.count,
                    "calls fail"
                );
            });
        }
    }

    /// Whether it is time for a look. The server also looks when a check or worker changes, and [`MOST_LINES`] are for a
    /// second.
    fn may_look(&mut self, now: Instant) -> bool {
        let may = self
            .looked
            .is_none_or(|last| now.saturating_duration_since(last) >= LOOK_EVERY);
        if may {
            self.looked = Some(now);
        }
        may
    }

    /// Of these, each method's newest first, those to be written at this moment.
    fn due(&mut self, errors: Vec<LastError>, now: Instant) -> Vec<LastError> {
        // A line that is forgotten is about a failure that is out of sight.
        let age = |written: &Written| now.saturating_duration_since(written.at);
        self.written
            .retain(|_, written| age(written) < 2 * LOOK_BACK);
        let mut seen = HashSet::new();
        let mut due = errors;
        due.retain(|error| {
            let written = self.written.get(&key_of(error));
            seen.insert(key_of(error))
                && written.is_none_or(|written| error.last > written.last && age(written) >= PAUSE)
        });
        // `None`, of those that never had a line, is least.
        due.sort_by_cached_key(|error| Some(self.written.get(&key_of(error))?.at));
        due.truncate(MOST_LINES);
        for error in &due {
            let last = error.last;
            self.written
                .insert(key_of(error), Written { at: now, last });
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use monitor_core::{ErrorText, ErrorView, Outcome, StorageConfig};

    fn fail(monitor: Monitor, method: &str, text: &'static str) {
        let view = ErrorView {
            type_name: "",
            text: ErrorText::Display(&text),
        };
        let method = monitor.method(method).expect("a name");
        method.start().finish(Outcome::Error(view));
    }

    #[test]
    fn a_method_and_type_has_a_line_in_ten_seconds() {
        let monitor = Monitor::new(StorageConfig::default());
        let (mut log, start) = (ErrorLog::default(), Instant::now());
        let mut due = |after: u64| {
            let errors = monitor.newest_errors(Duration::MAX);
            let due = log.due(errors, start + Duration::from_secs(after));
            let rows = due.into_iter();
            let rows = rows.map(|error| format!("{} {}", error.method, error.text));
            rows.collect::<Vec<_>>()
        };
        assert_eq!(due(0), [""; 0]);
        fail(monitor, "Get", "refused");
        fail(monitor, "Get", "timeout");
        fail(monitor, "Add", "full");
        assert_eq!(due(1), ["Add full", "Get timeout"]);
        assert_eq!(due(2), [""; 0]);
        fail(monitor, "Get", "refused");
        assert_eq!(due(3), [""; 0]);
        assert_eq!(due(11), ["Get refused"]);
        assert_eq!(due(22), [""; 0]);
    }

    #[test]
    fn methods_that_fail_all_at_once_have_their_lines_one_look_after_the_other() {
        let monitor = Monitor::new(StorageConfig::default());
        for method in 0..120 {
            fail(monitor, &format!("M{method}"), "refused");
        }
        let (mut log, start) = (ErrorLog::default(), Instant::now());
        let lines = [1, 2, 3, 4].map(|after| {
            let errors = monitor.newest_errors(Duration::MAX);
            log.due(errors, start + Duration::from_secs(after)).len()
        });
        assert_eq!(lines, [50, 50, 20, 0]);
    }

    #[test]
    fn of_a_thousand_methods_that_go_on_failing_each_has_its_line() {
        let monitor = Monitor::new(StorageConfig::default());
        let names: Vec<_> = (0..1000).map(|method| format!("M{method}")).collect();
        let (mut log, start) = (ErrorLog::default(), Instant::now());
        let mut lines: HashMap<Arc<str>, usize> = HashMap::new();
        for second in 0..40 {
            for name in &names {
                fail(monitor, name, "refused");
            }
            let errors = monitor.newest_errors(Duration::MAX);
            for error in log.due(errors, start + Duration::from_secs(second)) {
                *lines.entry(error.method).or_default() += 1;
            }
        }
        assert_eq!(lines.len(), 1000);
        assert!(lines.values().all(|lines| *lines == 2), "each in 20 s");
    }

    #[test]
    fn a_change_of_health_is_no_look_of_its_own() {
        let (mut log, start) = (ErrorLog::default(), Instant::now());
        let after = [0, 1, 999, 1000, 1001, 1999, 2000].map(Duration::from_millis);
        let looks = after.map(|after| log.may_look(start + after));
        assert_eq!(looks, [true, false, false, true, false, false, true]);
    }
}
