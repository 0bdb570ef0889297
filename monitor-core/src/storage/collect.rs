//! From cells to a snapshot: the reads of a scrape, and their order.
//!
//! # Consistency
//!
//! Nothing here stops a writer. The sums of a snapshot agree because of the order of reading: of each method first the
//! finished side of all shards, then the started side, then the slots of calls in flight. So a
//! call that is counted as finished is counted as started, and a call that is in flight all this time is in a slot. The
//! list of shards is walked anew for each side, as a call may end in a shard that was listed before the one it started
//! in. The orderings that pair with these reads are explained at [`Shard`](crate::recording::shard::Shard).
//!
//! All ages are measured from one `now`, read before everything else: a call that starts later has no age yet.

use std::sync::Arc;

use crate::base::append::Interner;
use crate::base::clock::{Clock, to_f64};
use crate::base::sort::{sort_by, sort_by_key};
use crate::base::sync::Relaxed;
use crate::data::family::{Histogram, NativeBuckets};
use crate::data::snapshot::{
    CallValueSnapshot, CallerSnapshot, MethodSnapshot, Snapshot, TaskTotals,
};
use crate::metrics::BucketKind;
use crate::recording::callers::ENTRY;
use crate::recording::config::Totals;
use crate::recording::exemplar;
use crate::recording::method::MethodCore;
use crate::recording::partition::{BucketTotals, TickPartition};
use crate::recording::shard::Shard;
use crate::recording::store::{Rules, StorageCore};
use crate::storage::MonitorStorage;
use crate::storage::means::RecentCalls;
use crate::storage::sampler;
use crate::storage::statuses::StatusReader;

/// Ages of tasks in flight, in ticks.
// Added up as a float: the ages of 100,000 streams fill 64 bits of ticks within a day.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Ages {
    pub(crate) sum: f64,
    max: u64,
}

/// The calls of one outcome.
#[derive(Debug)]
pub(crate) struct OutcomeCounts {
    pub(crate) buckets: BucketTotals,
    pub(crate) calls: u64,
    pub(crate) ticks: f64,
}

/// What a snapshot is about, and the buffers it keeps from method to method.
#[derive(Default)]
struct Reading {
    with_native: bool,
    recent: RecentCalls,
    room: BucketTotals,
}

/// Calls that the totals are about.
#[derive(Debug, Default)]
pub(crate) struct CountedCalls {
    pub(crate) started: u64,
    pub(crate) finished: u64,
    /// Ticks that those took which succeeded, and which failed.
    pub(crate) ticks: [f64; 2],
    pub(crate) ages: Ages,
}

/// The counts of the shards of one method.
#[derive(Debug)]
pub(crate) struct MethodCounts {
    pub(crate) started: u64,
    pub(crate) callers: CallersOf,
    pub(crate) entries: CountedCalls,
    pub(crate) success: OutcomeCounts,
    pub(crate) failure: OutcomeCounts,
    /// By the storage's index of the type; those past the end are 0.
    pub(crate) errors: Vec<u64>,
    pub(crate) ages: Ages,
}

impl MethodCounts {
    /// Reads what ended in all shards, then the started side, then the slots (see [`Shard`](crate::recording::shard::Shard)).
    /// `fixed` are the cells of the method, if they were fixed before this: else it has no calls. `room` is for a copy
    /// of totals.
    pub(crate) fn read(
        method: &MethodCore,
        fixed: Option<&TickPartition>,
        with_native: bool,
        now: u64,
        room: &mut BucketTotals,
    ) -> Self {
        let buckets = fixed.map_or(0, |fixed| fixed.partition.bounds.len() + 1);
        let outcomes = || OutcomeCounts {
            buckets: BucketTotals::new(buckets, with_native),
            calls: 0,
            ticks: 0.0,
        };
        let (mut success, mut failure, mut errors) = (outcomes(), outcomes(), Vec::new());
        let mut callers = CallersOf::default();
        let mut entries = CountedCalls::default();
        let shards = || fixed.into_iter().flat_map(|_| method.shards());
        for shard in shards() {
            // Before the buckets, in which they are counted first.
            shard
                .failed()
                .for_each(|(caller, count)| callers.add(caller, FAILED, count));
            let failed = shard.add_failure(&mut failure.buckets, &mut errors);
            let succeeded = shard.add_success(&mut success.buckets, room);
            for (outcome, ended) in [(&mut failure, failed), (&mut success, succeeded)] {
                outcome.calls += ended.calls;
                outcome.ticks += ended.ticks;
            }
            if !shard.is_nested() {
                entries.finished += succeeded.calls + failed.calls;
                entries.ticks[0] += succeeded.ticks;
                entries.ticks[1] += failed.ticks;
            }
        }
        #[cfg(all(test, not(monitor_loom)))]
        parking::pass();
        // The list again: a call that ended above may have started in a shard that was not listed yet.
        for shard in shards() {
            shard
                .started()
                .for_each(|(caller, count)| callers.add(caller, STARTED, count));
        }
        let mut counts = Self {
            started: callers.sum(STARTED),
            callers,
            entries,
            success,
            failure,
            errors,
            ages: Ages::default(),
        };
        counts.entries.started = counts.callers.started(ENTRY);
        // A task that is in flight all this time was counted as started, and not as finished.
        if counts.started > counts.finished() {
            counts.add_ages(method, now);
        }
        counts
    }

