//! A page in one pass: which family shows which part of a snapshot.
//!
//! First everything made at run time is placed ([`PageParts::place`]): registered metrics, which claim their names
//! before keys do, then the configuration's keys, those of calls' values and the user's. Families stand on a page in
//! the registry's order, and keys come in the snapshot's, so their children are sorted by family. Then all families are
//! shown ([`PageParts::show`]): built-in ones straight from the snapshot, the others from these children. Profiles
//! differ in the families they have, and in their names.

use std::sync::Arc;

use crate::data::buckets::{HistogramKind, ShownBuckets};
use crate::data::catalog::Id;
use crate::data::family::ValueView::{Float, Int};
use crate::data::family::{
    Family, Histogram, HistogramView, Labels, NativeBuckets, PlainFamilies, ValueView, Visitor,
};
use crate::data::key::StatKey;
use crate::data::snapshot::{ClockSource, MethodSnapshot, Snapshot};
use crate::data::status::DEFAULT_TASK;
use crate::export::bucket_lines::PageBuckets;
use crate::export::caller_series::{CallCounts, CallerChild};
use crate::export::key_names::{ExportKind, KeyExport, NameRegistry, each_key};
use crate::export::label_cache::{LabelCache, MethodLabels, label};
use crate::recording::site::IS_OFF;

/// The children of registered metrics and of keys, each with its family's index in the registry; sorted by it.
type FamilyChildren<'a> = Vec<KeyChild<'a>>;

/// A child of a family made at run time.
struct KeyChild<'a> {
    family: usize,
    labels: Labels,
    value: ValueView<'a>,
    /// When its counts began at 0: known of what calls observe, which is never removed, and of registered metrics. Keys
    /// may be removed, and come back at 0.
    started: Option<f64>,
}

/// The parts that the families of a page are made of.
pub(super) struct PageParts<'a> {
    snapshot: &'a Snapshot,
    pub(super) registry: &'a NameRegistry,
    cache: &'a LabelCache,
    buckets: &'a PageBuckets,
    children: FamilyChildren<'a>,
    callers: Vec<CallerChild>,
}

impl<'a> PageParts<'a> {
    /// Finds a place for everything in a snapshot that was made at run time.
    pub(super) fn place(
        snapshot: &'a Snapshot,
        buckets: &'a PageBuckets,
        registry: &'a mut NameRegistry,
    ) -> Self {
        registry.update(snapshot);
        let mut children = FamilyChildren::new();
        for metric in &snapshot.values.metrics {
            let family = registry.registered(metric);
            for child in &metric.children {
                // None is a summary or has a time of its own.
                if let Some(value) = child.value.view() {
                    let labels = registry.label_cache.complete_rendered(&child.labels);
                    children.push(KeyChild {
                        family,
                        labels,
                        value,
                        started: child.started,
                    });
                }
            }
        }
        for info in &snapshot.service_info {
            // `service_threads` is the configured number of workers, and a value in the section is ignored, as in the
            // original.
            if &*info.name != "service_threads" {
                let export = KeyExport {
                    kind: ExportKind::Info,
                    key: &Arc::new(StatKey::from_parts(&info.name, &info.name, [])),
                    method: None,
                };
                let (family, labels) = registry.place(export, Some(&info.info));
                children.push(KeyChild {
                    family,
                    labels,
                    value: Float(info.value),
                    started: None,
                });
            }
        }
        each_key(snapshot, Some(buckets), |export, value| {
            let is_hidden = export.method.is_some_and(|method| method.is_hidden);
            if let Some(value) = value.filter(|_| !is_hidden) {
                let (family, labels) = registry.place(export, None);
                children.push(KeyChild {
                    family,
                    labels,
                    value,
                    started: export.method.map(|_| snapshot.created_at),
                });
            }
        });
        // Stable: children stay in the order they were placed in.
        children.sort_by_key(|child| child.family);
        let callers = registry.caller_children(snapshot);
        Self {
            snapshot,
            registry,
            cache: &registry.label_cache,
            buckets,
            children,
            callers,
        }
    }

    /// Shows all families to a visitor.
    pub(super) fn show(&self, visitor: &mut impl Visitor) {
        let mut rest = &self.children[..];
        for (at, entry) in self.registry.entries.iter().enumerate() {
            let own = rest.partition_point(|child| child.family == at);
            if let Some(spec) = self.registry.built_in(at) {
                visitor.family(&entry.family);
                visitor.started(Some(self.snapshot.created_at));
                self.show_built_in(spec.id, visitor);
            } else if own > 0 {
                visitor.family(&entry.family);
                for child in &rest[..own] {
                    visitor.started(child.started);
                    visitor.child(&child.labels, child.value);
                }
                rest = &rest[own..];
            }
        }
    }

