//! A page in one pass: which family shows what of a snapshot.
//!
//! First everything made at run time is placed ([`place`]): registered metrics, which claim their names before keys do,
//! then the configuration's keys, those of calls' values and the user's. Families stand on a page in the registry's
//! order, and keys come in the snapshot's, so their children are gathered by family. Then all families are shown
//! ([`show`]): what is built in straight from the snapshot, the others from these children. Profiles differ in the
//! families they have, and in their names.

use std::sync::Arc;

use crate::data::catalog::Id;
use crate::data::family::ValueView::{Float, Int};
use crate::data::family::{Histogram, HistogramView, Labels, ValueView, Visitor};
use crate::data::key::StatKey;
use crate::data::snapshot::{ClockSource, MethodSnapshot, Snapshot};
use crate::data::status::DEFAULT_TASK;
use crate::export::key_names::{ExportKind, KeyExport, NameRegistry, each_key};
use crate::export::label_cache::{MethodLabels, label};
use crate::recording::site::IS_OFF;

/// The children of registered metrics and of keys, by their family's index in the registry.
#[derive(Debug, Default)]
pub(super) struct FamilyChildren<'a>(Vec<Vec<(Labels, ValueView<'a>)>>);

impl<'a> FamilyChildren<'a> {
    fn push(&mut self, family: usize, labels: Labels, value: ValueView<'a>) {
        if self.0.len() <= family {
            self.0.resize_with(family + 1, Vec::new);
        }
        self.0[family].push((labels, value));
    }

    fn of(&self, family: usize) -> &[(Labels, ValueView<'a>)] {
        self.0.get(family).map_or(&[], Vec::as_slice)
    }
}

/// Finds a place for everything in a snapshot that was made at run time.
pub(super) fn place<'a>(snapshot: &'a Snapshot, registry: &mut NameRegistry) -> FamilyChildren<'a> {
    registry.update(snapshot);
    let mut children = FamilyChildren::default();
    for metric in &snapshot.values.metrics {
        let family = registry.registered(metric);
        for child in &metric.children {
            // None is a summary or has a time of its own.
            if let Some(value) = child.value.view() {
                let labels = registry.label_cache.complete_rendered(&child.labels);
                children.push(family, labels, value);
            }
        }
    }
    for info in &snapshot.service_info {
        // `service_threads` is the configured number of workers, whatever the section says, as in the original.
        if &*info.name != "service_threads" {
            let export = KeyExport {
                kind: ExportKind::Info,
                key: &Arc::new(StatKey::from_parts(&info.name, &info.name, [])),
                method: None,
            };
            let place = registry.place(export, Some(&info.info));
            children.push(place.family, place.labels, Float(info.value));
        }
    }
    each_key(snapshot, |export, value| {
        if let Some(value) = value {
            let place = registry.place(export, None);
            children.push(place.family, place.labels, value);
        }
    });
    children
}

/// Shows the families of a snapshot to a visitor, after what was placed of it.
pub(super) fn show(
    snapshot: &Snapshot,
    registry: &NameRegistry,
    children: &FamilyChildren<'_>,
    visitor: &mut impl Visitor,
) {
    let built_ins = BuiltIns {
        snapshot,
        registry,
        children,
    };
    for (at, entry) in registry.entries().iter().enumerate() {
        let children = children.of(at);
        if let Some(spec) = registry.built_in(at) {
            visitor.family(&entry.family);
            built_ins.show(spec.id, visitor);
        } else if !children.is_empty() {
            visitor.family(&entry.family);
            for (labels, value) in children {
                visitor.child(labels, *value);
            }
        }
    }
}

/// What the families are made of that are there whatever is recorded.
struct BuiltIns<'a> {
    snapshot: &'a Snapshot,
    registry: &'a NameRegistry,
    children: &'a FamilyChildren<'a>,
}

