//! The contents of a storage: methods, records of threads, task types, numbers by key, the current rules; and counts of
//! everything that went past a limit.
//!
//! A [`StorageCore`] lives as long as the process, as do its parts. Methods and the parts that their label sets share
//! are found in tables by number, task types and names of error types by text, all without a lock. Rules are replaced
//! whole; the earlier ones are kept, so that a failure reads them without a count. A call or value past a limit is
//! counted as it happens and logged once, when the next snapshot is taken: a call writes no log line.

use std::any;
use std::collections::HashSet;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::ptr;
use std::sync::{Arc, OnceLock};

use tracing::{field, warn};

use crate::base::append::{Interner, Latest, Table, hash_of};
use crate::base::clock::{Clock, process_start, utc};
use crate::base::sync::{AtomicU32, AtomicU64, Mutex, Once, Relaxed, StaticAtomicU32, leak, lock};
use crate::data::buckets::{BoundsByKind, HistogramKind, union};
use crate::data::snapshot::{ClockSource, MethodSnapshot};
use crate::data::status::{DEFAULT_TASK, TaskStatus};
use crate::data::window::CallHistory;
use crate::errors::{ErrorParser, ErrorTypeId, NamedView, Outcome, late_type};
use crate::metrics::keyed::Values;
use crate::recording::config::StorageConfig;
use crate::recording::exemplar::{AnyProvider, ExemplarProvider};
use crate::recording::label_sets::MethodId;
use crate::recording::method::{MethodCore, MethodList, MethodShared};
use crate::recording::partition::{Partition, TickPartition};
use crate::recording::self_time::SelfTimes;
use crate::recording::shard::Failure;
use crate::recording::site::{self, CallSite};
use crate::recording::streak::Streak;
use crate::recording::thread::Record;