    fn show_built_in(&self, id: Id, out: &mut impl Visitor) {
        let none = &self.cache.none;
        match id {
            Id::TaskStatus => self.statuses(out),
            Id::Series => self.series(out),
            Id::ExpectedError => {
                for (method, kind) in &self.snapshot.expected {
                    let labels = [label("method", method), label("type", kind)];
                    out.child(&self.cache.complete(&labels), Int(1));
                }
            }
            Id::CallsByCaller => self.by_caller(|counts| counts.calls, out),
            Id::FailuresByCaller => self.by_caller(|counts| counts.failures, out),
            Id::AllCalls => {
                let all = self.all_calls();
                out.child(none, ValueView::from(&all));
            }
            Id::ClockFallback if self.snapshot.clock != ClockSource::OperatingSystem => {}
            Id::InstrumentationOff if !IS_OFF => {}
            Id::SelfSeconds | Id::Samples | Id::SamplerLate | Id::SamplerBusy
                if self.snapshot.self_time.is_none() => {}
            _ => match self.single(id) {
                Some(value) => out.child(none, value),
                None => self.methods(id, out),
            },
        }
    }

    /// The value of a family without labels.
    fn single(&self, id: Id) -> Option<ValueView<'static>> {
        let (tasks, values) = (&self.snapshot.tasks, &self.snapshot.values);
        let threads = self.snapshot.service_threads;
        let sampled = self.snapshot.self_time.as_ref();
        Some(match id {
            Id::Samples => Int(sampled?.samples),
            Id::SamplerLate => Float(sampled?.late_seconds),
            Id::SamplerBusy => Float(sampled?.busy_seconds),
            Id::Started => Int(tasks.started),
            Id::Completed => Int(tasks.completed),
            Id::InFlight => Int(tasks.in_flight),
            Id::CurrentSeconds => Float(tasks.current_seconds),
            Id::CurrentMax => Float(tasks.current_max_seconds),
            Id::CompletedSeconds => Float(tasks.completed_seconds),
            Id::BusySeconds => Float(tasks.busy_seconds),
            Id::BusyNormalised if threads > 0.0 => Float(tasks.busy_seconds / threads),
            Id::BusyNormalised => Float(0.0),
            Id::ServiceThreads => Float(threads),
            Id::ProcessStart => Float(self.snapshot.started_at),
            Id::Overflowed => Int(values.overflowed_updates),
            Id::Refused => Int(values.refused_observations),
            Id::DroppedLabels => Int(self.registry.dropped_labels),
            Id::DroppedExemplars => Int(self.snapshot.dropped_exemplars),
            Id::CopiedReads => Int(self.snapshot.copied_reads),
            Id::ClockFallback | Id::InstrumentationOff => Int(1),
            _ => return None,
        })
    }

    /// A family with children of methods.
    fn methods(&self, id: Id, out: &mut impl Visitor) {
        let is_histogram = matches!(id, Id::TimeFull | Id::Durations);
        let mut next = self.snapshot.methods_on_page().skip(1);
        let mut fetched = 0;
        for method in self.snapshot.methods_on_page() {
            let ahead = next.next().filter(|_| is_histogram);
            // A histogram's lines take so long that a processor does not look behind them by itself.
            if let Some(ahead) = ahead.and_then(|method| self.cache.method(method)) {
                fetched ^= ahead.prefetch();
            }
            if let Some(labels) = self.cache.method(method) {
                let shown = is_histogram.then(|| self.buckets_of(method)).flatten();
                show_method(id, method, labels, shown, out);
            }
        }
        std::hint::black_box(fetched);
    }

    /// The buckets of a method's durations.
    fn buckets_of(&self, method: &MethodSnapshot) -> Option<&ShownBuckets> {
        let cells = &method.success.bounds;
        self.buckets
            .of(HistogramKind::Time, cells, method.own_bounds)
    }

    /// The durations of all calls, over those common bounds that the cells of all methods have.
    fn all_calls(&self) -> Histogram {
        let methods = self.snapshot.methods.iter();
        let common = self
            .buckets
            .of(HistogramKind::Time, &self.snapshot.time_bounds, &[]);
        let mut bounds = common.map_or_else(Arc::default, |shown| Arc::clone(&shown.bounds));
        let sets = methods.clone().filter_map(|method| self.buckets_of(method));
        for shown in sets.filter(|shown| common.is_none_or(|common| !std::ptr::eq(common, *shown)))
        {
            if bounds.iter().any(|bound| !shown.bounds.contains(bound)) {
                let kept = bounds.iter().copied();
                bounds = kept.filter(|bound| shown.bounds.contains(bound)).collect();
            }
        }
        let mut all = Histogram::empty(&bounds);
        let outcomes = || {
            methods
                .clone()
                .flat_map(|method| [&method.success, &method.failure])
        };
        // Those over the same cells are next to each other, mostly all: they are added up before they are shown.
        let mut rest = outcomes().peekable();
        while let Some(first) = rest.next() {
            let mut sum = first.clone();
            let same = |one: &&Histogram| Arc::ptr_eq(&one.bounds, &first.bounds);
            while let Some(one) = rest.next_if(same) {
                sum.add_counts(one);
            }
            let shown = ShownBuckets::new(&sum.bounds, &bounds, &[]);
            let view = HistogramView {
                shown: Some(&shown),
                ..(&sum).into()
            };
            for (all, count) in all.counts.iter_mut().zip(view.counts()) {
                *all += count;
            }
            all.sum += sum.sum;
        }
        all.native = NativeBuckets::sum(outcomes().map(|one| one.native.as_ref()));
        all
    }

    fn by_caller(&self, count: fn(&CallCounts) -> u64, out: &mut impl Visitor) {
        for child in &self.callers {
            out.child(&child.labels, Int(count(&child.counts)));
        }
    }

    fn statuses(&self, out: &mut impl Visitor) {
        let statuses = &self.snapshot.statuses;
        let is_task_type = |task: &str| statuses.iter().any(|status| &*status.task == task);
        if !is_task_type(DEFAULT_TASK) {
            out.child(&self.cache.default_ok, Int(0));
        }
        let all = statuses.iter().chain(&self.snapshot.method_statuses);
        for (at, (status, labels)) in all.zip(self.cache.statuses()).enumerate() {
            // A method may have the name of a task type: the task type goes first, a task has one status.
            let is_method = at >= statuses.len();
            if !is_method || !is_task_type(&status.task) && &*status.task != DEFAULT_TASK {
                out.child(labels, Int(status.run));
            }
        }
    }

    /// How many series of each family were made at run time: those of calls whose labels are text, and those of keys
    /// and registered metrics with labels.
    fn series(&self, out: &mut impl Visitor) {
        let mut show = |family: usize, series: usize| {
            if series > 0 {
                let name = Arc::from(&*self.registry.entries[family].family.name);
                let labels = self.cache.complete(&[label("family", &name)]);
                out.child(&labels, Int(series as u64));
            }
        };
        let mut built_in = (0..).map_while(|at| self.registry.built_in(at));
        if let Some(request) = built_in.position(|spec| spec.id == Id::Request) {
            let methods = self.snapshot.methods_on_page();
            show(request, methods.filter(|method| method.is_open).count());
        }
        for of_family in self
            .children
            .chunk_by(|one, next| one.family == next.family)
        {
            let labelled = of_family
                .iter()
                .filter(|child| child.labels.len() > self.cache.none.len());
            show(of_family[0].family, labelled.count());
        }
    }
}

