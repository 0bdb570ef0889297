//! A method in a storage: the part its label sets share, each label set's shards and values, and the order in which a
//! snapshot goes through them.
//!
//! A label set is a method of its own to recording: a [`MethodCore`] with its own shards, found by its number. All
//! label sets of a method share one [`MethodShared`] (task types, permits, bounds), which lists them. Both live as long
//! as the process. Lists of shards and label sets only grow, so they are walked without a lock.

use std::sync::{Arc, LazyLock};

use crate::base::append::{Interned, Interner, Link, hash_of, push, walk};
use crate::base::sort::sort_by;
use crate::base::sync::{AtomicU32, AtomicU64, Mutex, Once, Relaxed, leak, lock};
use crate::data::buckets::{HistogramKind, union};
use crate::data::key::StatKey;
use crate::data::labels::Label;
use crate::data::window::ShareParts;
use crate::data::{snapshot, status::DEFAULT_TASK};
use crate::errors::{ErrorText, Outcome};
use crate::recording::exemplar::{self, Exemplars};
use crate::recording::label_sets::{LabelSetOrigin, MethodId};
use crate::recording::last_errors::{EVERY_SECONDS, LastErrors};
use crate::recording::limit::Permits;
use crate::recording::partition::{Partition, TickPartition};
use crate::recording::shard::{Failure, Shard, Span};
use crate::recording::site::{Settings, settings_of};
use crate::recording::store::StorageCore;
use crate::recording::streak::Streak;
use crate::recording::thread::{Record, entry_shard};
use crate::recording::values::ValueName;

/// The part of a method that all its label sets share in a storage.
pub(crate) struct MethodShared {
    /// The method without labels.
    pub(crate) plain: &'static MethodId,
    /// The task type its calls feed beside that of all calls.
    pub(crate) own: &'static Streak,
    /// The task type of all calls; where the method feeds none, one that is not read.
    pub(crate) default: &'static Streak,
    /// True if `own` is the method's, and not one it shares or that is not read.
    pub(crate) has_own_task: bool,
    pub(crate) permits: Permits,
    /// The method's own bounds, beside the common ones.
    pub(crate) own_bounds: &'static [f64],
    /// The bounds of its durations; fixed as its first shard is made.
    cells: Once<&'static TickPartition>,
    storage: &'static StorageCore,
    /// Expected error types: their failures do not change the task status.
    pub(crate) expected: &'static [&'static str],
    /// The parts of the share rule that an attribute gives.
    pub(crate) unhealthy: ShareParts,
    limited: bool,
    streaming: bool,
    /// Label sets made at run time.
    pub(super) open: AtomicU32,
    first: Link<MethodCore>,
    /// Why its calls fail, from the first failure with a text on.
    pub(crate) errors: Once<&'static LastErrors>,
}

impl MethodShared {
    pub(crate) fn new(storage: &'static StorageCore, plain: &'static MethodId) -> Self {
        static NONE: LazyLock<Settings> = LazyLock::new(Settings::default);
        let settings = settings_of(&plain.name).unwrap_or(&NONE);
        let unread = || leak(Streak::default());
        let all = storage.default_task;
        let (own, default, has_own_task) = match settings.task {
            _ if settings.without_health => (unread(), unread(), false),
            // It is fed anyway.
            Some(DEFAULT_TASK) => (unread(), all, false),
            Some(task) => (storage.listed_task(task), all, false),
            None => (unread(), all, true),
        };
        Self {
            plain,
            own,
            default,
            has_own_task,
            permits: Permits::new(storage.rules().config.max_workers),
            own_bounds: settings.bounds.unwrap_or_default(),
            cells: Once::new(),
            storage,
            expected: &settings.expected,
            unhealthy: settings.unhealthy,
            limited: settings.limited,
            streaming: settings.streaming,
            open: AtomicU32::new(0),
            first: Once::new(),
            errors: Once::new(),
        }
    }

