//! The profile `servicekit`: the original's families, by name, type, labels and help text.

use std::sync::Arc;

use super::built_in::{BUILT_IN, Id};
use super::clean::unit_of;
use super::collide::{Book, Plane, Wanted};
use super::label_sets::label;
use super::registered;
use crate::clock::ClockSource;
use crate::family::{Child, ChildValue, Family, Histogram, Label, Labels};
use crate::key::StatKey;
use crate::snapshot::{MethodSnapshot, Snapshot, StatusSnapshot};
use crate::status::TaskStatus;
use crate::value::StatValue;

/// The families of a snapshot.
pub(super) fn families(snapshot: &Snapshot, book: &mut Book) -> Vec<Family> {
    book.begin(snapshot);
    book.forget_all_but(snapshot);
    let registered = registered::families(snapshot, book);
    let mut page = Page {
        snapshot,
        book,
        children: Vec::new(),
    };
    page.tasks();
    page.service();
    page.methods();
    page.statuses();
    page.call_values();
    page.values();
    let mut families = page.finish();
    families.extend(registered);
    families
}

/// The page being put together: children by the family's index in the book.
struct Page<'a> {
    snapshot: &'a Snapshot,
    book: &'a mut Book,
    children: Vec<Vec<Child>>,
}

impl Page<'_> {
    fn tasks(&mut self) {
        let tasks = &self.snapshot.tasks;
        let threads = self.snapshot.service_threads;
        let normalised = if threads > 0.0 {
            tasks.busy_seconds / threads
        } else {
            0.0
        };
        self.add(Id::Started, [], ChildValue::Int(tasks.started));
        self.add(Id::Completed, [], ChildValue::Int(tasks.completed));
        self.add(Id::InFlight, [], ChildValue::Int(tasks.in_flight));
        self.add(
            Id::CurrentSeconds,
            [],
            ChildValue::Float(tasks.current_seconds),
        );
        self.add(
            Id::CurrentMax,
            [],
            ChildValue::Float(tasks.current_max_seconds),
        );
        self.add(
            Id::CompletedSeconds,
            [],
            ChildValue::Float(tasks.completed_seconds),
        );
        self.add(Id::BusySeconds, [], ChildValue::Float(tasks.busy_seconds));
        self.add(Id::BusyNormalised, [], ChildValue::Float(normalised));
    }

    fn service(&mut self) {
        let snapshot = self.snapshot;
        self.add(
            Id::ServiceThreads,
            [],
            ChildValue::Float(snapshot.service_threads),
        );
        self.add(Id::ProcessStart, [], ChildValue::Float(snapshot.started_at));
        if snapshot.clock == ClockSource::OperatingSystem {
            self.add(Id::ClockFallback, [], ChildValue::Int(1));
        }
        for info in &snapshot.service_info {
            // `service_threads` is the configured number of workers, whatever the section says, as in the original.
            if &*info.name != BUILT_IN[Id::ServiceThreads as usize].name {
                let key = plain_key(&info.name);
                let wanted = Wanted {
                    plane: Plane::Info,
                    key: &key,
                    method: None,
                    help: Some(&info.info),
                };
                self.put(wanted, ChildValue::Float(info.value));
            }
        }
    }

    fn methods(&mut self) {
        let snapshot = self.snapshot;
        let mut all = Histogram::empty(&snapshot.time_bounds);
        for method in &snapshot.methods {
            let durations = durations(method);
            add_into(&mut all, &durations);
            self.outcomes(method);
            let labels = self
                .book
                .labels_of(method, &snapshot.error_types)
                .plain
                .clone();
            self.push(Id::TimeFull, &labels, ChildValue::Histogram(durations));
            if let Some(means) = method.duration {
                self.push_mean(Id::TimeFullMean, &labels, means.window);
                self.push_mean(Id::TimeFullLast, &labels, means.last);
            }
            if let Some(waiting) = method.waiting {
                self.push(Id::Waiting, &labels, ChildValue::Int(waiting));
            }
            self.push(Id::Request, &labels, ChildValue::Int(method.started));
        }
        self.add(Id::AllCalls, [], ChildValue::Histogram(all));
        for (method, error_type) in &snapshot.expected {
            let labels = [label("method", method), label("type", error_type)];
            self.add(Id::ExpectedError, labels, ChildValue::Int(1));
        }
    }

    /// What became of a method's calls, and of the items of its streams.
    fn outcomes(&mut self, method: &MethodSnapshot) {
        let Self {
            snapshot,
            book,
            children,
        } = self;
        let sets = book.labels_of(method, &snapshot.error_types);
        let mut push = |id: Id, labels: &Labels, count| {
            push(children, id as usize, labels, ChildValue::Int(count));
        };
        push(Id::Processed, &sets.failure, method.failure.count());
        push(Id::Processed, &sets.success, method.success.count());
        for (at, labels) in sets.types().enumerate() {
            let count = method.errors.get(at).copied().unwrap_or(0);
            push(Id::Errors, labels, count);
        }
        if let Some(items) = method.items {
            push(Id::Items, &sets.failure, items.failed);
            push(Id::Items, &sets.success, items.ok);
        }
    }

    fn push_mean(&mut self, id: Id, labels: &Labels, mean: Option<f64>) {
        if let Some(mean) = mean {
            self.push(id, labels, ChildValue::Float(mean));
        }
    }

    fn statuses(&mut self) {
        let snapshot = self.snapshot;
        let default = StatusSnapshot {
            task: Arc::from("default"),
            status: TaskStatus::Ok,
            run: 0,
        };
        let named = |task: &str| snapshot.statuses.iter().any(|status| &*status.task == task);
        if !named("default") {
            self.add_status(&default);
        }
        for status in &snapshot.statuses {
            self.add_status(status);
        }
        for status in &snapshot.method_statuses {
            // A method may have the name of a task type: the task type goes first, a task has one status.
            if !named(&status.task) && status.task != default.task {
                self.add_status(status);
            }
        }
    }

    fn add_status(&mut self, status: &StatusSnapshot) {
        let labels = [
            label("status", &Arc::from(status.status.name())),
            label("task", &status.task),
        ];
        self.add(Id::TaskStatus, labels, ChildValue::Int(status.run));
    }

    fn call_values(&mut self) {
        let snapshot = self.snapshot;
        for method in &snapshot.methods {
            for value in &method.values {
                let method = Some(method);
                if let Some(histogram) = &value.histogram {
                    self.add_key(
                        Plane::Histogram,
                        &value.key,
                        method,
                        ChildValue::Histogram(histogram.clone()),
                    );
                }
                self.add_key_mean(Plane::Mean, &value.key, method, value.means.window);
                self.add_key_mean(Plane::LastMean, &value.key, method, value.means.last);
            }
        }
    }

    fn values(&mut self) {
        let values = &self.snapshot.values;
        for entry in &values.entries {
            if let Some(value) = exported(&entry.value) {
                self.add_key(Plane::Value, &entry.key, None, value);
            }
        }
        for value in &values.histograms {
            self.add_key(
                Plane::Histogram,
                &value.key,
                None,
                ChildValue::Histogram(value.histogram.clone()),
            );
        }
        for (key, means) in &values.means {
            self.add_key_mean(Plane::Mean, key, None, means.window);
            self.add_key_mean(Plane::LastMean, key, None, means.last);
        }
    }

    fn add_key_mean(
        &mut self,
        plane: Plane,
        key: &StatKey,
        method: Option<&MethodSnapshot>,
        mean: Option<f64>,
    ) {
        if let Some(mean) = mean {
            self.add_key(plane, key, method, ChildValue::Float(mean));
        }
    }

    fn add_key(
        &mut self,
        plane: Plane,
        key: &StatKey,
        method: Option<&MethodSnapshot>,
        value: ChildValue,
    ) {
        let wanted = Wanted {
            plane,
            key,
            method,
            help: None,
        };
        self.put(wanted, value);
    }

    fn put(&mut self, wanted: Wanted<'_>, value: ChildValue) {
        let at = self.book.place(wanted);
        push(&mut self.children, at.family, &at.labels, value);
    }

    /// Adds a child of a built-in family; `labels` are sorted.
    fn add<const N: usize>(&mut self, id: Id, labels: [Label; N], value: ChildValue) {
        let labels = self.book.complete(labels);
        self.push(id, &labels, value);
    }

    fn push(&mut self, id: Id, labels: &Labels, value: ChildValue) {
        push(&mut self.children, id as usize, labels, value);
    }

    fn finish(self) -> Vec<Family> {
        let entries = self.book.entries();
        let filled = entries
            .iter()
            .zip(self.children)
            .filter(|(_, children)| !children.is_empty());
        filled
            .map(|(entry, children)| Family {
                name: entry.name.clone(),
                help: entry.help.clone(),
                kind: entry.kind,
                unit: unit_of(&entry.name),
                children,
            })
            .collect()
    }
}

fn push(children: &mut Vec<Vec<Child>>, family: usize, labels: &Labels, value: ChildValue) {
    if children.len() <= family {
        children.resize_with(family + 1, Vec::new);
    }
    let labels = labels.clone();
    children[family].push(Child { labels, value });
}

/// The number the original exports for a value, if it exports it.
fn exported(value: &StatValue) -> Option<ChildValue> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples are floats to every scraper, as in the original"
    )]
    match *value {
        StatValue::Bool(value) => Some(ChildValue::Int(u64::from(value))),
        StatValue::Int(value) => Some(match u64::try_from(value) {
            Ok(value) => ChildValue::Int(value),
            Err(_) => ChildValue::Float(value as f64),
        }),
        StatValue::Float(value) => Some(ChildValue::Float(value)),
        StatValue::Null | StatValue::Text(_) | StatValue::List(_) | StatValue::Map(_) => None,
    }
}

fn durations(method: &MethodSnapshot) -> Histogram {
    let mut all = method.success.clone();
    add_into(&mut all, &method.failure);
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

/// A name that is taken as it stands, whatever it holds.
fn plain_key(name: &str) -> StatKey {
    StatKey::from_parts(name, name, [])
}