    fn add_ages(&mut self, method: &MethodCore, now: u64) {
        for shard in method.shards() {
            for start in shard.slots.starts() {
                let age = now.saturating_sub(start);
                self.ages.add(age);
                if !shard.is_nested() {
                    self.entries.ages.add(age);
                }
            }
        }
    }

    fn all_calls(&self) -> CountedCalls {
        CountedCalls {
            started: self.started,
            finished: self.finished(),
            ticks: [self.success.ticks, self.failure.ticks],
            ages: self.ages,
        }
    }

    pub(crate) fn finished(&self) -> u64 {
        self.success.calls + self.failure.calls
    }
}

impl CountedCalls {
    fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished)
    }

    /// Adds the seconds of each outcome as the page's histogram of all calls does, so that the two are equal to the
    /// last bit where all calls count.
    fn add_to(&self, totals: &mut TaskTotals, clock: &Clock) {
        let [succeeded, failed] = self.ticks.map(|ticks| clock.in_seconds(ticks));
        totals.completed_seconds += succeeded + failed;
        totals.started += self.started;
        totals.completed += self.finished;
        totals.in_flight += self.in_flight();
        totals.current_seconds += clock.in_seconds(self.ages.sum);
        let oldest = clock.seconds(self.ages.max);
        totals.current_max_seconds = totals.current_max_seconds.max(oldest);
    }
}

impl Ages {
    fn add(&mut self, age: u64) {
        self.sum += to_f64(age);
        self.max = self.max.max(age);
    }
}

/// Calls begun and calls failed, by the number of the calling method; one may be there several times.
#[derive(Debug, Default)]
pub(crate) struct CallersOf(Vec<(u32, [u64; 2])>);

/// Places in the counts of a caller.
const STARTED: usize = 0;
const FAILED: usize = 1;

impl CallersOf {
    fn add(&mut self, caller: u32, what: usize, count: u64) {
        // Mostly there are entry calls alone, of one thread after the other.
        match self.0.last_mut() {
            Some((last, counts)) if *last == caller => counts[what] += count,
            _ => {
                let mut counts = [0; 2];
                counts[what] = count;
                self.0.push((caller, counts));
            }
        }
    }

    fn sum(&self, what: usize) -> u64 {
        self.0.iter().map(|(_, counts)| counts[what]).sum()
    }

    /// Calls that failed.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn failed(&self) -> u64 {
        self.sum(FAILED)
    }

    fn started(&self, caller: u32) -> u64 {
        let of_caller = self.0.iter().filter(|(one, _)| *one == caller);
        of_caller.map(|(_, counts)| counts[STARTED]).sum()
    }

    /// With names, those of the label sets of a method as one.
    fn named(mut self, storage: &StorageCore) -> Vec<CallerSnapshot> {
        for (number, _) in &mut self.0 {
            *number = storage.plain_number(*number);
        }
        sort_by_key(&mut self.0, |(number, _)| *number);
        let mut named: Vec<CallerSnapshot> = Vec::new();
        for same in self.0.chunk_by(|one, other| one.0 == other.0) {
            let number = same[0].0;
            let sum = |what: usize| same.iter().map(|(_, counts)| counts[what]).sum();
            named.push(CallerSnapshot {
                caller: (number != ENTRY).then(|| storage.name_of(number)),
                calls: sum(STARTED),
                failures: sum(FAILED),
            });
        }
        sort_by(&mut named, |a, b| a.caller.cmp(&b.caller));
        // Callers that are unknown have one name.
        named.dedup_by(|one, kept| {
            let is_same = one.caller == kept.caller;
            if is_same {
                kept.calls += one.calls;
                kept.failures += one.failures;
            }
            is_same
        });
        named
    }
}

