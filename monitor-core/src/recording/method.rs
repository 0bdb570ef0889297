//! One method with one label set in one storage: its name, its shards and what its calls observe.

use std::sync::Arc;

use crate::base::interner::Node;
use crate::base::sync::{AtomicU64, Mutex, Once, Ordering, leak, lock};
use crate::data::family::Label;
use crate::data::key::StatKey;
use crate::errors::Outcome;
use crate::recording::common::Common;
use crate::recording::exemplar::{Ended, ExemplarProvider, Exemplars, KEPT_SECONDS, KeptExemplar};
use crate::recording::method_name::{MethodName, Origin};
use crate::recording::shard::{Failure, Shard, Span};
use crate::recording::store::StorageCore;
use crate::recording::values::{ValueName, ValueNames, value_name};

/// One method with one label set in one storage.
#[derive(Debug)]
pub(crate) struct MethodCore {
    pub(crate) storage: &'static StorageCore,
    pub(crate) name: Arc<str>,
    /// Beside `method`, sorted by name.
    pub(crate) labels: Arc<[Label]>,
    /// Its number in the process, plus 1.
    pub(crate) id: u32,
    /// Where its label set comes from.
    pub(crate) origin: Origin,
    /// What it shares with the method's other label sets.
    pub(crate) common: &'static Common,
    /// The method's next label set.
    pub(crate) next: Once<&'static MethodCore>,
    /// Calls that wait for a permit.
    pub(crate) waiting: AtomicU64,
    pub(crate) items: StreamItems,
    exemplars: Once<&'static Exemplars>,
    first: Once<&'static Shard>,
    /// The shard of calls no thread's table can take: where thread-locals are gone, and where a call ends outside
    /// the scope it started in. Whoever holds the lock is its single writer, so it keeps the promises of any shard.
    fallback: Once<&'static Shard>,
    fallback_writer: Mutex<()>,
    values: Once<&'static ValueNames>,
    /// Observations past a limit: of names, or of values a call keeps.
    pub(crate) dropped_values: AtomicU64,
    /// What snapshots saw of its calls.
    pub(crate) idle_since: IdleSince,
}

/// Items that the streams of a method gave.
// Shared by all threads that poll such streams: an item is worth more than a call's few nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct StreamItems {
    pub(crate) ok: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// When a snapshot first saw the calls of a label set as they are.
// Relaxed: of two snapshots at once either may be the first.
#[derive(Debug)]
pub(crate) struct IdleSince {
    /// Calls begun and calls ended, plus 1; 0 before the first snapshot.
    calls: AtomicU64,
    /// Ticks.
    since: AtomicU64,
}

impl IdleSince {
    pub(crate) fn new() -> Self {
        Self {
            calls: AtomicU64::new(0),
            since: AtomicU64::new(0),
        }
    }

    /// Notes how many calls there are `now`; for how many ticks that did not change.
    pub(crate) fn unchanged_for(&self, calls: u64, now: u64) -> u64 {
        if self.calls.swap(calls + 1, Ordering::Relaxed) != calls + 1 {
            self.since.store(now, Ordering::Relaxed);
        }
        now.saturating_sub(self.since.load(Ordering::Relaxed))
    }
}

