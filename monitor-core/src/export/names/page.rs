//! A page: which family shows what of a snapshot. Profiles differ in the families they have, and in their names.

use std::sync::Arc;

use super::collide::{Book, Plane};
use super::label_sets::{LabelSets, OfMethod};
use super::parts::{Number, Out, Parts};
use super::registered;
use super::room::{Room, Shape};
use crate::data::catalog::Id;
use crate::data::family::Histogram;
use crate::data::key::StatKey;
use crate::data::snapshot::ClockSource;
use crate::data::snapshot::{MethodSnapshot, Snapshot};
use crate::data::value::StatValue;
use crate::data::visit::{HistogramView, Visitor};
use crate::recording::site::IS_OFF;

/// Shows the families of a snapshot to a visitor.
pub(super) fn visit(snapshot: &Snapshot, book: &mut Book, visitor: &mut impl Visitor) {
    book.begin(snapshot);
    let mut parts = Parts::default();
    place_keys(snapshot, book, &mut parts);
    let page = Page {
        snapshot,
        sets: book.label_sets(),
        all: all_calls(snapshot),
        series: series(snapshot, book, &parts),
        dropped_labels: book.dropped_labels(),
    };
    if !visitor.wants_room() {
        return page.show(book, &parts, visitor);
    }
    let shape = Shape::of(snapshot);
    let room = book.last_page().room(shape).unwrap_or_else(|| {
        let mut room = Room::default();
        page.show(book, &parts, &mut room);
        room.bytes
    });
    visitor.reserve(room);
    page.show(book, &parts, visitor);
    book.note_page(shape, visitor.written());
}

/// Finds a place for every key of a snapshot.
pub(super) fn place(snapshot: &Snapshot, book: &mut Book) {
    book.begin(snapshot);
    place_keys(snapshot, book, &mut Parts::default());
}

/// Finds the places of registered metrics, and of all keys: the configuration's, those of calls' values, the user's.
fn place_keys<'a>(snapshot: &'a Snapshot, book: &mut Book, parts: &mut Parts<'a>) {
    book.forget_absent(snapshot);
    registered::place(snapshot, book, parts);
    for info in &snapshot.service_info {
        // `service_threads` is the configured number of workers, whatever the section says, as in the original.
        if &*info.name != "service_threads" {
            let key = StatKey::from_parts(&info.name, &info.name, []);
            parts.add_info(book, &key, &info.info, info.value);
        }
    }
    for method in snapshot.methods_on_page() {
        for value in &method.values {
            let (key, method) = (&value.key, Some(method));
            if let Some(histogram) = &value.histogram {
                parts.add_histogram(book, key, method, histogram);
            }
            parts.add_means(book, key, method, value.means);
        }
    }
    for entry in &snapshot.values.entries {
        if let Some(value) = exported(&entry.value) {
            parts.add(book, Plane::Value, &entry.key, None, value);
        }
    }
    for value in &snapshot.values.histograms {
        parts.add_histogram(book, &value.key, None, &value.histogram);
    }
    for (key, means) in &snapshot.values.means {
        parts.add_means(book, key, None, *means);
    }
}

/// The families that are there whatever is recorded.
struct Page<'a> {
    snapshot: &'a Snapshot,
    sets: &'a LabelSets,
    /// The durations of all calls.
    all: Histogram,
    /// Series made at run time, by family.
    series: Vec<(Arc<str>, u64)>,
    dropped_labels: u64,
}

impl<'a> Page<'a> {
    fn show(&self, book: &Book, parts: &Parts<'_>, visitor: &mut impl Visitor) {
        for (at, entry) in book.entries().iter().enumerate() {
            let mut out = Out::new(entry, visitor);
            match book.built_in(at) {
                Some(id) => self.built_in(id, &mut out),
                None => parts.show(at, &mut out),
            }
        }
    }

    fn built_in(&self, id: Id, out: &mut Out<'_, impl Visitor>) {
        match id {
            Id::Request | Id::InFlightOf | Id::Processed | Id::Errors => self.counts(id, out),
            Id::TimeFull | Id::Durations => self.durations(id, out),
            Id::TimeFullMean | Id::TimeFullLast => self.means(id, out),
            Id::Waiting | Id::Items | Id::ExpectedError => self.if_any(id, out),
            Id::TaskStatus => self.statuses(out),
            Id::Series => {
                for (family, series) in &self.series {
                    out.int(&self.sets.family(family), *series);
                }
            }
            Id::AllCalls => out.histogram(self.sets.none(), HistogramView::of(&self.all)),
            _ => {
                if let Some(value) = self.single(id) {
                    out.number(self.sets.none(), value);
                }
            }
        }
    }

    /// A family without labels.
    fn single(&self, id: Id) -> Option<Number> {
        let Snapshot {
            tasks,
            service_threads: threads,
            ..
        } = self.snapshot;
        Some(match id {
            Id::Started => Number::Int(tasks.started),
            Id::Completed => Number::Int(tasks.completed),
            Id::InFlight => Number::Int(tasks.in_flight),
            Id::CurrentSeconds => Number::Float(tasks.current_seconds),
            Id::CurrentMax => Number::Float(tasks.current_max_seconds),
            Id::CompletedSeconds => Number::Float(tasks.completed_seconds),
            Id::BusySeconds => Number::Float(tasks.busy_seconds),
            Id::BusyNormalised if *threads > 0.0 => Number::Float(tasks.busy_seconds / threads),
            Id::BusyNormalised => Number::Float(0.0),
            Id::ServiceThreads => Number::Float(*threads),
            Id::ProcessStart => Number::Float(self.snapshot.started_at),
            Id::Overflowed => Number::Int(self.snapshot.values.overflowed_updates),
            Id::Refused => Number::Int(self.snapshot.values.refused_observations),
            Id::DroppedLabels => Number::Int(self.dropped_labels),
            Id::DroppedExemplars => Number::Int(self.snapshot.dropped_exemplars),
            Id::ClockFallback if self.snapshot.clock == ClockSource::OperatingSystem => {
                Number::Int(1)
            }
            Id::InstrumentationOff if IS_OFF => Number::Int(1),
            _ => return None,
        })
    }