impl MonitorStorage {
    /// The state at this moment.
    #[doc(alias = "refresh_registry_for_metrics")]
    pub fn snapshot(&self) -> Snapshot {
        self.read(false)
    }

    /// The state at this moment, with exponential buckets too ([`Histogram::native`](crate::family::Histogram::native)):
    /// those of the durations of calls, of the times and sizes that calls observed, and of registered histograms that have
    /// some. They count what the classic buckets count. It takes up to twice the time of [`snapshot`](Self::snapshot).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::{Clock, Monitor, Outcome, StorageConfig};
    ///
    /// let (clock, hand) = Clock::manual(0.0);
    /// let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    /// let call = monitor.method("Get")?.start();
    /// hand.advance(Duration::from_millis(500));
    /// call.finish(Outcome::Success);
    ///
    /// let durations = &monitor.storage().native_snapshot().methods[0].success;
    /// let native = durations.native.as_ref().expect("it was asked for");
    /// // Bucket -8 of schema 3 holds what is above 2^(-9/8) and at most 2^(-8/8) seconds.
    /// assert_eq!(native.positive, [(-8, 1)]);
    /// assert_eq!(native.count(), durations.count());
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn native_snapshot(&self) -> Snapshot {
        self.read(true)
    }

    fn read(self, with_native: bool) -> Snapshot {
        let core = self.core;
        core.report_unknown_types();
        let now = core.clock.now();
        let rules = core.rules();
        let config = &rules.config;
        let mut totals = core.values.tasks.totals(core.clock.unix_at(now));
        let mut read = Reading {
            with_native,
            ..Reading::default()
        };
        let mut statuses = StatusReader::new(core, now);
        let order = core.method_list();
        let listed = &order.methods;
        let (mut fetched, mut shards) = (0, 0);
        let mut methods = Vec::with_capacity(listed.len());
        let mut failed = FailedTypes::default();
        for (at, method) in listed.iter().enumerate() {
            fetched ^= order.fetch(at);
            let counted = read_method(method, now, &mut totals, &mut read);
            if !counted.errors.is_empty() {
                failed.add(method);
            }
            methods.push(counted);
            order.note_taken(at, read.recent.taken());
            // While its cells are cached.
            statuses.add(method, listed.get(at + 1).copied());
            shards += method.shards().count();
        }
        std::hint::black_box(fetched);
        if shards != order.shards.len() {
            core.list_shards(&order);
        }
        let (statuses, method_statuses) = statuses.finish();
        let overflowed = core.overflowed(listed, &methods);
        let self_time = sampler::read(core, &mut methods);
        // After the counts: a type that was counted is listed by now.
        let error_types = order_types(rules, &core.error_types(), &mut methods);
        if !config.idle_series.is_zero() {
            let idle = core.clock.ticks(config.idle_series.as_secs_f64());
            hide_idle(idle, now, listed, &mut methods);
            core.values.expire(now, idle);
        }
        let expected = core.expected(rules, failed);
        let mut values = core.values.exported(BucketKind::wanted(read.with_native));
        values.overflowed_updates += overflowed;
        totals.busy_seconds = core.busy(totals.completed_seconds + totals.current_seconds);
        let workers = config.hpa_max_workers.unwrap_or(config.max_workers);
        Snapshot {
            taken_at: core.clock.unix_at(now),
            created_at: core.clock.unix_at(core.created),
            started_at: core.started_at,
            clock: core.clock.source(),
            inittime: config.inittime_label.then(|| core.init_time()),
            service_threads: to_f64(workers as u64),
            service_info: config.service_info.clone(),
            tasks: totals,
            error_types,
            time_bounds: Arc::clone(&rules.bounds.time),
            buckets: config.buckets.clone(),
            size_buckets: config.size_buckets.clone(),
            methods,
            expected,
            statuses,
            method_statuses,
            values,
            self_time,
            dropped_exemplars: core.dropped_exemplars.load(Relaxed),
            copied_reads: core.copied_reads.load(Relaxed),
            shown_caller_pairs: config.caller_pairs,
            const_labels: config.const_labels.clone(),
            namespace: config.namespace.clone(),
        }
    }