impl MethodCore {
    /// Makes it and lists it with the method's other label sets.
    pub(crate) fn new(
        storage: &'static StorageCore,
        name: &MethodName,
        common: &'static Common,
    ) -> &'static Self {
        let method: &'static Self = leak(Self {
            storage,
            name: Arc::clone(&common.name),
            labels: Arc::clone(&name.labels),
            id: name.id,
            origin: name.origin,
            common,
            next: Once::new(),
            waiting: AtomicU64::new(0),
            items: StreamItems::default(),
            exemplars: Once::new(),
            first: Once::new(),
            fallback: Once::new(),
            fallback_writer: Mutex::new(()),
            values: Once::new(),
            dropped_values: AtomicU64::new(0),
            idle_since: IdleSince::new(),
        });
        common.add(method);
        method
    }

    /// Makes a shard and puts it at the end of the list; nobody waits, readers may walk the list meanwhile.
    pub(crate) fn add_shard(&'static self) -> &'static Shard {
        let shard: &'static Shard = leak(Shard::new(self));
        let mut link = &self.first;
        while let Err(there) = link.set(shard) {
            link = &there.next;
        }
        shard
    }

    /// All shards so far.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &'static Shard> + '_ {
        std::iter::successors(self.first.get(), |shard| shard.next.get())
    }

    /// Runs with the fallback shard, as its single writer.
    pub(crate) fn with_fallback<R>(&'static self, write: impl FnOnce(&'static Shard) -> R) -> R {
        let _writer = lock(&self.fallback_writer);
        write(self.fallback.get_or_init(|| self.add_shard()))
    }

    /// Loads what a snapshot needs of it: see [`MethodList`](crate::recording::method_list::MethodList).
    pub(crate) fn touch(&self) -> u64 {
        let counted = Arc::strong_count(&self.name) ^ Arc::strong_count(&self.labels);
        self.waiting.load(Ordering::Relaxed) ^ u64::try_from(counted).unwrap_or_default()
    }

    /// The same for what it shares.
    pub(crate) fn touch_common(&self) -> u64 {
        let bounds = u64::try_from(self.common.bounds.len()).unwrap_or_default();
        self.common.own.touch() ^ bounds
    }

    /// The values calls observed so far.
    pub(crate) fn known_values(&self) -> Option<&'static ValueNames> {
        self.values.get()
    }

    /// The value of this name. Past the limit of names a value goes to the child labelled `overflow` of its family, if
    /// there is one or room for one more; else it is dropped.
    pub(crate) fn value(&self, name: &str) -> Option<&'static Node<ValueName>> {
        let names = self.values.get_or_init(|| leak(ValueNames::new()));
        if let Some(node) = names.get(name) {
            return Some(node);
        }
        let limit = self.storage.max_series();
        if names.len() < limit {
            return Some(names.get_or_add(name, |_| value_name(name)));
        }
        self.drop_value();
        let overflow = StatKey::write(value_name(name).key.name(), &[("overflow", "true")]);
        if names.len() < limit.saturating_mul(2) {
            return Some(names.get_or_add(&overflow, |_| value_name(&overflow)));
        }
        names.get(&overflow)
    }

    /// Counts an observation that its own series does not have.
    pub(crate) fn drop_value(&self) {
        self.dropped_values.fetch_add(1, Ordering::Relaxed);
    }

    /// The type and the status of an outcome that is no success.
    pub(crate) fn classify(&self, outcome: Outcome<'_>) -> Failure {
        self.storage.classify(outcome, self.common.expected)
    }

    /// Keeps an exemplar of a call that has just ended, if the storage has a provider.
    pub(crate) fn note_exemplar(&self, span: Span, failed: bool) {
        if let Some(provider) = self.storage.exemplar_provider() {
            self.ask_for_exemplar(provider, span, failed);
        }
    }

    #[cold]
    fn ask_for_exemplar(&self, provider: &dyn ExemplarProvider, span: Span, failed: bool) {
        let exemplars = self.exemplars.get_or_init(|| leak(Exemplars::new()));
        let clock = &self.storage.clock;
        let ended = Ended {
            bucket: self.common.ticks.exact_bucket(span.ticks()),
            seconds: clock.seconds(span.ticks()),
            at: clock.unix_at(span.end),
            failed,
        };
        let times = (span.end, clock.ticks(KEPT_SECONDS));
        if !exemplars.note(provider, times, &ended) {
            self.storage.drop_exemplar();
        }
    }

    /// The exemplars kept, by bucket.
    pub(crate) fn exemplars(&self) -> Vec<KeptExemplar> {
        self.exemplars
            .get()
            .map(Exemplars::kept)
            .unwrap_or_default()
    }

    /// Calls that wait for a permit; `None` where calls need none.
    pub(crate) fn waiting(&self) -> Option<u64> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        (self.common.limited || waiting > 0).then_some(waiting)
    }

    /// Items of its streams; `None` where calls are no streams.
    pub(crate) fn items(&self) -> Option<crate::data::snapshot::StreamItems> {
        let items = crate::data::snapshot::StreamItems {
            ok: self.items.ok.load(Ordering::Relaxed),
            failed: self.items.failed.load(Ordering::Relaxed),
        };
        (self.common.streaming || items.ok + items.failed > 0).then_some(items)
    }

    /// Calls in flight: the finished side of all shards first, then the started side (see [`Shard`]).
    pub(crate) fn in_flight(&self) -> u64 {
        let finished: u64 = self.shards().map(Shard::finished).sum();
        let started: u64 = self.shards().map(Shard::started).sum();
        started.saturating_sub(finished)
    }
}
