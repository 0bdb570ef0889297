//! What a storage holds: methods, records of threads, task types, the value plane, the rules in force.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64 as IdCounter, Ordering as IdOrdering};
use std::sync::{Arc, OnceLock};

use crate::base::calendar::utc;
use crate::base::chunked::Chunked;
use crate::base::clock::{Clock, process_start};
use crate::base::swap::Latest;
use crate::base::sync::{AtomicU64, Mutex, Once, Ordering, leak, lock};
use crate::data::buckets::ValueKind;
use crate::data::buckets::{size_bounds, time_bounds};
use crate::data::snapshot::ClockSource;
use crate::errors::Outcome;
use crate::metrics::keyed::Values;
use crate::recording::common::Common;
use crate::recording::config::StorageConfig;
use crate::recording::exemplar::ExemplarProvider;
use crate::recording::method::MethodCore;
use crate::recording::method_list::MethodList;
use crate::recording::method_name::MethodName;
use crate::recording::overflows::Overflows;
use crate::recording::record::Record;
use crate::recording::rules::Rules;
use crate::recording::shard::Failure;
use crate::recording::site;
use crate::recording::state::TaskState;
use crate::recording::tick_bounds::TickBounds;

/// The state behind a [`MonitorStorage`](crate::MonitorStorage). It lives as long as the process: threads and guards
/// point at its parts without counting.
pub(crate) struct StorageCore {
    pub(crate) id: u64,
    pub(crate) clock: Clock,
    pub(crate) created: u64,
    /// When the process started, seconds since 1970.
    pub(crate) started_at: f64,
    pub(crate) time_bounds: Arc<[f64]>,
    pub(crate) size_bounds: Arc<[f64]>,
    pub(crate) tick_bounds: &'static TickBounds,
    pub(crate) default_task: &'static TaskState,
    pub(crate) values: Values,
    /// The most busy time ever reported, as the bits of a float (which for what is not negative order as it does).
    pub(crate) busy: AtomicU64,
    methods: Chunked<Once<&'static MethodCore>>,
    /// By the number of the method without labels.
    commons: Chunked<Once<&'static Common>>,
    /// The methods by name, as of the last look.
    order: Mutex<Arc<MethodList>>,
    idle: Mutex<Vec<&'static Record>>,
    tasks: Mutex<BTreeMap<Arc<str>, &'static TaskState>>,
    error_types: Mutex<Vec<Arc<str>>>,
    rules: Latest<Rules>,
    exemplars: Latest<Option<Provider>>,
    /// Exemplars that no page can hold.
    dropped_exemplars: AtomicU64,
    /// Names of error types that calls gave and the configuration does not know.
    unknown_types: Mutex<UnknownTypes>,
    pub(crate) overflows: Overflows,
}

/// Who gives exemplars. A panic of its is caught where it is asked, so that nobody sees it half-way.
struct Provider(AssertUnwindSafe<Box<dyn ExemplarProvider>>);

/// Names of error types that the configuration does not know.
#[derive(Debug, Default)]
struct UnknownTypes {
    seen: BTreeSet<Box<str>>,
    /// Those of `seen` that nobody was told of.
    fresh: Vec<Box<str>>,
}

/// Most names of unknown error types that are kept: they are for a reader of logs.
const MAX_UNKNOWN: usize = 64;

static GLOBAL: OnceLock<&'static StorageCore> = OnceLock::new();

/// The storage of calls outside any scope; made at the first call of the process.
pub(crate) fn global() -> &'static StorageCore {
    GLOBAL.get_or_init(|| {
        let config = StorageConfig {
            preregister: true,
            ..StorageConfig::default()
        };
        StorageCore::new(config, Clock::system())
    })
}

/// Whether this is the global storage.
pub(crate) fn is_global(storage: &StorageCore) -> bool {
    GLOBAL
        .get()
        .is_some_and(|global| std::ptr::eq(*global, storage))
}