    /// The methods, each with its label sets.
    fn methods(&self) -> impl Iterator<Item = (&'a MethodSnapshot, &'a OfMethod)> + use<'a> {
        let sets = self.sets;
        let methods = self.snapshot.methods_on_page();
        methods.filter_map(|method| Some((method, sets.of(method)?)))
    }

    fn counts(&self, id: Id, out: &mut Out<'_, impl Visitor>) {
        for (method, sets) in self.methods() {
            match id {
                Id::Request => out.int(&sets.plain, method.started),
                Id::InFlightOf => out.int(&sets.plain, method.in_flight),
                Id::Processed => {
                    out.int(&sets.failure, method.failure.count());
                    out.int(&sets.success, method.success.count());
                }
                _ => {
                    for (at, labels) in sets.types().enumerate() {
                        out.int(labels, method.errors.get(at).copied().unwrap_or(0));
                    }
                }
            }
        }
    }

    fn durations(&self, id: Id, out: &mut Out<'_, impl Visitor>) {
        let mut next = self.methods().skip(1);
        let mut fetched = 0;
        for (method, sets) in self.methods() {
            // A histogram's lines take so long that a processor does not look behind them by itself.
            fetched ^= next.next().map_or(0, |(_, sets)| sets.touch());
            if let Id::TimeFull = id {
                let durations = HistogramView::of_both(&method.success, &method.failure);
                out.histogram(
                    &sets.plain,
                    durations.with_exemplars(&method.exemplars, None),
                );
                continue;
            }
            for (labels, durations, failed) in [
                (&sets.failure, &method.failure, true),
                (&sets.success, &method.success, false),
            ] {
                let durations = HistogramView::of(durations);
                out.histogram(
                    labels,
                    durations.with_exemplars(&method.exemplars, Some(failed)),
                );
            }
        }
        std::hint::black_box(fetched);
    }

    fn means(&self, id: Id, out: &mut Out<'_, impl Visitor>) {
        for (method, sets) in self.methods() {
            let Some(means) = method.duration else {
                continue;
            };
            let mean = match id {
                Id::TimeFullMean => means.window,
                _ => means.last,
            };
            if let Some(mean) = mean {
                out.float(&sets.plain, mean);
            }
        }
    }

    /// What only some methods have.
    fn if_any(&self, id: Id, out: &mut Out<'_, impl Visitor>) {
        for (method, sets) in self.methods() {
            match (id, method.waiting, method.items) {
                (Id::Waiting, Some(waiting), _) => out.int(&sets.plain, waiting),
                (Id::Items, _, Some(items)) => {
                    out.int(&sets.failure, items.failed);
                    out.int(&sets.success, items.ok);
                }
                _ => {}
            }
        }
        if let Id::ExpectedError = id {
            for (method, error_type) in &self.snapshot.expected {
                out.int(&self.sets.typed(method, error_type), 1);
            }
        }
    }

    fn statuses(&self, out: &mut Out<'_, impl Visitor>) {
        let snapshot = self.snapshot;
        let named = |task: &str| snapshot.statuses.iter().any(|status| &*status.task == task);
        if !named(crate::data::status::DEFAULT_TASK) {
            out.int(self.sets.default_ok(), 0);
        }
        let [own, of_methods] = self.sets.statuses();
        for (status, labels) in snapshot.statuses.iter().zip(own) {
            out.int(labels, status.run);
        }
        // A method may have the name of a task type: the task type goes first, a task has one status.
        for (status, labels) in snapshot.method_statuses.iter().zip(of_methods) {
            if !named(&status.task) && &*status.task != crate::data::status::DEFAULT_TASK {
                out.int(labels, status.run);
            }
        }
    }
}

/// How many series of each family were made at run time: those of keys with labels, and of calls whose labels are text.
fn series(snapshot: &Snapshot, book: &Book, parts: &Parts<'_>) -> Vec<(Arc<str>, u64)> {
    let calls = snapshot.methods_on_page().filter(|method| method.is_open);
    let calls = calls.count() as u64;
    let entries = book.entries().iter().enumerate();
    let counted = entries.filter_map(|(at, entry)| {
        let series = match book.built_in(at) {
            Some(Id::Request) => calls,
            Some(_) => 0,
            None => parts.labelled(at, book.label_sets().none().len()),
        };
        (series > 0).then(|| (Arc::from(&*entry.name), series))
    });
    counted.collect()
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

/// The number the original exports for a value, if it exports it.
fn exported(value: &StatValue) -> Option<Number> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples are floats to every scraper, as in the original"
    )]
    match *value {
        StatValue::Bool(value) => Some(Number::Int(u64::from(value))),
        StatValue::Int(value) => Some(match u64::try_from(value) {
            Ok(value) => Number::Int(value),
            Err(_) => Number::Float(value as f64),
        }),
        StatValue::Float(value) => Some(Number::Float(value)),
        StatValue::Null | StatValue::Text(_) | StatValue::List(_) | StatValue::Map(_) => None,
    }
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