    /// Calls in flight over all methods, and tasks of the section `tasks`.
    pub fn in_flight(&self) -> u64 {
        let calls: u64 = self.core.methods().map(MethodCore::in_flight).sum();
        calls
            + self
                .core
                .values
                .tasks
                .totals(self.core.clock.unix())
                .in_flight
    }
}

impl StorageCore {
    /// Expected error types by method: those of its attributes, and those with which calls failed and none of them set a
    /// status.
    fn expected(&self, rules: &Rules, failed: FailedTypes) -> Vec<(Arc<str>, Arc<str>)> {
        let types = self.error_types();
        let cancelled = rules.index_of(rules.parser.cancelled());
        let well = failed
            .without_status()
            .into_iter()
            .filter(|(_, index)| *index != cancelled);
        let well = well.filter_map(|(method, index)| {
            let name = types.get(index as usize)?;
            Some((Arc::clone(&method.shared.plain.name), Arc::clone(name)))
        });
        let mut expected: Vec<_> = self
            .shared
            .items()
            .flat_map(|shared| {
                let ids = shared.expected.iter();
                let ids = ids.filter_map(|name| rules.parser.type_id(name));
                ids.map(|id| {
                    (
                        Arc::clone(&shared.plain.name),
                        Arc::clone(rules.parser.name(id)),
                    )
                })
            })
            .chain(well)
            .collect();
        sort_by(&mut expected, Ord::cmp);
        expected.dedup();
        expected
    }

    /// Busy time never reports less than before: calls that end while it is read may be missing for a moment.
    pub(crate) fn busy(&self, seconds: f64) -> f64 {
        let bits = seconds.max(0.0).to_bits();
        let before = self.busy.fetch_max(bits, Relaxed);
        f64::from_bits(before.max(bits))
    }
}

