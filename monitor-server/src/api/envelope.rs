//! One look at the history for one answer, and the envelope that says of which process and moment the answer is.
//!
//! | field | |
//! |---|---|
//! | `v` | the version of the API: 1 |
//! | `boot` | a text, new with each process |
//! | `tick` | the number of the last closed slot of 2 s; `null` before the first |
//! | `now` | the time of this machine, seconds since 1970 |
//! | `vrev` | counts changes of the verdict |
//! | `full` | whether the answer stands alone; false if it continues the one named by `since` |

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use monitor_core::slot::MethodSlot;
use monitor_core::verdict::Watch;
use serde_json::{Map, Value};

use super::methods::WINDOW_SLOTS;
use super::query::{Query, Refusal};
use super::{Api, json};

/// The version of the API. Additions do not change it.
const VERSION: u64 = 1;

/// Where the history stands, for one answer.
#[derive(Debug)]
pub(super) struct Look<'w> {
    pub(super) watch: &'w Watch,
    /// Seconds since 1970.
    pub(super) now: f64,
    /// The slot up to which the client knows all, where it knows this process.
    pub(super) since: Option<u64>,
    places: OnceCell<HashMap<&'w str, u32>>,
    recent: OnceCell<Recent>,
}

/// The calls of the last 30 s by method, in ascending order.
pub(super) type Recent = Arc<[MethodSlot]>;

impl<'w> Look<'w> {
    /// A look for a client that knows nothing yet.
    pub(super) fn new(watch: &'w Watch) -> Self {
        Self {
            watch,
            now: now(),
            since: None,
            places: OnceCell::new(),
            recent: OnceCell::new(),
        }
    }

    /// The object with its envelope.
    pub(super) fn sealed(&self, full: bool, object: Map<String, Value>) -> Value {
        let mut sealed = object;
        let tick = self.watch.tick();
        sealed.insert("v".into(), VERSION.into());
        sealed.insert("boot".into(), self.watch.boot().into());
        sealed.insert("tick".into(), tick.map_or(Value::Null, Value::from));
        sealed.insert("now".into(), json::time(self.now));
        sealed.insert("vrev".into(), self.watch.verdict().revision.into());
        sealed.insert("full".into(), full.into());
        Value::Object(sealed)
    }

    /// The place of a method in the book.
    pub(super) fn place(&self, name: &str) -> Option<u32> {
        let places = || {
            let methods = self.watch.book().methods.iter();
            methods.map(|name| &**name).zip(0..).collect()
        };
        self.places.get_or_init(places).get(name).copied()
    }

    /// The calls of the last 30 s, which are added up once for an answer.
    pub(super) fn recent(&self) -> &Recent {
        let add_up = || self.watch.recent(WINDOW_SLOTS).into();
        self.recent.get_or_init(add_up)
    }

    /// The same, where they were added up before.
    pub(super) fn with_recent(&self, recent: &Recent) {
        self.recent.get_or_init(|| Arc::clone(recent));
    }

    /// A time on the clock of the slots, as seconds since 1970.
    pub(super) fn unix(&self, clock: f64) -> f64 {
        self.watch.created_at() + clock
    }
}

impl Api {
    /// Reads the history for an answer; a look is taken first where the last one is too old.
    pub(super) fn look<R>(
        &self,
        query: &Query,
        read: impl FnOnce(&Look<'_>) -> R,
    ) -> Result<R, Refusal> {
        let since = query.since()?;
        // Takes a look where no thread keeps the history.
        drop(self.monitor.verdict());
        let looked = self.monitor.with_watch(|watch| {
            let mut look = Look::new(watch);
            let is_known = |tick: &u64| watch.tick().is_some_and(|last| *tick <= last);
            let since = since.filter(|since| since.boot == watch.boot());
            look.since = since.map(|since| since.tick).filter(is_known);
            if let Some(recent) = self.tables.recent(watch.tick()) {
                look.with_recent(&recent);
            }
            let read = read(&look);
            if let Some(recent) = look.recent.get() {
                self.tables.keep_recent(watch.tick(), recent);
            }
            read
        });
        looked.ok_or(Refusal::NoHistory)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
