//! From cells to a snapshot: what is read, and in which order.

use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::to_f64;
use crate::base::interner::Interner;
use crate::base::sync::Ordering;
use crate::data::buckets::ValueKind;
use crate::data::family::Histogram;
use crate::data::snapshot::{
    CallValueSnapshot, MethodSnapshot, Snapshot, TaskTotals, ValuesSnapshot,
};
use crate::recording::method::MethodCore;
use crate::recording::rules::Rules;
use crate::recording::shard::Shard;
use crate::recording::store::StorageCore;
use crate::storage::points::Points;
use crate::storage::statuses::Statuses;

/// Ages of tasks in flight, in ticks.
// Added up as a float: the ages of 100,000 streams fill 64 bits of ticks within a day.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Ages {
    pub(crate) sum: f64,
    max: u64,
}

/// The calls of one outcome.
#[derive(Debug)]
pub(crate) struct Outcomes {
    pub(crate) buckets: Vec<u64>,
    pub(crate) ticks: f64,
}

/// What the shards of one method count.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) started: u64,
    pub(crate) success: Outcomes,
    pub(crate) failure: Outcomes,
    /// By the storage's index of the type; those past the end are 0.
    pub(crate) errors: Vec<u64>,
    pub(crate) ages: Ages,
}

impl Counts {
    /// Reads sums and buckets of all shards, then the started side, then the slots (see [`Shard`]).
    pub(crate) fn read(method: &MethodCore, buckets: usize, now: u64) -> Self {
        let outcomes = || Outcomes {
            buckets: vec![0; buckets],
            ticks: 0.0,
        };
        let (mut success, mut failure, mut errors) = (outcomes(), outcomes(), Vec::new());
        for shard in method.shards() {
            failure.ticks += shard.add_failure(&mut failure.buckets, &mut errors);
            success.ticks += shard.add_success(&mut success.buckets);
        }
        #[cfg(all(test, not(monitor_loom)))]
        crate::storage::parking::pass();
        // The list again: a call that ended above may have started in a shard that was not listed yet.
        let started = method.shards().map(Shard::started).sum();
        let mut counts = Self {
            started,
            success,
            failure,
            errors,
            ages: Ages::default(),
        };
        // A task that is in flight all this time was counted as started, and not as finished.
        if started > counts.finished() {
            counts.ages = ages(method, now);
        }
        counts
    }

    pub(crate) fn finished(&self) -> u64 {
        let outcomes = [&self.success, &self.failure];
        outcomes.iter().flat_map(|one| &one.buckets).sum()
    }
}

impl StorageCore {
    pub(crate) fn snapshot(&'static self) -> Snapshot {
        // One `now` for all ages, read first: a call that starts later has no age yet.
        self.report_unknown_types();
        let now = self.clock.now();
        let rules = self.rules();
        let mut totals = self.values.tasks(self.clock.unix_at(now));
        let mut points = Points::default();
        let mut statuses = Statuses::new(self, now);
        let order = self.in_order();
        let (mut fetched, mut shards) = (0, 0);
        let mut methods = Vec::with_capacity(order.methods().len());
        for (at, method) in order.methods().iter().enumerate() {
            fetched ^= order.fetch(at);
            methods.push(self.read_method(method, now, &mut totals, &mut points));
            order.note_taken(at, points.taken());
            // While its cells are at hand.
            statuses.add(method, order.methods().get(at + 1).copied());
            shards += method.shards().count();
        }
        std::hint::black_box(fetched);
        if shards != order.shards() {
            self.list_shards(&order);
        }
        let (statuses, method_statuses) = statuses.finish();
        // Added up in the order of the exposition's histogram of all calls, so that the two are equal to the last bit.
        for method in &methods {
            totals.completed_seconds += method.success.sum + method.failure.sum;
        }
        let overflowed = self.overflowed(order.methods(), &methods);
        self.hide_idle(rules.config.idle_series, now, order.methods(), &mut methods);
        // After the counts: a type that was counted is listed by now.
        let error_types = order_types(rules, &self.error_types(), &mut methods);
        totals.busy_seconds = self.busy(totals.completed_seconds + totals.current_seconds);
        Snapshot {
            taken_at: self.clock.unix_at(now),
            created_at: self.clock.unix_at(self.created),
            started_at: self.started_at,
            clock: self.clock.source(),
            inittime: rules.config.inittime_label.then(|| self.init_time()),
            service_threads: to_f64(threads(rules)),
            service_info: rules.config.service_info.clone(),
            tasks: totals,
            error_types,
            time_bounds: Arc::clone(&self.time_bounds),
            methods,
            expected: self.expected(rules),
            statuses,
            method_statuses,
            values: self.read_all_values(overflowed, now, rules.config.idle_series),
            dropped_exemplars: self.dropped_exemplars(),
            const_labels: rules.config.const_labels.clone(),
        }
    }

    /// `overflowed` updates of calls and task types had no series of their own.
    fn read_all_values(&self, overflowed: u64, now: u64, idle: Duration) -> ValuesSnapshot {
        if !idle.is_zero() {
            let ticks = self.clock.ticks(idle.as_secs_f64());
            self.values.expire(now, ticks);
        }
        let mut values = self.values.exported();
        values.overflowed_updates += overflowed;
        values
    }