    /// The bounds of its durations, fixed by the first call of this.
    pub(crate) fn cells(&self) -> &'static TickPartition {
        let fixed = self.cells.get();
        fixed.unwrap_or_else(|| self.storage.fix_cells(&self.cells, self.own_bounds))
    }

    /// The same, if there was a call.
    pub(crate) fn fixed_cells(&self) -> Option<&'static TickPartition> {
        self.cells.get()
    }

    /// The bounds of its durations: while they are not fixed, those that a call would fix.
    pub(crate) fn bounds(&self) -> Arc<[f64]> {
        match self.cells.get() {
            Some(fixed) => Arc::clone(&fixed.partition.bounds),
            None => union(&self.storage.rules().bounds.time, self.own_bounds),
        }
    }

    /// True if its calls feed the task type of all calls.
    pub(crate) fn feeds_health(&self) -> bool {
        std::ptr::eq(self.default, self.storage.default_task)
    }

    /// Keeps the text of an error of this type, unless that is off.
    // The setting is looked at where a text is read: a failure beyond the rate costs no more than a comparison.
    #[inline]
    fn note_error(&self, text: ErrorText<'_>, error_type: u32, now: u64) {
        match self.errors.get() {
            Some(errors) => errors.note(text, error_type, now, || self.keeps_texts()),
            None => self.note_first_error(text, error_type, now),
        }
    }

    #[cold]
    #[inline(never)]
    fn note_first_error(&self, text: ErrorText<'_>, error_type: u32, now: u64) {
        if self.keeps_texts() {
            let clock = &self.storage.clock;
            let new = || leak(LastErrors::new(clock.ticks(EVERY_SECONDS)));
            let errors = self.errors.get_or_init(new);
            errors.note(text, error_type, now, || true);
        }
    }

    fn keeps_texts(&self) -> bool {
        self.storage.rules().config.error_texts
    }

    /// All label sets so far.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static MethodCore> {
        walk(&self.first, |method| &method.next)
    }
}

/// The values of calls that a [`MethodCore`] finds without a look-up by name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SizeName {
    Request,
    Response,
}

impl SizeName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request_size",
            Self::Response => "response_size",
        }
    }
}

/// One method with one label set in one storage.
pub(crate) struct MethodCore {
    pub(crate) storage: &'static StorageCore,
    pub(crate) name: Arc<str>,
    /// Beside `method`, sorted by name.
    pub(crate) labels: Arc<[Label]>,
    /// Its number in the process.
    pub(crate) id: u32,
    pub(crate) origin: LabelSetOrigin,
    /// The part shared with the method's other label sets.
    pub(crate) shared: &'static MethodShared,
    /// The method's next label set.
    next: Link<MethodCore>,
    /// Calls that wait for a permit.
    pub(crate) waiting: AtomicU64,
    pub(crate) items: ItemCounts,
    pub(super) exemplars: Once<&'static Exemplars>,
    first: Link<Shard>,
    /// The shards, of entry calls and of nested ones, of calls that no thread's table can take, because thread-locals are
    /// gone. The holder of the lock is their single writer, so they keep the promises of any shard.
    fallback: [Once<&'static Shard>; 2],
    fallback_writer: Mutex<()>,
    /// The values calls observed so far.
    pub(crate) values: Once<&'static Interner<ValueName>>,
    /// The sizes among them, by [`SizeName`].
    sizes: [Once<&'static Interned<ValueName>>; 2],
    /// Observations past a limit: of names, or of values a call keeps.
    pub(crate) dropped_values: AtomicU64,
    /// When snapshots last saw its calls change.
    pub(crate) idle_since: IdleSince,
}

/// Items that the streams of a method gave.
// Shared by all threads that poll such streams: an item is worth more than a call's few nanoseconds.
#[derive(Default)]
pub(crate) struct ItemCounts {
    pub(crate) ok: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// When a snapshot first saw the calls of a label set as they are.
// Relaxed: of two snapshots at once either may be the first.
#[derive(Default)]
pub(crate) struct IdleSince {
    /// Calls begun and calls ended, plus 1; 0 before the first snapshot.
    calls: AtomicU64,
    /// Ticks.
    since: AtomicU64,
}

impl IdleSince {
    /// Notes how many calls there are `now`, and returns for how many ticks that did not change.
    pub(crate) fn unchanged_for(&self, calls: u64, now: u64) -> u64 {
        if self.calls.swap(calls + 1, Relaxed) != calls + 1 {
            self.since.store(now, Relaxed);
        }
        now.saturating_sub(self.since.load(Relaxed))
    }
}

impl MethodCore {
    /// Makes it and lists it with the method's other label sets.
    pub(crate) fn new(
        storage: &'static StorageCore,
        id: &MethodId,
        shared: &'static MethodShared,
    ) -> &'static Self {
        let method = leak(Self {
            storage,
            name: Arc::clone(&shared.plain.name),
            labels: Arc::clone(&id.labels),
            id: id.id,
            origin: id.origin,
            shared,
            next: Once::new(),
            waiting: AtomicU64::new(0),
            items: ItemCounts::default(),
            exemplars: Once::new(),
            first: Once::new(),
            fallback: [Once::new(), Once::new()],
            fallback_writer: Mutex::new(()),
            values: Once::new(),
            sizes: [Once::new(), Once::new()],
            dropped_values: AtomicU64::new(0),
            idle_since: IdleSince::default(),
        });
        if id.origin.is_open {
            shared.open.fetch_add(1, Relaxed);
        }
        push(&shared.first, method, |method| &method.next)
    }

    /// The method with these labels alone, made if need be: for labels made at run time.
    pub(crate) fn with_labels(&self, labels: Vec<Label>) -> &'static Self {
        let plain = self.shared.plain;
        let has_room = self.storage.has_room_for(plain);
        let id = plain.with_labels(labels, LabelSetOrigin::OPEN, has_room);
        self.storage.method_for_call(id)
    }

    /// Makes a shard of this number in a record, and puts it at the end of the list; nothing waits, readers may walk
    /// the list meanwhile.
    pub(crate) fn add_shard(&'static self, record: &'static Record, number: u32) -> &'static Shard {
        let shard = leak(Shard::new(self, record, number));
        push(&self.first, shard, |shard| &shard.next)
    }

