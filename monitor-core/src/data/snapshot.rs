//! The state that a scrape sees: plain owned data, no atomics. Everything downstream is a pure function of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::data::buckets::{Buckets, HistogramKind};
use crate::data::catalog::Namespace;
use crate::data::family::{Child, FamilyType, Histogram, Label};
use crate::data::key::StatKey;
use crate::data::labels::{ConstLabels, KeptExemplar};
use crate::data::status::TaskStatus;
use crate::data::value::StatValue;

/// The state of a storage at one moment.
///
/// # Consistency
///
/// Taken beside running calls. At any moment, for each method and in all (but see [`TaskTotals::in_flight`] for tasks
/// of the section `tasks`): `started = completed + in flight`, `completed = success + failure = count of the duration
/// histogram`, `failure = sum of the errors by type`; no counter is ever lower than in an earlier snapshot.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken, seconds since 1970.
    pub taken_at: f64,
    /// When the storage came to be, seconds since 1970.
    pub created_at: f64,
    /// When the process started, seconds since 1970; where that is not known, and on a manual clock, when the storage
    /// came to be.
    pub started_at: f64,
    /// The source of the ticks that durations are measured with.
    pub clock: ClockSource,
    /// [`created_at`](Self::created_at) as text, as the original's label `inittime` has it; `None` unless
    /// `inittime_label` is on.
    pub inittime: Option<Arc<str>>,
    /// Configured workers, the gauge `service_threads`; at least 0.
    pub service_threads: f64,
    /// Gauges from the configuration's `service info`.
    pub service_info: Vec<ServiceInfo>,
    /// Tasks over all methods, those of `add_key_value("tasks", ..)` included. Of the calls, the entry calls or all, as
    /// [`StorageConfig::totals`](crate::StorageConfig::totals) has it.
    pub tasks: TaskTotals,
    /// Error types in the order of their indices; a closed set.
    pub error_types: Arc<[Arc<str>]>,
    /// Upper bounds, in seconds, of the cells that durations are counted in, but for methods with bounds of their own
    /// and those called before `buckets` were configured: finer than the buckets of a page.
    pub time_bounds: Arc<[f64]>,
    /// The upper bounds that a page shows of durations and other times, from the configuration.
    pub buckets: Option<Buckets>,
    /// The upper bounds that a page shows of sizes, from the configuration.
    pub size_buckets: Option<Buckets>,
    /// All known methods, by name.
    pub methods: Vec<MethodSnapshot>,
    /// Error types that are failures of a method but no illness, method and type: those in the attribute's `expected(..)`,
    /// and those of which no failure of the method set a status. Sorted, each once.
    pub expected: Vec<(Arc<str>, Arc<str>)>,
    /// The task types the original has, by name: `default`, those set through the API, and those that attributes name
    /// (`task = ".."`); only those ever set.
    pub statuses: Vec<StatusSnapshot>,
    /// The methods' own task types; only those ever set.
    pub method_statuses: Vec<StatusSnapshot>,
    /// Numbers that user code recorded by key.
    pub values: ValuesSnapshot,
    /// Sums over all samples of self time; `None` before the first [`Sampler`](crate::Sampler) began.
    pub self_time: Option<SelfTime>,
    /// Exemplars that were not kept because no page can hold them: too long, or with a label that readers fail on.
    pub dropped_exemplars: u64,
    /// How often a snapshot could not read the counts of a thread beside its calls in 32 tries, and asked it for a copy.
    pub copied_reads: u64,
    /// The most pairs of a caller and a method that have series on a page, from the configuration; 0 is none.
    pub shown_caller_pairs: usize,
    /// Labels that every series has, from the configuration. A label of the same name of a call, a key or a registered
    /// metric is written with `label_` before it.
    pub const_labels: ConstLabels,
    /// The first part of the names of the service's families, from the configuration.
    pub namespace: Namespace,
}

