//! The text of label sets, rendered once and kept from page to page.
//!
//! A series of a method has the same labels on every page, so a page only copies their text. The cache owns the label
//! sets of methods and of task types; those of keys stand beside their places, in `key_names`. All of them hold the
//! labels that every series has, so a change of these begins the cache anew. It is brought up to date at the start of a
//! page, under the exporter's lock, and read from there on.

use std::sync::Arc;

use crate::data::family::{Label, Labels};
use crate::data::labels::sort_labels;
use crate::data::snapshot::{MethodSnapshot, Snapshot, StatusSnapshot};
use crate::data::status::{DEFAULT_TASK, TaskStatus};

/// The prefix of a label's name that is taken.
const ASIDE: &str = "label_";

/// The label sets of all methods and task types, and the labels that every series has.
#[derive(Debug, Default)]
pub(super) struct LabelCache {
    common: Arc<[Label]>,
    /// `common` alone.
    pub(super) none: Labels,
    /// The task type of all calls with the status it has before it is set.
    pub(super) default_ok: Labels,
    /// By the method's number, which stands for its name and labels.
    methods: Vec<Option<MethodLabels>>,
    /// The error types that methods have label sets of.
    types: Arc<[Arc<str>]>,
    /// The task types, in the snapshot's order, each with the status it had last.
    statuses: Vec<(Arc<str>, TaskStatus, Labels)>,
}

/// The label sets of one method with one set of labels of its own.
#[derive(Debug)]
pub(super) struct MethodLabels {
    pub(super) plain: Labels,
    pub(super) success: Labels,
    pub(super) failure: Labels,
    /// By the index of an error type in the snapshot.
    pub(super) types: Vec<Labels>,
}

impl LabelCache {
    /// Brings all label sets up to date; returns whether the labels of every series changed.
    pub(super) fn update(&mut self, snapshot: &Snapshot) -> bool {
        let inittime = snapshot.inittime.iter().map(|time| label("inittime", time));
        let common = inittime.chain(snapshot.const_labels.iter().cloned());
        let is_same = common.clone().eq(self.common.iter().cloned());
        if !is_same || self.default_ok.is_empty() {
            *self = Self {
                common: common.collect(),
                ..Self::default()
            };
            self.none = self.complete(&[]);
            self.default_ok = of_status(&self.common, &Arc::from(DEFAULT_TASK), TaskStatus::Ok);
        }
        self.update_methods(snapshot);
        self.update_statuses(snapshot);
        !is_same
    }

    fn update_methods(&mut self, snapshot: &Snapshot) {
        let types = &snapshot.error_types;
        let pairs = self.types.iter().zip(types.iter());
        let kept = pairs.take_while(|(known, now)| is_same(known, now)).count();
        if kept < self.types.len() {
            let methods = self.methods.iter_mut().flatten();
            methods.for_each(|method| method.types.truncate(kept));
        }
        self.types = Arc::clone(types);
        for method in &snapshot.methods {
            let at = method.number as usize;
            if self.methods.len() <= at {
                self.methods.resize_with(at + 1, || None);
            }
            let with = |name, value: &Arc<str>| {
                let own = [label("method", &method.name), label(name, value)];
                complete(&self.common, &own, &method.labels)
            };
            let labels = self.methods[at].get_or_insert_with(|| {
                let own = [label("method", &method.name)];
                MethodLabels {
                    plain: complete(&self.common, &own, &method.labels),
                    success: with("status", &Arc::from("success")),
                    failure: with("status", &Arc::from("failure")),
                    types: Vec::new(),
                }
            });
            for name in &types[labels.types.len()..] {
                labels.types.push(with("type", name));
            }
        }
    }

    fn update_statuses(&mut self, snapshot: &Snapshot) {
        let count = snapshot.statuses.len() + snapshot.method_statuses.len();
        self.statuses.truncate(count);
        let all = snapshot.statuses.iter().chain(&snapshot.method_statuses);
        for (at, StatusSnapshot { task, status, .. }) in all.enumerate() {
            let now = || {
                let labels = of_status(&self.common, task, *status);
                (Arc::clone(task), *status, labels)
            };
            match self.statuses.get_mut(at) {
                Some((of, last, _)) if is_same(of, task) && last == status => {}
                Some(place) => *place = now(),
                None => self.statuses.push(now()),
            }
        }
    }

    /// A child's labels, with those of every series: sorted, and each name once.
    pub(super) fn complete(&self, labels: &[Label]) -> Labels {
        complete(&self.common, labels, &[])
    }

    /// As `complete`, for labels that were rendered without those of every series.
    pub(super) fn complete_rendered(&self, labels: &Labels) -> Labels {
        if self.common.is_empty() {
            return labels.clone();
        }
        self.complete(labels)
    }

    /// The label sets of a method of the snapshot it was updated with.
    pub(super) fn method(&self, method: &MethodSnapshot) -> Option<&MethodLabels> {
        self.methods.get(method.number as usize)?.as_ref()
    }

    /// Those of the task types of that snapshot, and behind them those of the methods' own.
    pub(super) fn statuses(&self) -> impl Iterator<Item = &Labels> {
        self.statuses.iter().map(|(_, _, labels)| labels)
    }
}

impl MethodLabels {
    /// Loads the texts that a histogram's lines need.
    pub(super) fn prefetch(&self) -> u8 {
        self.plain.prefetch() ^ self.failure.prefetch() ^ self.success.prefetch()
    }
}

/// A label of a built-in family.
pub(super) fn label(name: &'static str, value: &Arc<str>) -> Label {
    Label::new(name, Arc::clone(value))
}

/// Whether two texts are the same, which mostly are one.
fn is_same(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

fn of_status(common: &[Label], task: &Arc<str>, status: TaskStatus) -> Labels {
    let status = Arc::from(status.name());
    complete(
        common,
        &[label("status", &status), label("task", task)],
        &[],
    )
}

/// Labels of a child's own, in two parts, make way for those that every series has.
fn complete(common: &[Label], own: &[Label], more: &[Label]) -> Labels {
    let mut all = common.to_vec();
    for label in [own, more].into_iter().flatten() {
        all.push(apart_from(common, label.clone()));
    }
    sort_labels(&mut all);
    all.into()
}

/// A label of a child's own beside those that every series has: under its name, or with [`ASIDE`] before it, as often
/// as it takes, where it could be taken for one of these.
///
/// No two names become one, and none becomes that of a common label: names that only differ in how often `ASIDE` stands
/// before them all get it once more than the common label that has it most often. So no label set becomes another's, as
/// it might if a label took the place of a common one: a call without the label and one that gives it the same value
/// would be one series.
fn apart_from(common: &[Label], label: Label) -> Label {
    let bare = label.name.trim_start_matches(ASIDE);
    // A label of a child's own is never called `inittime`.
    let common = common.iter().filter(|one| one.name != "inittime");
    let alike = common.filter_map(|one| one.name.strip_suffix(bare));
    let alike = alike.filter(|before| before.trim_start_matches(ASIDE).is_empty());
    match alike.map(|before| before.len() / ASIDE.len()).max() {
        None => label,
        Some(most) => Label {
            name: format!("{}{}", ASIDE.repeat(most + 1), label.name).into(),
            ..label
        },
    }
}