impl StorageCore {
    pub(crate) fn new(config: StorageConfig, clock: Clock) -> &'static Self {
        static NEXT_ID: IdCounter = IdCounter::new(0);
        let (time_bounds, size_bounds) = (time_bounds(), size_bounds());
        let mut error_types = Vec::new();
        let rules = Rules::new(config, &mut error_types);
        let core: &'static Self = leak(Self {
            id: NEXT_ID.fetch_add(1, IdOrdering::Relaxed),
            created: clock.now(),
            started_at: started_at(&clock),
            tick_bounds: leak(TickBounds::new(&time_bounds, &clock)),
            values: Values::new(
                &rules.config,
                Arc::clone(&time_bounds),
                Arc::clone(&size_bounds),
            ),
            clock,
            time_bounds,
            size_bounds,
            default_task: leak(TaskState::new()),
            busy: AtomicU64::new(0),
            methods: Chunked::new(),
            commons: Chunked::new(),
            order: Mutex::default(),
            idle: Mutex::new(Vec::new()),
            tasks: Mutex::new(BTreeMap::new()),
            error_types: Mutex::new(error_types),
            rules: Latest::new(rules),
            exemplars: Latest::new(None),
            dropped_exemplars: AtomicU64::new(0),
            unknown_types: Mutex::default(),
            overflows: Overflows::new(),
        });
        core.preregister();
        core
    }

    /// Puts another configuration in force. Nothing recorded is lost: error types that are no longer listed keep
    /// their counts.
    pub(crate) fn configure(&'static self, config: StorageConfig) {
        let rules = Rules::new(config, &mut lock(&self.error_types));
        self.values.configure(&rules.config);
        let max_workers = rules.config.max_workers;
        self.rules.store(rules);
        for common in self.commons() {
            common.permits.configure(max_workers);
        }
        self.preregister();
    }

    fn preregister(&'static self) {
        let rules = self.rules();
        for name in &rules.config.methods {
            self.method(name);
        }
        if rules.config.preregister {
            for site in site::all() {
                for name in site.known_names() {
                    self.method_of(name);
                }
            }
        }
    }

    pub(crate) fn rules(&self) -> &'static Rules {
        self.rules.load()
    }

    pub(crate) fn max_workers(&self) -> usize {
        self.rules.load().config.max_workers
    }

    /// Most names a family made at run time may have.
    pub(crate) fn max_series(&self) -> u32 {
        match self.rules.load().config.max_series {
            0 => u32::MAX,
            limit => u32::try_from(limit).unwrap_or(u32::MAX),
        }
    }

    pub(crate) fn bounds_of(&self, kind: ValueKind) -> &[f64] {
        match kind {
            ValueKind::Size => &self.size_bounds,
            ValueKind::Time | ValueKind::Plain => &self.time_bounds,
        }
    }

    /// The method of this name, without labels, made if need be.
    pub(crate) fn method(&'static self, name: &str) -> &'static MethodCore {
        self.method_of(MethodName::plain(name))
    }

    /// The method of this name and label set, made if need be. Past the last number there is (2^27) all are one, named
    /// `overflow`.
    pub(crate) fn method_of(&'static self, name: &MethodName) -> &'static MethodCore {
        self.place_of(name)
            .or_else(|| self.place_of(MethodName::beyond()))
            .expect("there is a first place")
    }

    /// [`method_of`](Self::method_of) for a call: past the limit of label sets made at run time it is the method's
    /// overflow.
    pub(crate) fn method_for_call(&'static self, name: &MethodName) -> &'static MethodCore {
        if name.origin.is_open() && !self.has(name) && !self.has_room_for(name) {
            return self.method_of(MethodName::overflow(&name.name));
        }
        self.method_of(name)
    }

    /// Whether there is this method with this label set.
    pub(crate) fn has(&self, name: &MethodName) -> bool {
        let cell = self.methods.get(name.id);
        cell.is_some_and(|cell| cell.get().is_some())
    }

    fn place_of(&'static self, name: &MethodName) -> Option<&'static MethodCore> {
        let cell = self.methods.get_or_grow(name.id)?;
        let common = self.common_of(name)?;
        Some(cell.get_or_init(|| MethodCore::new(self, name, common)))
    }

    /// What all label sets of a method share, made if need be.
    fn common_of(&'static self, name: &MethodName) -> Option<&'static Common> {
        let cell = self.commons.get_or_grow(name.base)?;
        Some(cell.get_or_init(|| leak(Common::new(self, &name.name))))
    }

    /// What the label sets of each method share.
    pub(crate) fn commons(&self) -> impl Iterator<Item = &'static Common> + '_ {
        self.commons.iter().filter_map(|(_, cell)| cell.get())
    }

    /// Whether this method may have one more label set made at run time.
    pub(crate) fn has_room_for(&'static self, name: &MethodName) -> bool {
        self.common_of(name)
            .is_some_and(|common| common.has_room(self.max_series()))
    }

    /// All methods so far, by name and labels.
    pub(crate) fn in_order(&'static self) -> Arc<MethodList> {
        let mut order = lock(&self.order);
        // Numbers are never given back: there is something new if and only if there are more.
        if self.methods().count() != order.methods().len() {
            *order = Arc::new(MethodList::new(self.methods().collect()));
        }
        Arc::clone(&order)
    }

    /// Lists again what the order knows of the methods' shards.
    pub(crate) fn list_shards(&'static self, order: &MethodList) {
        *lock(&self.order) = Arc::new(order.listed_again());
    }

    /// All methods so far.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static MethodCore> + '_ {
        self.methods.iter().filter_map(|(_, cell)| cell.get())
    }

    /// A record no thread owns, or a new one.
    // The lock orders what the last owner wrote before what the next one does.
    pub(crate) fn take_record(&'static self) -> &'static Record {
        let idle = lock(&self.idle).pop();
        idle.unwrap_or_else(|| Record::new(self))
    }

    pub(crate) fn put_record(&self, record: &'static Record) {
        lock(&self.idle).push(record);
    }

    /// The task type of this name that is set through the API; made if need be, up to the limit of names, past which
    /// all are one named `overflow`.
    pub(crate) fn task(&self, name: &str) -> &'static TaskState {
        if name == crate::data::status::DEFAULT_TASK {
            return self.default_task;
        }
        let limit = usize::try_from(self.max_series()).unwrap_or(usize::MAX);
        let mut tasks = lock(&self.tasks);
        let is_full = tasks.len() >= limit && !tasks.contains_key(name);
        if is_full {
            self.overflows.note_task();
        }
        let name = if is_full { "overflow" } else { name };
        state_in(&mut tasks, name)
    }

    /// The task type of this name that an attribute lists: a closed set, so no limit holds.
    pub(crate) fn listed_task(&self, name: &str) -> &'static TaskState {
        state_in(&mut lock(&self.tasks), name)
    }

    /// The task types set through the API, by name.
    pub(crate) fn tasks(&self) -> Vec<(Arc<str>, &'static TaskState)> {
        let tasks = lock(&self.tasks);
        tasks
            .iter()
            .map(|(name, state)| (Arc::clone(name), *state))
            .collect()
    }

    /// All error types that ever were configured, by index.
    pub(crate) fn error_types(&self) -> Vec<Arc<str>> {
        lock(&self.error_types).clone()
    }

    /// The type and the status of an outcome that is no success; an error of an `expected` type sets none.
    pub(crate) fn classify(&self, outcome: Outcome<'_>, expected: &[&str]) -> Failure {
        let (failure, unknown) = self.rules.load().classify(outcome, expected);
        if let Some(name) = unknown {
            self.note_unknown(name);
        }
        failure
    }

    /// Who gives exemplars, if anyone.
    pub(crate) fn exemplar_provider(&self) -> Option<&'static dyn ExemplarProvider> {
        self.exemplars.load().as_ref().map(|provider| &**provider.0)
    }

    /// From now on every call ends on the rare way, where the provider is asked.
    pub(crate) fn set_exemplars(&'static self, provider: Box<dyn ExemplarProvider>) {
        self.exemplars
            .store(Some(Provider(AssertUnwindSafe(provider))));
        self.tick_bounds.send_all_away();
        for common in self.commons() {
            common.ticks.send_all_away();
        }
    }

    pub(crate) fn drop_exemplar(&self) {
        self.dropped_exemplars.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped_exemplars(&self) -> u64 {
        self.dropped_exemplars.load(Ordering::Relaxed)
    }

    /// Keeps an unknown name for the next snapshot: a call writes no log line.
    #[cold]
    fn note_unknown(&self, name: &str) {
        let mut types = lock(&self.unknown_types);
        if types.seen.len() < MAX_UNKNOWN && !types.seen.contains(name) {
            types.seen.insert(name.into());
            types.fresh.push(name.into());
        }
    }

    /// Warns of unknown names that came up since the last snapshot, each once.
    pub(crate) fn report_unknown_types(&self) {
        let fresh = std::mem::take(&mut lock(&self.unknown_types).fresh);
        for name in fresh {
            tracing::warn!(error_type = %name, "an error type the configuration does not list counts as `other`");
        }
    }
}

fn state_in(tasks: &mut BTreeMap<Arc<str>, &'static TaskState>, name: &str) -> &'static TaskState {
    if let Some(state) = tasks.get(name) {
        return state;
    }
    let state: &'static TaskState = leak(TaskState::new());
    tasks.insert(Arc::from(name), state);
    state
}

impl fmt::Debug for StorageCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageCore")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl StorageCore {
    /// When the storage was made, in UTC, as the label `inittime` has it.
    pub(crate) fn init_time(&self) -> Arc<str> {
        Arc::from(utc(self.clock.unix_at(self.created)))
    }
}

fn started_at(clock: &Clock) -> f64 {
    let known = match clock.source() {
        ClockSource::Manual => None,
        ClockSource::TickCounter | ClockSource::OperatingSystem => process_start(),
    };
    known.unwrap_or_else(|| clock.unix())
}