impl Snapshot {
    /// The methods with their label sets, but for those that left the page.
    pub(crate) fn methods_on_page(&self) -> impl Iterator<Item = &MethodSnapshot> {
        self.methods.iter().filter(|method| !method.is_hidden)
    }
}

/// Where a [`Clock`](crate::Clock) takes its ticks from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClockSource {
    /// The processor's tick counter.
    TickCounter,
    /// The monotonic clock of the operating system.
    OperatingSystem,
    /// The hand of a [`ManualClock`](crate::ManualClock).
    Manual,
}

/// A gauge of the configuration's `service info`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceInfo {
    /// The family name.
    pub name: Arc<str>,
    /// Its help text.
    pub info: Arc<str>,
    /// Its value.
    pub value: f64,
}

/// Tasks over all methods.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TaskTotals {
    /// Tasks begun.
    pub started: u64,
    /// Tasks ended.
    pub completed: u64,
    /// Tasks in flight: `started - completed`, unless an id of the section `tasks` was replaced while it ran.
    pub in_flight: u64,
    /// Ages of the tasks in flight added up, seconds.
    pub current_seconds: f64,
    /// The largest age, seconds; 0 without tasks.
    pub current_max_seconds: f64,
    /// Time spent on completed tasks, seconds.
    pub completed_seconds: f64,
    /// Time spent on completed and current tasks, seconds; never lower than in an earlier snapshot.
    pub busy_seconds: f64,
}

/// One method.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MethodSnapshot {
    /// The number of the method and its label set in the process: caches that outlive a scrape are looked up by it.
    pub(crate) number: u32,
    /// Whether its label set was made at run time, from text.
    pub(crate) is_open: bool,
    /// Whether it is not on the page, because it had no call for long; it is part of all totals.
    pub(crate) is_hidden: bool,
    /// The value of the label `method`.
    pub name: Arc<str>,
    /// The labels beside it, sorted by name; a method has an entry for each label set.
    pub labels: Arc<[Label]>,
    /// Calls begun.
    pub started: u64,
    /// The same by caller: entry calls first, then the calling methods by name. The sum is `started`.
    pub callers: Vec<CallerSnapshot>,
    /// The method's own bounds, beside the common ones.
    pub(crate) own_bounds: &'static [f64],
    /// Durations of calls that succeeded, seconds, in cells, which are finer than the buckets of a page; their count is
    /// the number of successes.
    pub success: Histogram,
    /// Durations of calls that failed.
    pub failure: Histogram,
    /// Failures by error type, parallel to [`Snapshot::error_types`].
    pub errors: Vec<u64>,
    /// Calls in flight.
    pub in_flight: u64,
    /// Entry calls in flight.
    pub entries_in_flight: u64,
    /// Means of the duration in seconds over the last 100 and the last 5 calls; `None` before the first call ended.
    pub duration: Option<Means>,
    /// Time in which the method's own code ran on a thread, without that of the calls it made, in seconds, from samples;
    /// `None` before the first [`Sampler`](crate::Sampler) began.
    pub self_seconds: Option<f64>,
    /// Values that calls observed: sizes, deadlines, values; each from its first observation.
    pub values: Vec<CallValueSnapshot>,
    /// Calls in flight that wait for a permit; `None` where calls need none.
    pub waiting: Option<u64>,
    /// Items its streams gave; `None` where its calls are no streams.
    pub items: Option<StreamItems>,
    /// Exemplars of the durations, by bucket; none without a provider.
    pub exemplars: Vec<KeptExemplar>,
}

/// The calls of one method that were made from one other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerSnapshot {
    /// The method that made the calls, over all its label sets. `None`: no monitored call made them; they are entry
    /// calls.
    pub caller: Option<Arc<str>>,
    /// Calls begun. 0 where `failures` alone are this caller's.
    pub calls: u64,
    /// Calls that failed while this caller was theirs. That is the caller which made them, but for a future that one
    /// call began and handed to another: it fails under the caller within which it ran last, which may have begun none.
    ///
    /// The sum over all callers is the number of the method's failures; while calls end, some may be missing here.
    pub failures: u64,
}

