//! Why calls fail: the kept error texts with the names of their methods and types; and which of the last calls failed.

use std::sync::Arc;
use std::time::Duration;

use crate::base::sort::{sort_by, sort_by_key};
use crate::base::sync::Relaxed;
use crate::data::snapshot::{LastCall, LastError};
use crate::recording::last_errors::{KeptText, LastErrors};
use crate::recording::method::MethodCore;
use crate::storage::MonitorStorage;
use crate::storage::means::{RecentCalls, RecentOutcome};

impl MonitorStorage {
    /// The last error texts of each method, of calls that ended within this time (`Duration::MAX`: of all), by method,
    /// the newest first. At most 20 a method, of 512 bytes each; failures of an expected type, panics and calls that
    /// were cancelled have none, nor has an error without a text. None while
    /// [`error_texts`](crate::StorageConfig::error_texts) is off.
    ///
    /// The texts may hold data that is not for all who see the service's pages: show them with care.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::{Monitor, StorageConfig, monitored};
    ///
    /// #[monitored(method = "Parse")]
    /// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    ///     text.parse()
    /// }
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let failed = monitor.scope_sync(|| [parse("1"), parse("x"), parse("y")]);
    /// assert!(failed[0].is_ok());
    /// let errors = monitor.last_errors(Duration::MAX);
    /// assert_eq!(errors.len(), 1);
    /// assert_eq!((&*errors[0].method, &*errors[0].error_type), ("Parse", "other"));
    /// assert_eq!((&*errors[0].text, errors[0].count), ("invalid digit found in string", 2));
    /// ```
    pub fn last_errors(&self, within: Duration) -> Vec<LastError> {
        self.errors_by(within, LastErrors::kept)
    }

    /// Of the [last errors](Self::last_errors) the newest of each method and error type, by method, the newest first: less
    /// to copy where many methods fail. A type whose newest text is replaced at this moment may be left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::{Monitor, StorageConfig, monitored};
    ///
    /// #[monitored(method = "Parse")]
    /// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    ///     text.parse()
    /// }
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let failed = monitor.scope_sync(|| [parse(""), parse("x")]);
    /// assert!(failed.iter().all(Result::is_err));
    /// assert_eq!(monitor.last_errors(Duration::MAX).len(), 2);
    /// assert_eq!(monitor.newest_errors(Duration::MAX)[0].text, "invalid digit found in string");
    /// ```
    pub fn newest_errors(&self, within: Duration) -> Vec<LastError> {
        self.errors_by(within, LastErrors::newest_of_types)
    }

    /// The texts that `read` gives of each method with one since the time it is given, in ticks.
    fn errors_by(
        self,
        within: Duration,
        read: impl Fn(&LastErrors, u64) -> Vec<KeptText>,
    ) -> Vec<LastError> {
        if !self.core.rules().config.error_texts {
            return Vec::new();
        }
        let clock = &self.core.clock;
        let oldest = clock
            .now()
            .saturating_sub(clock.ticks(within.as_secs_f64()));
        let mut texts = Vec::new();
        for shared in self.core.shared.items() {
            let newest = |errors: &&_| is_within(errors, oldest);
            if let Some(errors) = shared.errors.get().filter(newest) {
                let kept = read(errors, oldest).into_iter();
                texts.extend(kept.map(|kept| (shared, kept)));
            }
        }
        // After the texts: the type of each is listed by now.
        let types = self.core.error_types();
        let shown = texts.into_iter().map(|(shared, kept)| LastError {
            method: Arc::clone(&shared.plain.name),
            task: shared.feeds_health().then(|| shared.task_name()),
            error_type: types
                .get(kept.error_type as usize)
                .cloned()
                .unwrap_or_default(),
            text: kept.text,
            causes: kept.causes,
            first: clock.unix_at(kept.first),
            last: clock.unix_at(kept.last),
            count: kept.count,
        });
        let mut all: Vec<_> = shown.collect();
        // Stable: the newest of each method stay first.
        sort_by(&mut all, |a, b| a.method.cmp(&b.method));
        all
    }

    /// The last calls of a method, at most 100 of each of its label sets, the oldest first: how long each took, and
    /// its error type if it failed. Calls that are overwritten meanwhile are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let get = monitor.method("Get")?;
    /// get.start().finish(Outcome::Success);
    /// drop(get.start());
    /// let calls = monitor.last_calls("Get");
    /// let types: Vec<_> = calls.iter().map(|call| call.error_type.as_deref()).collect();
    /// assert_eq!(types, [None, Some("cancelled")]);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn last_calls(&self, method: &str) -> Vec<LastCall> {
        let named = |one: &&'static MethodCore| &*one.name == method;
        let mut recent = RecentCalls::default();
        let mut all = Vec::new();
        for method in self.core.methods().filter(named) {
            recent.read(method);
            all.extend(recent.in_order());
        }
        sort_by_key(&mut all, |call| call.entry.end);
        // After the calls: the type of each is listed by now.
        let types = self.core.error_types();
        let clock = &self.core.clock;
        let shown = all.iter().filter_map(|call| {
            let error_type = match call.outcome() {
                RecentOutcome::Overwritten => return None,
                RecentOutcome::Success => None,
                RecentOutcome::Failure(index) => {
                    Some(types.get(index as usize).cloned().unwrap_or_default())
                }
            };
            Some(LastCall {
                labels: Arc::clone(&call.method().labels),
                ended: clock.unix_at(call.entry.end_ticks()),
                seconds: clock.seconds(call.entry.duration),
                error_type,
            })
        });
        shown.collect()
    }
}

// Relaxed: of a text that is just entered, the next look is in time.
fn is_within(errors: &LastErrors, oldest: u64) -> bool {
    errors.newest.load(Relaxed) >= oldest
}