    /// Expected error types by method, as far as the configuration knows them.
    fn expected(&self, rules: &Rules) -> Vec<(Arc<str>, Arc<str>)> {
        let mut expected: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for common in self.commons() {
            let ids = common
                .expected
                .iter()
                .filter_map(|name| rules.parser.type_id(name));
            let names = ids.map(|id| Arc::clone(rules.parser.name(id)));
            expected.extend(names.map(|name| (Arc::clone(&common.name), name)));
        }
        expected.sort_unstable();
        expected
    }

    /// Busy time never reports less than before: calls that end while it is read may be missing for a moment.
    pub(crate) fn busy(&self, seconds: f64) -> f64 {
        let bits = seconds.max(0.0).to_bits();
        let before = self.busy.fetch_max(bits, Ordering::Relaxed);
        f64::from_bits(before.max(bits))
    }

    fn read_method(
        &self,
        method: &'static MethodCore,
        now: u64,
        totals: &mut TaskTotals,
        points: &mut Points,
    ) -> MethodSnapshot {
        let bounds = &method.common.bounds;
        let counts = Counts::read(method, bounds.len() + 1, now);
        let finished = counts.finished();
        let histogram = |outcome: Outcomes| Histogram {
            bounds: Arc::clone(bounds),
            counts: outcome.buckets,
            sum: self.clock.in_seconds(outcome.ticks),
            exemplars: Vec::new(),
        };
        totals.started += counts.started;
        totals.completed += finished;
        totals.in_flight += counts.started.saturating_sub(finished);
        totals.current_seconds += self.clock.in_seconds(counts.ages.sum);
        let oldest = self.clock.seconds(counts.ages.max);
        totals.current_max_seconds = totals.current_max_seconds.max(oldest);
        let duration = points.means_of(method, &self.clock);
        MethodSnapshot {
            number: method.id,
            is_open: method.origin.is_open(),
            is_hidden: false,
            name: Arc::clone(&method.name),
            labels: Arc::clone(&method.labels),
            started: counts.started,
            success: histogram(counts.success),
            failure: histogram(counts.failure),
            errors: counts.errors,
            in_flight: counts.started.saturating_sub(finished),
            duration,
            values: self.read_values(method, points),
            waiting: method.waiting(),
            items: method.items(),
            exemplars: method.exemplars(),
        }
    }

    fn read_values(&self, method: &'static MethodCore, points: &Points) -> Vec<CallValueSnapshot> {
        let names = method.known_values().into_iter().flat_map(Interner::iter);
        let mut values: Vec<(u32, CallValueSnapshot)> = names
            .map(|node| {
                let bounds = match node.item.kind {
                    ValueKind::Time => Some(&self.time_bounds),
                    ValueKind::Size => Some(&self.size_bounds),
                    ValueKind::Plain => None,
                };
                let mut histogram = bounds.map(Histogram::empty);
                let cells = method.shards().filter_map(Shard::known_values);
                for cells in cells.filter_map(|values| values.cells(node.index)) {
                    if let Some(total) = &mut histogram {
                        cells.add_to(total);
                    }
                }
                let value = CallValueSnapshot {
                    key: Arc::clone(&node.item.key),
                    histogram,
                    means: points.value(node.index),
                };
                (node.index, value)
            })
            .collect();
        // By first use, so that of two names that collide the first keeps the family.
        values.sort_unstable_by_key(|(index, _)| *index);
        values.into_iter().map(|(_, value)| value).collect()
    }
}

fn ages(method: &MethodCore, now: u64) -> Ages {
    let starts = method.shards().flat_map(Shard::starts);
    starts.fold(Ages::default(), |ages, start| {
        let age = now.saturating_sub(start);
        Ages {
            sum: ages.sum + to_f64(age),
            max: ages.max.max(age),
        }
    })
}

fn threads(rules: &Rules) -> u64 {
    let workers = rules.config.hpa_max_workers;
    workers.unwrap_or(rules.config.max_workers) as u64
}

/// The error types as the rules in force order them, then those of earlier configurations that were ever counted;
/// brings each method's counts into the same order.
fn order_types(
    rules: &Rules,
    types: &[Arc<str>],
    methods: &mut [MethodSnapshot],
) -> Arc<[Arc<str>]> {
    let mut order: Vec<usize> = rules.indices.iter().map(|index| *index as usize).collect();
    for index in 0..types.len() {
        let counted = || methods.iter().any(|method| errors_of(method, index) > 0);
        if !order.contains(&index) && counted() {
            order.push(index);
        }
    }
    for method in methods {
        method.errors = order
            .iter()
            .map(|index| errors_of(method, *index))
            .collect();
    }
    order
        .iter()
        .map(|index| Arc::clone(&types[*index]))
        .collect()
}

fn errors_of(method: &MethodSnapshot, index: usize) -> u64 {
    method.errors.get(index).copied().unwrap_or_default()
}