/// Self time by stack of methods, and the cost of finding it: the sums of all samples of a storage.
///
/// The time of a method alone is [`MethodSnapshot::self_seconds`]. Its definition, and how exact it is, stand at
/// [`Sampler`](crate::Sampler).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelfTime {
    /// Samples taken.
    pub samples: u64,
    /// How late they were taken, added up, seconds: the time that the sampler waited for a CPU.
    pub late_seconds: f64,
    /// How long it took to take them, added up, seconds.
    pub busy_seconds: f64,
    /// Time by stack, in the order in which stacks were seen first. Past 1,000 of them the time of all further ones
    /// stands last, under the one name `overflow`.
    pub stacks: Vec<StackTime>,
}

/// The time in which calls of one method, made from these methods, were current.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StackTime {
    /// The method last, before it the one that called it, and so on to an entry call; at most 32. Label sets of a method
    /// count as one. Callers that had ended, and those above them, are missing.
    pub methods: Arc<[Arc<str>]>,
    /// Seconds.
    pub seconds: f64,
}

/// Why calls of one method fail: the text of their error.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LastError {
    /// The method, over all its label sets.
    pub method: Arc<str>,
    /// The task type that the method's failures count for, beside `default`, or `default` itself; `None` where they count
    /// for none.
    pub task: Option<Arc<str>>,
    /// The error type.
    pub error_type: Arc<str>,
    /// The error's Display and those of its sources, divided by `: `, in one line; without a Display, the identifier its
    /// Debug begins with. At most 512 bytes, the rest is cut.
    pub text: String,
    /// The Displays of its sources alone, the nearest first: the end of the text. Empty where it has none, or they are not known
    /// one by one, as of a report that writes its causes itself.
    pub causes: Vec<String>,
    /// When a call first failed with this text, seconds since 1970; since the text was last forgotten.
    pub first: f64,
    /// When a call last did, seconds since 1970.
    pub last: f64,
    /// How many calls did between the two. Of a method whose calls fail more than 1,000 times a second, with types that
    /// share one of its 16 rates (by the number of the type), not all texts are read, and of those that end on several
    /// threads at one moment, one is: then there were more.
    pub count: u64,
}

impl LastError {
    /// The error's own Display: its [text](Self::text) without its causes.
    pub fn own_text(&self) -> &str {
        let causes: usize = self
            .causes
            .iter()
            .map(|cause| cause.len() + ": ".len())
            .sum();
        let end = self.text.len().saturating_sub(causes);
        self.text.get(..end).unwrap_or(&self.text)
    }
}

/// One of the last calls of a method.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LastCall {
    /// The labels beside the method.
    pub labels: Arc<[Label]>,
    /// When it ended, seconds since 1970, to some 0.4 ms (2^20 ticks of the clock).
    pub ended: f64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Its error type; `None` if it succeeded.
    pub error_type: Option<Arc<str>>,
}

/// Items that streams gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamItems {
    /// Items that are no `Err`.
    pub ok: u64,
    /// Items that are an `Err`.
    pub failed: u64,
}

/// Rolling means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Means {
    /// Over the method's last 100 calls: those of them that have the value; `None` if none has.
    pub window: Option<f64>,
    /// Over the last 5 calls: those of them that have the value.
    pub last: Option<f64>,
}

/// A value that calls of one method observed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallValueSnapshot {
    /// Name and labels, without `method`.
    pub key: Arc<StatKey>,
    /// All observations, where the value is a time or a size.
    pub histogram: Option<Histogram>,
    /// Rolling means.
    pub means: Means,
}