    /// All shards so far.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &'static Shard> {
        walk(&self.first, |shard| &shard.next)
    }

    /// Runs with the fallback shard of entry calls or of nested ones, as its single writer.
    pub(crate) fn with_fallback<R>(
        &'static self,
        nested: bool,
        write: impl FnOnce(&'static Shard) -> R,
    ) -> R {
        let _writer = lock(&self.fallback_writer);
        write(self.fallback[usize::from(nested)].get_or_init(|| {
            // In no list of records: its calls are never current.
            let record = leak(Record::new(self.storage, 0));
            self.add_shard(record, entry_shard(self.id) + u32::from(nested))
        }))
    }

    /// The value of this name. Past the limit of names a value goes to the child labelled `overflow` of its family, if
    /// there is one or room for one more; else it is dropped.
    pub(crate) fn value(&self, name: &str) -> Option<&'static Interned<ValueName>> {
        let names = self.values.get_or_init(|| leak(Interner::new(64)));
        let rules = self.storage.rules();
        let find_or_add = |name: &str, limit| {
            let is = |known: &ValueName| *known.key.raw == *name;
            let make = |_| ValueName {
                key: Arc::new(StatKey::parse(name)),
                cells: rules.cells_of(HistogramKind::of(name)).cloned(),
            };
            names.find_or_add(hash_of(name), is, limit, make)
        };
        let limit = self.storage.max_series();
        find_or_add(name, limit).or_else(|| {
            self.drop_value();
            let overflow = StatKey::write_overflow(StatKey::name_of(name));
            find_or_add(&overflow, limit.saturating_mul(2))
        })
    }

    /// The value of a size, like [`value`](Self::value). It is looked up by its name only once; one past the limit of names
    /// each time, because each of its observations is counted as dropped.
    pub(crate) fn size(&self, size: SizeName) -> Option<&'static Interned<ValueName>> {
        let found = &self.sizes[size as usize];
        if let Some(node) = found.get() {
            return Some(node);
        }
        let name = size.as_str();
        let node = self.value(name)?;
        if *node.item.key.raw == *name {
            found.get_or_init(|| node);
        }
        Some(node)
    }

    /// The cells of the value of this number; none of one without a histogram.
    pub(crate) fn cells_of_value(&self, index: u32) -> Option<Arc<Partition<f64>>> {
        let mut names = self.values.get()?.iter();
        let name = names.find(|node| node.index == index)?;
        name.item.cells.clone()
    }

    /// Counts an observation that its own series does not have.
    pub(crate) fn drop_value(&self) {
        self.dropped_values.fetch_add(1, Relaxed);
    }

    /// The type and the status of an outcome that is no success. The text of its error is kept, unless it is expected.
    pub(crate) fn classify(&self, outcome: Outcome<'_>, now: u64) -> Failure {
        let failure = self.storage.classify(outcome, self.shared.expected);
        if failure.status.is_some()
            && let Some(text) = outcome.error_text()
        {
            self.shared.note_error(text, failure.error_type, now);
        }
        failure
    }

    /// Keeps an exemplar of a call that has just ended, if the storage has a provider.
    pub(crate) fn note_exemplar(&self, span: Span, failed: bool) {
        if let Some(provider) = self.storage.exemplars.load() {
            exemplar::note(self, provider, span, failed);
        }
    }

    /// Calls that wait for a permit; `None` where calls need none.
    pub(crate) fn waiting(&self) -> Option<u64> {
        let waiting = self.waiting.load(Relaxed);
        (self.shared.limited || waiting > 0).then_some(waiting)
    }

    /// Items of its streams; `None` where calls are no streams.
    pub(crate) fn items(&self) -> Option<snapshot::StreamItems> {
        let items = snapshot::StreamItems {
            ok: self.items.ok.load(Relaxed),
            failed: self.items.failed.load(Relaxed),
        };
        (self.shared.streaming || items.ok + items.failed > 0).then_some(items)
    }

    /// Calls in flight: the finished side of all shards first, then the started side (see [`Shard`]).
    pub(crate) fn in_flight(&self) -> u64 {
        let finished: u64 = self.shards().map(Shard::finished).sum();
        let started: u64 = self.shards().map(Shard::calls_started).sum();
        started.saturating_sub(finished)
    }
}