/// The state behind a [`MonitorStorage`](crate::MonitorStorage). It lives as long as the process: threads and guards
/// point at its parts without counting.
pub(crate) struct StorageCore {
    pub(crate) id: u64,
    pub(crate) clock: Clock,
    pub(crate) created: u64,
    /// When the process started, seconds since 1970.
    pub(crate) started_at: f64,
    pub(crate) default_task: &'static Streak,
    /// Locked for a count of all methods every 2 s, while health is asked for.
    pub(crate) history: Mutex<CallHistory>,
    pub(crate) values: Values,
    /// The most busy time ever reported, as the bits of a float (the bits of floats that are not negative order as the
    /// floats do).
    pub(crate) busy: AtomicU64,
    methods: Table<MethodCore>,
    /// The part that the label sets of each method share, by the number of the method without labels.
    pub(crate) shared: Table<MethodShared>,
    /// Held while an item of `shared` is made and listed or its cells are fixed, and while rules or a provider change
    /// and all items are updated: so each item is made from the new ones, or is updated to them.
    listing: Mutex<()>,
    /// The methods by name, as of the last look.
    order: Mutex<Arc<MethodList>>,
    records: Mutex<Records>,
    tasks: Interner<(Arc<str>, Streak)>,
    /// All error types that ever were configured, and those that code names.
    error_types: Interner<Arc<str>>,
    rules: Latest<Rules>,
    pub(super) exemplars: Latest<Option<AnyProvider>>,
    /// Exemplars that no page can hold.
    pub(crate) dropped_exemplars: AtomicU64,
    /// How often a reader asked a thread for a copy of its counts.
    pub(crate) copied_reads: AtomicU64,
    /// Names of error types that calls gave and neither the configuration nor code knows.
    unknown_types: Interner<Arc<str>>,
    /// How many of those were logged.
    logged_types: AtomicU32,
    /// Statuses set for task types there was no room for.
    overflowed_statuses: AtomicU64,
    /// Sums of samples, once a sampler began.
    pub(crate) self_time: Mutex<Option<SelfTimes>>,
    /// How many methods were made by name at run time.
    made_methods: Mutex<usize>,
    /// The method of all names there was no room for, once there was one.
    overflow_method: Once<&'static MethodCore>,
    /// What a layer above keeps of this storage, from its first use on.
    attached: OnceLock<AssertUnwindSafe<Box<dyn any::Any + Send + Sync>>>,
    /// Warnings that were logged, each with the name of its method; empty where it is about none.
    warned: Mutex<HashSet<(&'static str, Arc<str>)>>,
}

/// The records of threads.
#[derive(Default)]
struct Records {
    /// By number, from 1 on.
    all: Vec<&'static Record>,
    /// Those that no thread owns.
    idle: Vec<&'static Record>,
}

/// The configuration, prepared for use.
pub(crate) struct Rules {
    pub(crate) config: StorageConfig,
    pub(crate) parser: Arc<ErrorParser>,
    /// The storage's index of each of the parser's error types; the storage keeps counts of types that left the
    /// configuration.
    pub(crate) indices: Vec<u32>,
    /// The bounds of cells that are made now.
    pub(crate) bounds: BoundsByKind,
    /// The times among them as cells of durations, for methods without bounds of their own.
    durations: &'static TickPartition,
    /// The cells of values that are times, and of those that are sizes, from the first such value on.
    values: [OnceLock<Arc<Partition<f64>>>; 2],
}

impl Rules {
    /// With the cells of the rules before it, if the bounds are the same.
    fn new(
        config: StorageConfig,
        known: &Interner<Arc<str>>,
        clock: &Clock,
        before: Option<&Self>,
    ) -> Self {
        let bounds = BoundsByKind::of_cells(config.buckets.as_ref(), config.size_buckets.as_ref());
        let same = before.filter(|before| before.bounds.time == bounds.time);
        let durations = same.map_or_else(
            || TickPartition::leaked(&bounds.time, clock),
            |before| before.durations,
        );
        let parser = ErrorParser::with_declared(&config.errors, site::declared_types());
        let index = |name: &Arc<str>| known.number_of(name, u32::MAX).unwrap_or(u32::MAX);
        Self {
            indices: parser.types().iter().map(index).collect(),
            parser: Arc::new(parser),
            config,
            bounds,
            durations,
            values: Default::default(),
        }
    }
}

impl Rules {
    /// The cells of a value of this kind; none of one without a histogram.
    pub(crate) fn cells_of(&self, kind: HistogramKind) -> Option<&Arc<Partition<f64>>> {
        let bounds = self.bounds.of(kind)?;
        let place = usize::from(kind == HistogramKind::Size);
        let new = || Arc::new(Partition::of_values(bounds));
        Some(self.values[place].get_or_init(new))
    }

