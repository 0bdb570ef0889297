//! What all label sets of a method share in a storage: task types, permits, bounds.

use std::sync::Arc;

use crate::base::sync::{AtomicU32, Once, Ordering, leak};
use crate::data::buckets::with_own_bounds;
use crate::recording::method::MethodCore;
use crate::recording::permits::Permits;
use crate::recording::settings::{self, Settings};
use crate::recording::state::TaskState;
use crate::recording::store::StorageCore;
use crate::recording::tick_bounds::TickBounds;

/// What all label sets of a method share in a storage.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) name: Arc<str>,
    /// The task type its calls feed beside that of all calls.
    pub(crate) own: &'static TaskState,
    /// The task type of all calls; where the method feeds none, one that nobody reads.
    pub(crate) default: &'static TaskState,
    /// Whether `own` is the method's, and not one it shares or nobody reads.
    pub(crate) has_own_task: bool,
    pub(crate) permits: Permits,
    pub(crate) bounds: Arc<[f64]>,
    pub(crate) ticks: &'static TickBounds,
    /// Error types that are no illness.
    pub(crate) expected: &'static [&'static str],
    pub(crate) limited: bool,
    pub(crate) streaming: bool,
    /// Label sets made at run time.
    open: AtomicU32,
    first: Once<&'static MethodCore>,
}

impl Common {
    pub(crate) fn new(storage: &'static StorageCore, name: &Arc<str>) -> Self {
        static NONE: Settings = Settings {
            task: None,
            without_health: false,
            bounds: None,
            expected: Vec::new(),
            error_types: Vec::new(),
            limited: false,
            streaming: false,
            closed_sets: 0,
        };
        let settings = settings::all().get(&**name).unwrap_or(&NONE);
        let (own, default, has_own_task) = tasks(storage, settings);
        let (bounds, ticks) = match settings.bounds {
            None => (Arc::clone(&storage.time_bounds), storage.tick_bounds),
            Some(own) => {
                let bounds = with_own_bounds(&storage.time_bounds, own);
                let ticks: &'static TickBounds = leak(TickBounds::new(&bounds, &storage.clock));
                if storage.exemplar_provider().is_some() {
                    ticks.send_all_away();
                }
                (bounds, ticks)
            }
        };
        Self {
            name: Arc::clone(name),
            own,
            default,
            has_own_task,
            permits: Permits::new(storage.max_workers()),
            bounds,
            ticks,
            expected: &settings.expected,
            limited: settings.limited,
            streaming: settings.streaming,
            open: AtomicU32::new(0),
            first: Once::new(),
        }
    }

    /// Puts a label set at the end of the list.
    pub(crate) fn add(&self, method: &'static MethodCore) {
        if method.origin.is_open() {
            self.open.fetch_add(1, Ordering::Relaxed);
        }
        let mut link = &self.first;
        while let Err(there) = link.set(method) {
            link = &there.next;
        }
    }

    /// All label sets so far.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static MethodCore> + '_ {
        std::iter::successors(self.first.get(), |method| method.next.get())
    }

    /// Whether one more label set may be made at run time.
    pub(crate) fn has_room(&self, limit: u32) -> bool {
        self.open.load(Ordering::Relaxed) < limit
    }
}

/// The task types of a method: its own (or the one it names), that of all calls, and whether the first is its own.
fn tasks(
    storage: &'static StorageCore,
    settings: &Settings,
) -> (&'static TaskState, &'static TaskState, bool) {
    let unread = || -> &'static TaskState { leak(TaskState::new()) };
    match settings.task {
        _ if settings.without_health => (unread(), unread(), false),
        // It is fed anyway.
        Some(crate::data::status::DEFAULT_TASK) => (unread(), storage.default_task, false),
        Some(task) => (storage.listed_task(task), storage.default_task, false),
        None => (unread(), storage.default_task, true),
    }
}