/// How many methods are fetched at once: enough for a processor to have all the loads it can under way, few enough for
/// the fetched lines to stay in its inner caches.
const BATCH: usize = 16;

/// All methods of a storage as a snapshot goes through them, by name and labels, and the memory it will need next.
///
/// The cells of a method are spread over the memory of the threads that own them, behind a list from one to the next:
/// to read them is to wait, again and again, for memory that only then turns out to be needed. So the cells of the next
/// methods are loaded ahead, some methods at a time, in steps: within a step no load waits for another, so the
/// processor runs them all at once. For this, and only for this, the shards are listed here too. Shards made since are
/// missing, which costs time and nothing else.
#[derive(Default)]
pub(crate) struct MethodList {
    pub(crate) methods: Box<[&'static MethodCore]>,
    pub(crate) shards: Box<[&'static Shard]>,
    /// Parallel to `shards`: how many of their last calls the means took last time. As the threads shared the calls
    /// then, they most likely still do.
    taken: Box<[AtomicU32]>,
    /// Where the shards of each method begin, and where the last one's end.
    first: Box<[usize]>,
}

impl MethodList {
    /// With all shards the methods have now.
    pub(crate) fn new(mut methods: Box<[&'static MethodCore]>) -> Self {
        sort_by(&mut methods, |a, b| {
            (&a.name, &a.labels).cmp(&(&b.name, &b.labels))
        });
        let mut shards = Vec::new();
        let mut first = vec![0];
        for method in &methods {
            shards.extend(method.shards());
            first.push(shards.len());
        }
        Self {
            methods,
            taken: shards.iter().map(|_| AtomicU32::new(0)).collect(),
            shards: shards.into(),
            first: first.into(),
        }
    }

    /// Loads the cells of this method and of those behind it, if it is the first of a batch. Returns a value that the
    /// caller must use, so that the compiler keeps the loads.
    pub(crate) fn fetch(&self, at: usize) -> u64 {
        if !at.is_multiple_of(BATCH) {
            return 0;
        }
        let end = (at + BATCH).min(self.methods.len());
        let methods = &self.methods[at..end];
        let places = self.first[at]..self.first[end];
        let shards = &self.shards[places.clone()];
        let taken = &self.taken[places];
        let mut all = 0;
        let mut step = |loaded: u64| all ^= loaded;
        for shard in shards {
            step(shard.prefetch_head());
        }
        for method in methods {
            let counted = Arc::strong_count(&method.name) ^ Arc::strong_count(&method.labels);
            step(method.waiting.load(Relaxed) ^ counted as u64);
        }
        for (shard, taken) in shards.iter().zip(taken) {
            step(shard.prefetch_cells(taken.load(Relaxed).into()));
        }
        for method in methods {
            let cells = method.shared.cells.get();
            step(
                method.shared.own.prefetch()
                    ^ cells.map_or(0, |fixed| fixed.partition.bounds.len() as u64),
            );
        }
        for shard in shards {
            step(shard.prefetch_failures());
        }
        all
    }

    /// Notes how many of their last calls the means of this method took from each of its shards.
    pub(crate) fn note_taken(&self, at: usize, taken: impl Iterator<Item = usize>) {
        let ends = self.first.get(at).zip(self.first.get(at + 1));
        let places = ends.map_or(&[][..], |(from, to)| &self.taken[*from..*to]);
        for (place, taken) in places.iter().zip(taken) {
            place.store(u32::try_from(taken).unwrap_or(u32::MAX), Relaxed);
        }
    }
}