    /// The storage's index of one of the parser's error types.
    pub(crate) fn index_of(&self, id: ErrorTypeId) -> u32 {
        self.indices.get(id.index()).copied().unwrap_or_default()
    }
}

/// Most names of unknown error types that are kept: they are for a reader of logs.
const MAX_UNKNOWN: u32 = 64;

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

/// True for the global storage.
pub(crate) fn is_global(storage: &StorageCore) -> bool {
    GLOBAL.get().is_some_and(|global| ptr::eq(*global, storage))
}

impl StorageCore {
    pub(crate) fn new(config: StorageConfig, clock: Clock) -> &'static Self {
        static NEXT_ID: StaticAtomicU32 = StaticAtomicU32::new(0);
        let error_types = Interner::new(64);
        let rules = Rules::new(config, &error_types, &clock, None);
        let is_real = clock.source() != ClockSource::Manual;
        let started_at = is_real.then(process_start).flatten();
        let core: &'static Self = leak(Self {
            id: NEXT_ID.fetch_add(1, Relaxed).into(),
            created: clock.now(),
            started_at: started_at.unwrap_or_else(|| clock.unix()),
            values: Values::new(&rules.config, &rules.bounds, &clock),
            clock,
            default_task: leak(Streak::default()),
            history: Mutex::default(),
            busy: AtomicU64::new(0),
            methods: Table::default(),
            shared: Table::default(),
            listing: Mutex::default(),
            order: Mutex::default(),
            records: Mutex::default(),
            tasks: Interner::new(64),
            error_types,
            rules: Latest::new(rules),
            exemplars: Latest::new(None),
            dropped_exemplars: AtomicU64::new(0),
            copied_reads: AtomicU64::new(0),
            unknown_types: Interner::new(MAX_UNKNOWN as usize),
            logged_types: AtomicU32::new(0),
            overflowed_statuses: AtomicU64::new(0),
            self_time: Mutex::default(),
            made_methods: Mutex::default(),
            overflow_method: Once::new(),
            attached: OnceLock::new(),
            warned: Mutex::default(),
        });
        core.preregister();
        core
    }

    /// Puts another configuration in force. Nothing recorded is lost: error types that are no longer listed keep
    /// their counts.
    pub(crate) fn configure(&'static self, config: StorageConfig) {
        let rules = Rules::new(config, &self.error_types, &self.clock, Some(self.rules()));
        self.values.configure(&rules.config, &rules.bounds);
        let max_workers = rules.config.max_workers;
        let listing = lock(&self.listing);
        if self.exemplars.load().is_some() {
            rules.durations.force_slow_path();
        }
        self.rules.store(rules);
        for shared in self.shared.items() {
            shared.permits.configure(max_workers);
        }
        drop(listing);
        self.preregister();
    }

    /// Makes the cells of a method with these bounds of its own, unless another thread has done so.
    // The lock: a provider that is set at the same time is seen here, or reaches what was made here.
    #[cold]
    pub(super) fn fix_cells(
        &self,
        cells: &Once<&'static TickPartition>,
        own: &'static [f64],
    ) -> &'static TickPartition {
        let _listing = lock(&self.listing);
        let common = self.rules().durations;
        let bounds = union(&common.partition.bounds, own);
        let is_same = |fixed: &&TickPartition| fixed.partition.bounds == bounds;
        let mut known = self.shared.items().filter_map(MethodShared::fixed_cells);
        let fixed = if own.is_empty() {
            common
        } else {
            let known = cells.get().or_else(|| known.find(is_same));
            known.unwrap_or_else(|| TickPartition::leaked(&bounds, &self.clock))
        };
        if self.exemplars.load().is_some() {
            fixed.force_slow_path();
        }
        cells.get_or_init(|| fixed)
    }

    fn preregister(&'static self) {
        let config = &self.rules().config;
        for name in &config.methods {
            self.method(name);
        }
        if config.preregister {
            for id in site::all().flat_map(CallSite::known_names) {
                self.method_of(id);
            }
        }
    }

    pub(crate) fn rules(&self) -> &'static Rules {
        self.rules.load()
    }

    /// Most names a family made at run time may have.
    pub(crate) fn max_series(&self) -> u32 {
        match self.rules().config.max_series {
            0 => u32::MAX,
            limit => u32::try_from(limit).unwrap_or(u32::MAX),
        }
    }

    /// The method of this name, without labels, made if need be.
    pub(crate) fn method(&'static self, name: &str) -> &'static MethodCore {
        self.method_of(MethodId::plain(name))
    }

    /// The method of a name that came up at run time. Past `max_methods` such names, a further one is the method
    /// `overflow`. Names of the program's sites and of the configuration are a closed set and do not count.
    pub(crate) fn method_at_run_time(&'static self, name: &str) -> &'static MethodCore {
        if let Some(known) = self.known_method(name) {
            return known;
        }
        if site::settings_of(name).is_some() {
            return self.method(name);
        }
        // The lock: of two threads with one new name, the second finds the method.
        let mut made = lock(&self.made_methods);
        if let Some(known) = self.known_method(name) {
            return known;
        }
        let limit = self.rules().config.max_methods;
        if limit > 0 && *made >= limit {
            let overflow = || self.method(OVERFLOW);
            return self.overflow_method.get_or_init(overflow);
        }
        *made += 1;
        self.method(name)
    }

    /// The method of this name, without labels, if it was made.
    pub(crate) fn known_method(&self, name: &str) -> Option<&'static MethodCore> {
        self.methods.item(MethodId::find(name)?.id)
    }

    /// The method of this name and label set, made if need be.
    pub(crate) fn method_of(&'static self, id: &'static MethodId) -> &'static MethodCore {
        let plain = id.without_labels();
        let shared = || {
            let _listing = lock(&self.listing);
            let new = || leak(MethodShared::new(self, plain));
            self.shared.item_or(plain.id, new).expect(PLACES)
        };
        let method = self
            .methods
            .item_or(id.id, || MethodCore::new(self, id, shared()));
        method.expect(PLACES)
    }

    /// [`method_of`](Self::method_of) for a call: past the limit of label sets made at run time it is the method's
    /// overflow.
    pub(crate) fn method_for_call(&'static self, id: &'static MethodId) -> &'static MethodCore {
        let is_new = id.origin.is_open && !self.has(id);
        if is_new && !self.has_room_for(id.without_labels()) {
            return self.method_of(id.overflow());
        }
        self.method_of(id)
    }

    /// The name of the method of this number.
    pub(crate) fn name_of(&self, number: u32) -> Arc<str> {
        let method = self.methods.item(number).map(|method| &method.name);
        let plain = || Some(&self.shared.item(number)?.plain.name);
        let name = method.or_else(plain);
        name.map_or_else(|| UNKNOWN_CALLER.into(), Arc::clone)
    }

    /// The number of the method without labels that the method of this number is a label set of.
    pub(crate) fn plain_number(&self, number: u32) -> u32 {
        let method = self.methods.item(number);
        method.map_or(number, |method| method.shared.plain.id)
    }

    /// True if there is this method with this label set.
    pub(crate) fn has(&self, id: &MethodId) -> bool {
        self.methods.item(id.id).is_some()
    }

    /// True if this method (without labels) may have one more label set made at run time.
    pub(crate) fn has_room_for(&self, plain: &MethodId) -> bool {
        let shared = self.shared.item(plain.id);
        shared.is_none_or(|shared| shared.open.load(Relaxed) < self.max_series())
    }

    /// All methods so far, by name and labels.
    pub(crate) fn method_list(&'static self) -> Arc<MethodList> {
        let mut order = lock(&self.order);
        // Numbers are never given back: there is something new if and only if there are more.
        if self.methods().count() != order.methods.len() {
            *order = Arc::new(MethodList::new(self.methods().collect()));
        }
        Arc::clone(&order)
    }

    /// Lists the methods' shards in `order` again.
    pub(crate) fn list_shards(&'static self, order: &MethodList) {
        *lock(&self.order) = Arc::new(MethodList::new(order.methods.clone()));
    }

    /// All methods so far.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static MethodCore> + '_ {
        self.methods.items()
    }

    /// What the layer above that keeps a `T` keeps of this storage, made if need be; `None` for any second such type. No
    /// call comes here.
    pub(crate) fn attached<T: any::Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> T,
    ) -> Option<&T> {
        self.attached
            .get_or_init(|| AssertUnwindSafe(Box::new(make())))
            .downcast_ref()
    }

    /// The same, if it was made.
    pub(crate) fn if_attached<T: any::Any + Send + Sync>(&self) -> Option<&T> {
        self.attached.get()?.downcast_ref()
    }

    /// A record no thread owns, or a new one.
    // The lock orders the last owner's writes before the next owner's.
    pub(crate) fn take_record(&'static self) -> &'static Record {
        let mut records = lock(&self.records);
        let record = records.idle.pop().unwrap_or_else(|| {
            let record = leak(Record::new(self, records.all.len() + 1));
            records.all.push(record);
            record
        });
        // Each poll in a scope comes here: the lock of all threads is held for the list alone.
        drop(records);
        record.set_owner(Some(std::thread::current()));
        record
    }

    pub(crate) fn put_record(&self, record: &'static Record) {
        record.set_owner(None);
        lock(&self.records).idle.push(record);
    }

    /// The record of this number, from 1 on.
    pub(crate) fn record(&self, number: usize) -> Option<&'static Record> {
        let at = number.checked_sub(1)?;
        lock(&self.records).all.get(at).copied()
    }

    /// Adds the records that are not in this copy of [`all_records`](Self::all_records) yet.
    pub(crate) fn add_new_records(&self, known: &mut Vec<&'static Record>) {
        let records = lock(&self.records);
        known.extend_from_slice(&records.all[known.len()..]);
    }

    /// All records so far, by number, from 1 on.
    pub(crate) fn all_records(&self) -> Vec<&'static Record> {
        lock(&self.records).all.clone()
    }

    /// The task type of this name that is set through the API; made if need be, up to the limit of names, past which
    /// all are one named `overflow`.
    pub(crate) fn task(&self, name: &str) -> &'static Streak {
        if name == DEFAULT_TASK {
            return self.default_task;
        }
        let task = self.task_up_to(self.max_series(), name);
        task.unwrap_or_else(|| {
            self.overflowed_statuses.fetch_add(1, Relaxed);
            self.listed_task(OVERFLOW)
        })
    }

    /// The task type of this name that an attribute lists: a closed set, so no limit holds.
    pub(crate) fn listed_task(&self, name: &str) -> &'static Streak {
        let task = self.task_up_to(u32::MAX, name);
        task.unwrap_or(self.default_task)
    }

    fn task_up_to(&self, limit: u32, name: &str) -> Option<&'static Streak> {
        let is = |known: &(Arc<str>, Streak)| *known.0 == *name;
        let make = |_| (Arc::from(name), Streak::default());
        let node = self.tasks.find_or_add(hash_of(name), is, limit, make)?;
        Some(&node.item.1)
    }

    /// The task types set through the API, and those that attributes name (`task = ".."`).
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &'static (Arc<str>, Streak)> {
        self.tasks.iter().map(|node| &node.item)
    }

    /// All error types that ever were configured, and those that code names, by index.
    pub(crate) fn error_types(&self) -> Vec<Arc<str>> {
        let types = self.error_types.iter();
        types.map(|node| Arc::clone(&node.item)).collect()
    }

    /// Adds the names that are not in this copy of [`error_types`](Self::error_types) yet.
    pub(crate) fn add_new_error_types(&self, known: &mut Vec<Arc<str>>) {
        let fresh = self.error_types.iter().skip(known.len());
        known.extend(fresh.map(|node| Arc::clone(&node.item)));
    }

    /// The type and the status of an outcome that is no success; an error of an `expected` type sets none.
    #[inline]
    pub(crate) fn classify(&self, outcome: Outcome<'_>, expected: &[&str]) -> Failure {
        let rules = self.rules();
        let parser = &rules.parser;
        let (id, is_ill) = match outcome {
            Outcome::Error(view) => (parser.parse_view(&view), true),
            Outcome::ErrorType(name)
            | Outcome::Named(NamedView {
                error_type: name, ..
            })
            | Outcome::Expected(name) => {
                let is_ill = !matches!(outcome, Outcome::Expected(_));
                if let Some(id) = parser.type_id(name) {
                    (id, is_ill)
                } else if let Some(name) = late_type(name) {
                    return self.fail_late(name, is_ill && !expected.contains(&name));
                } else {
                    (self.unlisted(name), is_ill)
                }
            }
            Outcome::Panic => (parser.panic(), true),
            Outcome::Cancelled | Outcome::Success => (parser.cancelled(), false),
        };
        let is_expected = || expected.iter().any(|name| *name == &**parser.name(id));
        let is_ill = is_ill && !parser.is_expected(id) && !is_expected();
        Failure {
            error_type: rules.index_of(id),
            status: is_ill.then(|| parser.status_of(id)),
        }
    }

    /// The type of a name that is not listed. The name is kept for the next snapshot: a call writes no log line.
    #[cold]
    #[inline(never)]
    fn unlisted(&self, name: &str) -> ErrorTypeId {
        self.unknown_types.number_of(name, MAX_UNKNOWN);
        self.rules().parser.other()
    }

    /// The failure of a type that no rule lists, and that is listed by its first failure.
    fn fail_late(&self, name: &'static str, is_ill: bool) -> Failure {
        let known = self.error_types.number_of(name, u32::MAX);
        Failure {
            error_type: known.unwrap_or_default(),
            status: is_ill.then_some(TaskStatus::OtherException),
        }
    }

    /// Forces the slow path for every call, so that the exemplar provider is consulted.
    pub(crate) fn set_exemplars(&'static self, provider: impl ExemplarProvider) {
        let provider: AnyProvider = AssertUnwindSafe(Box::new(provider));
        let _listing = lock(&self.listing);
        self.exemplars.store(Some(provider));
        self.rules().durations.force_slow_path();
        for cells in self.shared.items().filter_map(MethodShared::fixed_cells) {
            cells.force_slow_path();
        }
    }

    /// Warns of unknown names that came up since the last snapshot, each once.
    pub(crate) fn report_unknown_types(&self) {
        let known = self.unknown_types.len();
        let fresh = self.logged_types.fetch_max(known, Relaxed)..known;
        for node in self.unknown_types.iter() {
            if fresh.contains(&node.index) {
                warn!(error_type = %node.item, "an error type that neither the configuration nor a derive or attribute names counts as `other`");
            }
        }
    }

    /// True once a name was given for which there was no room any more.
    pub(crate) fn has_merged_methods(&self) -> bool {
        self.overflow_method.get().is_some()
    }

    /// Calls, observations of calls and statuses that have no series of their own. `counted` is parallel to `methods`.
    pub(crate) fn overflowed(
        &self,
        methods: &[&'static MethodCore],
        counted: &[MethodSnapshot],
    ) -> u64 {
        let mut updates = self.overflowed_statuses.load(Relaxed);
        if updates > 0 {
            self.warn_once(MORE_TASKS, &Arc::default());
        }
        let merged = self.overflow_method.get();
        if merged.is_some() {
            self.warn_once(MORE_METHODS, &Arc::default());
        }
        for (method, counted) in methods.iter().zip(counted) {
            if merged.is_some_and(|merged| ptr::eq(merged.shared, method.shared)) {
                updates += counted.started;
            } else if method.origin.is_overflow && counted.started > 0 {
                updates += counted.started;
                self.warn_once(MORE_LABEL_SETS, &method.name);
            }
            let dropped = method.dropped_values.load(Relaxed);
            if dropped > 0 {
                updates += dropped;
                self.warn_once(MORE_VALUES, &method.name);
            }
        }
        updates
    }

    fn warn_once(&self, message: &'static str, method: &Arc<str>) {
        if lock(&self.warned).insert((message, Arc::clone(method))) {
            let method = (!method.is_empty()).then(|| field::display(method));
            warn!(method, "{message}");
        }
    }

    /// When the storage was made, in UTC, as the label `inittime` has it.
    pub(crate) fn init_time(&self) -> Arc<str> {
        Arc::from(utc(self.clock.unix_at(self.created)))
    }
}

/// All numbers of methods have a place in a [`Table`].
const PLACES: &str = "a method's number has a place";

/// The name of a method whose number a word has no room for, and of one of another storage.
const UNKNOWN_CALLER: &str = "unknown";

/// The name of the method, of the task type, and of the stack, of all for which there is no room.
pub(crate) const OVERFLOW: &str = "overflow";

const MORE_TASKS: &str =
    "statuses of more task types than max_series: further ones are one task type, `overflow`";
const MORE_METHODS: &str = "more methods made by name at run time than max_methods: the calls of further ones are counted as the method `overflow`";
const MORE_LABEL_SETS: &str = "more label sets of calls than max_series, or more values than a label takes: further ones are counted under `overflow`";
const MORE_VALUES: &str = "calls observe more names than max_series, or one call more values than are kept: further ones go to overflow=\"true\" or are dropped";

impl fmt::Debug for StorageCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageCore")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
