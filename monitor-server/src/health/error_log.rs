//! Log lines about why calls fail: at most one a method and error type in ten seconds.
//!
//! A call that fails writes no line. The server looks at the last error texts once a second, on its own thread, and
//! writes the newest of each method and type, unless one of the two was written less than [`PAUSE`] ago.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monitor_core::Monitor;
use monitor_core::snapshot::LastError;

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
    /// By method and error type.
    written: HashMap<(Arc<str>, Arc<str>), Written>,
}

#[derive(Debug)]
struct Written {
    at: Instant,
    /// When the last call failed that the line is about, seconds since 1970.
    last: f64,
}

impl ErrorLog {
    /// Writes the lines that are due.
    pub(super) fn write(&mut self, monitor: Monitor) {
        for error in self.due(monitor.last_errors(LOOK_BACK), Instant::now()) {
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

    /// Of these, each method's newest first, those to be written at this moment.
    fn due(&mut self, errors: Vec<LastError>, now: Instant) -> Vec<LastError> {
        // A line that is forgotten is about a failure that is out of sight.
        let age = |written: &Written| now.saturating_duration_since(written.at);
        self.written
            .retain(|_, written| age(written) < 2 * LOOK_BACK);
        let mut due = Vec::new();
        for error in errors {
            let key = (Arc::clone(&error.method), Arc::clone(&error.error_type));
            let is_due = self
                .written
                .get(&key)
                .is_none_or(|written| error.last > written.last && age(written) >= PAUSE);
            if is_due && due.len() < MOST_LINES {
                let last = error.last;
                self.written.insert(key, Written { at: now, last });
                due.push(error);
            }
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
            let errors = monitor.last_errors(Duration::MAX);
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
            let errors = monitor.last_errors(Duration::MAX);
            log.due(errors, start + Duration::from_secs(after)).len()
        });
        assert_eq!(lines, [50, 50, 20, 0]);
    }
}
