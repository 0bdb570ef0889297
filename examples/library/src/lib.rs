//! A cache in front of a slow source: an example of a library that instruments itself, and leaves the choice to its user.
//!
//! - **Whether it records at all** is the feature `monitored`. It is off by default, and `monitor-core` is an optional
//!   dependency, so without the feature the library is as if it had none. A feature that adds is right where several crates of one
//!   program use the library: one of them that wants the records has them. So do not pass on `monitor-core/off`: a feature that
//!   any crate in the program switches on would take the records of all others away. It is for the program alone.
//! - **Where it records** is the monitor in force: the service's own (`Monitor::global()`), or that of a scope, as in unit tests.
//!   A library starts no server, sets no configuration and chooses no health rule.
//! - **Names** begin with that of the library, so that they are no other crate's.
//! - **Numbers of its own** are never a reason to fail.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a value cannot be had.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(feature = "monitored", derive(monitor_core::MonitorError))]
#[non_exhaustive]
pub enum LoadError {
    /// The source has none of this key.
    #[error("no such key")]
    #[cfg_attr(feature = "monitored", monitor(error_type = "missing", expected))]
    Missing,
    /// The source does not answer.
    #[error("the source does not answer")]
    #[cfg_attr(feature = "monitored", monitor(error_type = "source"))]
    Source(#[from] std::io::Error),
}

/// Keeps the values of a source by key.
///
/// # Examples
///
/// ```
/// use example_cache::{Cache, LoadError};
///
/// let cache = Cache::new(|key: &str| Ok(key.to_uppercase()));
/// assert_eq!(&*cache.get("whale")?, "WHALE");
/// # Ok::<(), LoadError>(())
/// ```
pub struct Cache<S> {
    source: S,
    values: Mutex<HashMap<String, Arc<str>>>,
}

impl<S: Fn(&str) -> Result<String, LoadError>> Cache<S> {
    /// An empty cache of a source.
    pub fn new(source: S) -> Self {
        let values = Mutex::default();
        Self { source, values }
    }

    /// The value of a key, from the source where it is not kept yet.
    ///
    /// # Errors
    ///
    /// Those of the source. They are not kept.
    pub fn get(&self, key: &str) -> Result<Arc<str>, LoadError> {
        let kept = self
            .values
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned();
        numbers::looked_up(if kept.is_some() { "hit" } else { "miss" });
        kept.map_or_else(|| self.load(key), Ok)
    }

    /// A call of its own: the source takes the time, and has the errors. A hit is a number, as it costs less than a call.
    #[cfg_attr(
        feature = "monitored",
        monitor_core::monitored(method = "ExampleCache::load")
    )]
    fn load(&self, key: &str) -> Result<Arc<str>, LoadError> {
        let value: Arc<str> = (self.source)(key)?.into();
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert(key.to_owned(), Arc::clone(&value));
        Ok(value)
    }
}

impl<S> fmt::Debug for Cache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// The library's own metrics.
#[cfg(feature = "monitored")]
mod numbers {
    use std::sync::LazyLock;

    use monitor_core::metric::{Counter, MetricDesc, MetricFamily};
    use monitor_core::{Monitor, RegisterError};

    type Lookups = Result<MetricFamily<Counter, 1>, RegisterError>;

    static LOOKUPS: LazyLock<Lookups> = LazyLock::new(|| {
        let desc = MetricDesc::new("example_cache_lookups", "Look-ups, by result.");
        Monitor::global().register_counter(desc.labels(["result"]))
    });

    pub(crate) fn looked_up(result: &str) {
        // An error if the service has another metric of this name: the library works without its own then.
        if let Ok(lookups) = &*LOOKUPS {
            lookups.with([result]).inc();
        }
    }
}

#[cfg(not(feature = "monitored"))]
mod numbers {
    pub(crate) fn looked_up(_result: &str) {}
}