/// The status of one task type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSnapshot {
    /// The task type.
    pub task: Arc<str>,
    /// Its status.
    pub status: TaskStatus,
    /// How many times in a row it was set.
    pub run: u64,
    /// How long ago it was last set, or a call that feeds it ended, whichever its outcome; to a millisecond. `None`
    /// where that is not known.
    pub age: Option<Duration>,
}

/// A call in flight, or a task of the section `tasks`: one line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningCall {
    /// How many callers are above it in the tree: 0 for a call at the top.
    pub depth: usize,
    /// The call's method, or the task's id in the section `tasks`.
    pub name: Arc<str>,
    /// The labels beside the method; none for a task of that section.
    pub labels: Arc<[Label]>,
    /// Since when it runs.
    pub age: Duration,
    /// The thread that executes the call's code or a call below it, or is blocked in it: the thread's name, or its id
    /// where it has no name. Where several threads do (by [`Here::run`](crate::Here::run)), the one that the call began
    /// on, if it is among them.
    ///
    /// `None` while an async body is suspended, for a call that was started by hand and is not inside of its `run` or
    /// `within`, and for a task of that section.
    pub thread: Option<Arc<str>>,
    /// Whether it waits for a permit of its method. Permits are given in the order of asking, and calls ask for one as they
    /// start: where `n` calls of a label set wait, those are the youngest `n` that run on no thread and have made no call that
    /// is in flight. Where calls of a limited method are started by hand, and so ask for none, it may be another one.
    pub waits_for_permit: bool,
    /// The method it was made from, or its body last ran within, where it does not stand below a call of that method:
    /// the caller has ended, began after this call (which it polls), or is one too many for the tree. Only at the top.
    pub caller: Option<Arc<str>>,
}

/// Numbers that user code recorded itself: values by key, and registered metrics.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ValuesSnapshot {
    /// Top-level entries that count as numbers, in the order their keys came. (`stats()` has the others too.)
    pub entries: Vec<ValueEntry>,
    /// Histograms fed by `append_stats`, in the order their keys came.
    pub histograms: Vec<ValueHistogram>,
    /// Rolling means over the user's own points in `stats`: key, mean over the list, mean over its last 5.
    pub means: Vec<(Arc<StatKey>, Means)>,
    /// Registered metrics, in the order they were registered.
    pub metrics: Vec<MetricSnapshot>,
    /// Observations that were left out of the histograms: NaN and negative ones, of registered histograms also infinite
    /// ones; and updates that would have lowered a registered counter.
    pub refused_observations: u64,
    /// Updates of label sets their family had no room for.
    pub overflowed_updates: u64,
    /// The most label sets of a family, from the configuration, beside the one of all others; 0 is no limit.
    pub max_series: u64,
    /// How often something was removed by its key.
    pub removals: u64,
}

/// One top-level entry: a key and its value.
#[derive(Debug, Clone)]
pub struct ValueEntry {
    /// Its key, parsed.
    pub key: Arc<StatKey>,
    /// Its value.
    pub value: StatValue,
}

/// A histogram under a key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ValueHistogram {
    /// Its key, parsed.
    pub key: Arc<StatKey>,
    /// Which bounds a page shows.
    pub(crate) kind: HistogramKind,
    /// Its state.
    pub histogram: Histogram,
}

/// A metric registered with `register_counter`, `register_gauge` or `register_histogram`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MetricSnapshot {
    /// The family's name, with its unit and a counter's `_total`. Valid as it is.
    pub name: Arc<str>,
    /// Its help text.
    pub help: Arc<str>,
    /// Counter, gauge or histogram.
    pub kind: FamilyType,
    /// The unit the name ends in, `_total` set aside.
    pub unit: Option<&'static str>,
    /// One child for each label set on the page, in the order they came, the child of all others last; labels are
    /// valid, sorted by name, each name once. One that comes back on the page with its counts keeps its start time.
    pub children: Vec<Child>,
}

/// The answer of `stats()`: the original's flat map.
pub type StatsMap = BTreeMap<String, StatValue>;