/// The error types of failures, by method and label set; and whether any failure of the type there set a status.
#[derive(Default)]
struct FailedTypes(Vec<(&'static MethodCore, u32, bool)>);

impl FailedTypes {
    /// Adds those of a method and label set, once its counts are read: a type that is counted is here.
    fn add(&mut self, method: &'static MethodCore) {
        let types = method.shards().flat_map(Shard::failed_types);
        self.0
            .extend(types.map(|(index, is_ill)| (method, index, is_ill)));
    }

    /// The types of failures that set no status in any label set of their method.
    fn without_status(mut self) -> Vec<(&'static MethodCore, u32)> {
        let key = |one: &(&MethodCore, u32, bool)| (one.0.shared.plain.id, one.1);
        sort_by_key(&mut self.0, key);
        let of_types = self.0.chunk_by(|one, other| key(one) == key(other));
        let well = of_types.filter(|all| all.iter().all(|(.., is_ill)| !is_ill));
        well.map(|all| (all[0].0, all[0].1)).collect()
    }
}

/// Marks as hidden the label sets made at run time that have no call in flight and had none for `idle` ticks. Their
/// cells stay, because threads and guards point at them, and so do their counts: they are in all totals, and on the
/// page again after the next call. `counted` is parallel to `methods`.
fn hide_idle(idle: u64, now: u64, methods: &[&'static MethodCore], counted: &mut [MethodSnapshot]) {
    for (method, counted) in methods.iter().zip(counted) {
        if method.origin.is_open {
            let calls = 2 * counted.started - counted.in_flight;
            let unchanged = method.idle_since.unchanged_for(calls, now);
            counted.is_hidden = counted.in_flight == 0 && unchanged >= idle;
        }
    }
}

fn read_method(
    method: &'static MethodCore,
    now: u64,
    totals: &mut TaskTotals,
    read: &mut Reading,
) -> MethodSnapshot {
    let clock = &method.storage.clock;
    // First: before they are fixed there was no call, and then they may be others.
    let fixed = method.shared.fixed_cells();
    let bounds = match fixed {
        Some(fixed) => Arc::clone(&fixed.partition.bounds),
        None => method.shared.bounds(),
    };
    let counts = MethodCounts::read(method, fixed, read.with_native, now, &mut read.room);
    let in_flight = counts.started.saturating_sub(counts.finished());
    let histogram = |outcome: OutcomeCounts| {
        let sum = clock.in_seconds(outcome.ticks);
        let none = || read.with_native.then(NativeBuckets::default);
        let native = fixed.map_or_else(none, |fixed| outcome.buckets.native(&fixed.partition));
        let mut counts = outcome.buckets.classic;
        counts.resize(bounds.len() + 1, 0);
        Histogram {
            native,
            ..Histogram::new(Arc::clone(&bounds), counts, sum)
        }
    };
    let entries_in_flight = counts.entries.in_flight();
    match method.storage.rules().config.totals {
        Totals::EntryCalls => counts.entries.add_to(totals, clock),
        Totals::AllCalls => counts.all_calls().add_to(totals, clock),
    }
    let callers = counts.callers.named(method.storage);
    let (success, failure) = (histogram(counts.success), histogram(counts.failure));
    let recent = &mut read.recent;
    MethodSnapshot {
        number: method.id,
        is_open: method.origin.is_open,
        is_hidden: false,
        name: Arc::clone(&method.name),
        labels: Arc::clone(&method.labels),
        started: counts.started,
        callers,
        own_bounds: method.shared.own_bounds,
        success,
        failure,
        errors: counts.errors,
        in_flight,
        entries_in_flight,
        duration: recent.read(method),
        self_seconds: None,
        values: read_values(method, recent, read.with_native),
        waiting: method.waiting(),
        items: method.items(),
        exemplars: exemplar::kept(method),
    }
}

/// Reads the values that the calls of a method observed; `recent` holds its last calls.
fn read_values(
    method: &'static MethodCore,
    recent: &RecentCalls,
    with_native: bool,
) -> Vec<CallValueSnapshot> {
    let Some(names) = method.values.get() else {
        return Vec::new();
    };
    let mut names: Vec<_> = Interner::iter(names).collect();
    // By first use, so that of two names that collide the first keeps the family.
    sort_by_key(&mut names, |node| node.index);
    let values = names.into_iter().map(|node| {
        let histogram = node.item.cells.as_deref().map(|partition| {
            let bounds = &partition.bounds;
            let mut total = BucketTotals::new(bounds.len() + 1, with_native);
            let values = method.shards().filter_map(|shard| shard.values.get());
            let cells = values.filter_map(|values| values.cells.item(node.index));
            let sum = cells.map(|cells| cells.add_to(&mut total)).sum();
            Histogram {
                native: total.native(partition),
                ..Histogram::new(Arc::clone(bounds), total.classic, sum)
            }
        });
        CallValueSnapshot {
            key: Arc::clone(&node.item.key),
            histogram,
            means: recent.means_of_value(node.index),
        }
    });
    values.collect()
}

/// The error types as the rules in force order them, then those of earlier configurations that were ever counted;
/// brings each method's counts into the same order.
fn order_types(
    rules: &Rules,
    types: &[Arc<str>],
    methods: &mut [MethodSnapshot],
) -> Arc<[Arc<str>]> {
    let errors_of = |method: &MethodSnapshot, at: usize| *method.errors.get(at).unwrap_or(&0);
    let mut order: Vec<usize> = rules.indices.iter().map(|index| *index as usize).collect();
    for index in 0..types.len() {
        let counted = || methods.iter().any(|method| errors_of(method, index) > 0);
        if !order.contains(&index) && counted() {
            order.push(index);
        }
    }
    for method in methods {
        let errors = order.iter().map(|index| errors_of(method, *index));
        method.errors = errors.collect();
    }
    let names = order.iter().map(|index| Arc::clone(&types[*index]));
    names.collect()
}

/// A place in the middle of a scrape where tests can make it wait.
#[cfg(all(test, not(monitor_loom)))]
pub(super) mod parking {
    use std::cell::RefCell;

    type Hook = Box<dyn FnMut()>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Runs `hook` between the finished and the started side of each method this thread reads.
    pub(in crate::storage) fn park_with(hook: impl FnMut() + 'static) {
        HOOK.set(Some(Box::new(hook)));
    }

    /// The place.
    pub(super) fn pass() {
        if let Some(mut hook) = HOOK.take() {
            hook();
            HOOK.set(Some(hook));
        }
    }
}