impl BuiltIns<'_> {
    fn show(&self, id: Id, out: &mut impl Visitor) {
        let cache = &self.registry.label_cache;
        match id {
            Id::Request | Id::InFlightOf | Id::Waiting | Id::Processed | Id::Items | Id::Errors => {
                self.methods(|method, labels| of_method(id, method, labels, out));
            }
            Id::TimeFullMean | Id::TimeFullLast => {
                self.methods(|method, labels| of_method(id, method, labels, out));
            }
            Id::TimeFull | Id::Durations => self.durations(id, out),
            Id::ExpectedError => {
                for (method, kind) in &self.snapshot.expected {
                    let labels = [label("method", method), label("type", kind)];
                    out.child(&cache.complete(labels), Int(1));
                }
            }
            Id::TaskStatus => self.statuses(out),
            Id::Series => self.series(out),
            Id::AllCalls => {
                let all = all_calls(self.snapshot);
                out.child(&cache.none, ValueView::Histogram(HistogramView::of(&all)));
            }
            _ => {
                if let Some(value) = self.single(id) {
                    out.child(&cache.none, value);
                }
            }
        }
    }

    /// The value of a family without labels.
    fn single(&self, id: Id) -> Option<ValueView<'static>> {
        let Snapshot {
            tasks,
            values,
            service_threads: threads,
            ..
        } = self.snapshot;
        Some(match id {
            Id::Started => Int(tasks.started),
            Id::Completed => Int(tasks.completed),
            Id::InFlight => Int(tasks.in_flight),
            Id::CurrentSeconds => Float(tasks.current_seconds),
            Id::CurrentMax => Float(tasks.current_max_seconds),
            Id::CompletedSeconds => Float(tasks.completed_seconds),
            Id::BusySeconds => Float(tasks.busy_seconds),
            Id::BusyNormalised if *threads > 0.0 => Float(tasks.busy_seconds / threads),
            Id::BusyNormalised => Float(0.0),
            Id::ServiceThreads => Float(*threads),
            Id::ProcessStart => Float(self.snapshot.started_at),
            Id::Overflowed => Int(values.overflowed_updates),
            Id::Refused => Int(values.refused_observations),
            Id::DroppedLabels => Int(self.registry.dropped_labels),
            Id::DroppedExemplars => Int(self.snapshot.dropped_exemplars),
            Id::ClockFallback if self.snapshot.clock == ClockSource::OperatingSystem => Int(1),
            Id::InstrumentationOff if IS_OFF => Int(1),
            _ => return None,
        })
    }

    fn methods(&self, mut show: impl FnMut(&MethodSnapshot, &MethodLabels)) {
        for method in self.snapshot.methods_on_page() {
            if let Some(labels) = self.registry.label_cache.method(method) {
                show(method, labels);
            }
        }
    }

    fn durations(&self, id: Id, out: &mut impl Visitor) {
        let cache = &self.registry.label_cache;
        let mut next = self.snapshot.methods_on_page().skip(1);
        let mut fetched = 0;
        self.methods(|method, labels| {
            // A histogram's lines take so long that a processor does not look behind them by itself.
            let ahead = next.next().and_then(|next| cache.method(next));
            fetched ^= ahead.map_or(0, MethodLabels::prefetch);
            let of = |one, other, only_failed| {
                ValueView::Histogram(HistogramView {
                    one,
                    other,
                    exemplars: &method.exemplars,
                    only_failed,
                })
            };
            let (failure, success) = (&method.failure, &method.success);
            if let Id::TimeFull = id {
                out.child(&labels.plain, of(success, Some(failure), None));
            } else {
                out.child(&labels.failure, of(failure, None, Some(true)));
                out.child(&labels.success, of(success, None, Some(false)));
            }
        });
        std::hint::black_box(fetched);
    }

    fn statuses(&self, out: &mut impl Visitor) {
        let Snapshot {
            statuses,
            method_statuses,
            ..
        } = self.snapshot;
        let cache = &self.registry.label_cache;
        let is_task_type = |task: &str| statuses.iter().any(|status| &*status.task == task);
        if !is_task_type(DEFAULT_TASK) {
            out.child(&cache.default_ok, Int(0));
        }
        let all = statuses.iter().chain(method_statuses).zip(cache.statuses());
        for (at, (status, labels)) in all.enumerate() {
            // A method may have the name of a task type: the task type goes first, a task has one status.
            let is_method = at >= statuses.len();
            if !is_method || !is_task_type(&status.task) && &*status.task != DEFAULT_TASK {
                out.child(labels, Int(status.run));
            }
        }
    }

    /// How many series of each family were made at run time: those of keys and registered metrics with labels, and of
    /// calls whose labels are text.
    fn series(&self, out: &mut impl Visitor) {
        let cache = &self.registry.label_cache;
        let open = self
            .snapshot
            .methods_on_page()
            .filter(|method| method.is_open);
        let open = open.count();
        for (at, entry) in self.registry.entries().iter().enumerate() {
            let series = match self.registry.built_in(at) {
                Some(spec) if spec.id == Id::Request => open,
                Some(_) => 0,
                None => {
                    let children = self.children.of(at).iter();
                    let labelled = children.filter(|(labels, _)| labels.len() > cache.none.len());
                    labelled.count()
                }
            };
            if series > 0 {
                let family = label("family", &Arc::from(&*entry.family.name));
                out.child(&cache.complete([family]), Int(series as u64));
            }
        }
    }
}

/// Shows a method's child, or children, of a family of numbers, if it has any.
fn of_method(id: Id, method: &MethodSnapshot, labels: &MethodLabels, out: &mut impl Visitor) {
    let mut by_outcome = |failed, ok| {
        out.child(&labels.failure, Int(failed));
        out.child(&labels.success, Int(ok));
    };
    let mean = method.duration;
    let plain = match id {
        Id::Processed => {
            by_outcome(method.failure.count(), method.success.count());
            None
        }
        Id::Items => {
            if let Some(items) = method.items {
                by_outcome(items.failed, items.ok);
            }
            None
        }
        Id::Errors => {
            for (at, labels) in labels.types.iter().enumerate() {
                let count = method.errors.get(at).copied().unwrap_or(0);
                out.child(labels, Int(count));
            }
            None
        }
        Id::Request => Some(Int(method.started)),
        Id::InFlightOf => Some(Int(method.in_flight)),
        Id::Waiting => method.waiting.map(Int),
        Id::TimeFullMean => mean.and_then(|mean| mean.window).map(Float),
        Id::TimeFullLast => mean.and_then(|mean| mean.last).map(Float),
        _ => None,
    };
    if let Some(value) = plain {
        out.child(&labels.plain, value);
    }
}

/// The durations of all calls, over the common bounds.
fn all_calls(snapshot: &Snapshot) -> Histogram {
    let mut all = Histogram::empty(&snapshot.time_bounds);
    for method in &snapshot.methods {
        add_into(&mut all, &method.success);
        add_into(&mut all, &method.failure);
    }
    all
}

/// Adds a histogram whose bounds are at least those of `all`: bounds of a method's own keep the common ones.
fn add_into(all: &mut Histogram, one: &Histogram) {
    if Arc::ptr_eq(&all.bounds, &one.bounds) || all.bounds == one.bounds {
        all.merge(one);
        return;
    }
    for (at, count) in one.counts.iter().enumerate() {
        let bucket = match one.bounds.get(at) {
            Some(upper) => all.bounds.partition_point(|bound| bound < upper),
            None => all.bounds.len(),
        };
        all.counts[bucket] += count;
    }
    all.sum += one.sum;
}