/// The families of a page as plain data.
pub(super) fn families(page: &PageParts<'_>) -> Vec<Family> {
    let mut plain = PlainFamilies::default();
    page.show(&mut plain);
    let mut families = plain.families;
    families.retain(|family| !family.children.is_empty());
    families
}

/// Shows a method's child, or children, of a family, if it has any.
fn show_method(
    id: Id,
    method: &MethodSnapshot,
    labels: &MethodLabels,
    shown: Option<&ShownBuckets>,
    out: &mut impl Visitor,
) {
    let durations = |one, other, only_failed| {
        ValueView::Histogram(HistogramView {
            one,
            other,
            exemplars: &method.exemplars,
            only_failed,
            shown,
        })
    };
    let mut by_outcome = |failed, ok| {
        out.child(&labels.failure, failed);
        out.child(&labels.success, ok);
        None
    };
    let (failure, success) = (&method.failure, &method.success);
    let means = method.duration;
    let plain = match id {
        Id::Request => Some(Int(method.started)),
        Id::InFlightOf => Some(Int(method.in_flight)),
        Id::Waiting => method.waiting.map(Int),
        Id::SelfSeconds => method.self_seconds.map(Float),
        Id::TimeFullMean => means.and_then(|means| means.window).map(Float),
        Id::TimeFullLast => means.and_then(|means| means.last).map(Float),
        Id::TimeFull => Some(durations(success, Some(failure), None)),
        Id::Durations => by_outcome(
            durations(failure, None, Some(true)),
            durations(success, None, Some(false)),
        ),
        Id::Processed => by_outcome(Int(failure.count()), Int(success.count())),
        Id::Items => {
            let items = method.items;
            items.and_then(|items| by_outcome(Int(items.failed), Int(items.ok)))
        }
        _ => {
            for (at, labels) in labels.types.iter().enumerate() {
                let count = method.errors.get(at).copied().unwrap_or(0);
                out.child(labels, Int(count));
            }
            None
        }
    };
    if let Some(value) = plain {
        out.child(&labels.plain, value);
    }
}
