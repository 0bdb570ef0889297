//! The label sets of methods, rendered once and kept from scrape to scrape.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::family::{Label, Labels};
use crate::data::snapshot::{MethodSnapshot, Snapshot, StatusSnapshot};
use crate::data::status::TaskStatus;

/// What stands before a label's name that is taken.
const ASIDE: &str = "label_";

/// The label sets of all methods of a storage, and the labels every series has.
#[derive(Debug, Default)]
pub(super) struct LabelSets {
    common: Arc<[Label]>,
    /// The labels of every series alone.
    none: Labels,
    /// By the method's number.
    methods: Vec<Option<OfMethod>>,
    /// Of task types, in the snapshot's order.
    statuses: Vec<OfTask>,
    method_statuses: Vec<OfTask>,
    default_ok: Labels,
}

/// The label set of one task type with the status it had last.
#[derive(Debug)]
struct OfTask {
    task: Arc<str>,
    status: TaskStatus,
    labels: Labels,
}

/// The label sets of one method with one set of labels of its own.
#[derive(Debug)]
pub(super) struct OfMethod {
    name: Arc<str>,
    labels: Arc<[Label]>,
    pub(super) plain: Labels,
    pub(super) success: Labels,
    pub(super) failure: Labels,
    /// By the index of an error type in the snapshot, each with its type.
    types: Vec<(Arc<str>, Labels)>,
}

impl LabelSets {
    /// Brings all label sets up to date; whether the labels of every series changed.
    pub(super) fn begin(&mut self, snapshot: &Snapshot) -> bool {
        let inittime = snapshot.inittime.iter().map(|time| label("inittime", time));
        let common = inittime.chain(snapshot.const_labels.iter().cloned());
        let is_same = common.clone().eq(self.common.iter().cloned());
        if !is_same || self.default_ok.is_empty() {
            *self = Self::new(common.collect());
        }
        for method in &snapshot.methods {
            self.prepare_method(method, &snapshot.error_types);
        }
        prepare(&self.common, &mut self.statuses, &snapshot.statuses);
        let methods = &snapshot.method_statuses;
        prepare(&self.common, &mut self.method_statuses, methods);
        !is_same
    }

    fn new(common: Arc<[Label]>) -> Self {
        let ok = StatusSnapshot {
            task: Arc::from(crate::data::status::DEFAULT_TASK),
            status: TaskStatus::Ok,
            run: 0,
            age: None,
        };
        Self {
            none: complete(&common, []),
            default_ok: of_status(&common, &ok),
            common,
            methods: Vec::new(),
            statuses: Vec::new(),
            method_statuses: Vec::new(),
        }
    }

    fn prepare_method(&mut self, method: &MethodSnapshot, types: &[Arc<str>]) {
        let at = method.number as usize;
        if self.methods.len() <= at {
            self.methods.resize_with(at + 1, || None);
        }
        let slot = &mut self.methods[at];
        if slot.as_ref().is_none_or(|sets| !sets.is_of(method)) {
            *slot = Some(OfMethod::new(&self.common, method));
        }
        if let Some(sets) = slot {
            sets.add_types(&self.common, types);
        }
    }

    /// A child's labels, with those of every series.
    pub(super) fn complete(&self, labels: impl IntoIterator<Item = Label>) -> Labels {
        complete(&self.common, labels)
    }

    /// As `complete`, for labels that were rendered without them.
    pub(super) fn complete_own(&self, labels: &Labels) -> Labels {
        if self.common.is_empty() {
            return labels.clone();
        }
        self.complete(labels.iter().cloned())
    }

    /// The labels of every series alone.
    pub(super) fn none(&self) -> &Labels {
        &self.none
    }

    /// The label sets of a method.
    pub(super) fn of(&self, method: &MethodSnapshot) -> Option<&OfMethod> {
        self.methods.get(method.number as usize)?.as_ref()
    }

    /// Those of a method and an error type.
    pub(super) fn typed(&self, method: &Arc<str>, error_type: &Arc<str>) -> Labels {
        self.complete([label("method", method), label("type", error_type)])
    }

    /// That of a family's name.
    pub(super) fn family(&self, name: &Arc<str>) -> Labels {
        self.complete([label("family", name)])
    }

    /// Those of the task types, and of the methods' own, in the snapshot's order.
    pub(super) fn statuses(&self) -> [impl Iterator<Item = &Labels>; 2] {
        [&self.statuses, &self.method_statuses].map(|all| all.iter().map(|one| &one.labels))
    }

    /// Those of the task type of all calls, never set.
    pub(super) fn default_ok(&self) -> &Labels {
        &self.default_ok
    }
}

fn prepare(common: &[Label], known: &mut Vec<OfTask>, statuses: &[StatusSnapshot]) {
    known.truncate(statuses.len());
    for (at, status) in statuses.iter().enumerate() {
        if known.get(at).is_some_and(|one| one.is_of(status)) {
            continue;
        }
        let of = OfTask {
            task: Arc::clone(&status.task),
            status: status.status,
            labels: of_status(common, status),
        };
        match known.get_mut(at) {
            Some(place) => *place = of,
            None => known.push(of),
        }
    }
}

impl OfTask {
    fn is_of(&self, status: &StatusSnapshot) -> bool {
        let same_task = Arc::ptr_eq(&self.task, &status.task) || self.task == status.task;
        same_task && self.status == status.status
    }
}

fn of_status(common: &[Label], status: &StatusSnapshot) -> Labels {
    let name = Arc::from(status.status.name());
    complete(
        common,
        [label("status", &name), label("task", &status.task)],
    )
}

impl OfMethod {
    fn new(common: &[Label], method: &MethodSnapshot) -> Self {
        let of = |status: Option<&str>| {
            let status = status.map(|status| label("status", &Arc::from(status)));
            complete(
                common,
                of_method(&method.name, &method.labels).chain(status),
            )
        };
        Self {
            name: Arc::clone(&method.name),
            labels: Arc::clone(&method.labels),
            plain: of(None),
            success: of(Some("success")),
            failure: of(Some("failure")),
            types: Vec::new(),
        }
    }

    /// Loads the texts that a histogram's lines need.
    pub(super) fn touch(&self) -> u8 {
        self.plain.touch() ^ self.failure.touch() ^ self.success.touch()
    }

    fn is_of(&self, method: &MethodSnapshot) -> bool {
        let same_name = Arc::ptr_eq(&self.name, &method.name) || self.name == method.name;
        same_name && (Arc::ptr_eq(&self.labels, &method.labels) || self.labels == method.labels)
    }

    fn add_types(&mut self, common: &[Label], types: &[Arc<str>]) {
        let is_known = |(known, name): (&(Arc<str>, Labels), &Arc<str>)| {
            Arc::ptr_eq(&known.0, name) || known.0 == *name
        };
        let known = self.types.iter().zip(types);
        let known = known.take_while(|pair| is_known(*pair)).count();
        self.types.truncate(known);
        for name in &types[known..] {
            let own = of_method(&self.name, &self.labels).chain([label("type", name)]);
            let labels = complete(common, own);
            self.types.push((Arc::clone(name), labels));
        }
    }

    /// The label sets by error type.
    pub(super) fn types(&self) -> impl Iterator<Item = &Labels> {
        self.types.iter().map(|(_, labels)| labels)
    }
}

fn of_method<'a>(name: &Arc<str>, labels: &'a [Label]) -> impl Iterator<Item = Label> + use<'a> {
    std::iter::once(label("method", name)).chain(labels.iter().cloned())
}

/// Sorted, and each name once: labels of a child's own make way for those that every series has.
fn complete(common: &[Label], labels: impl IntoIterator<Item = Label>) -> Labels {
    let own = labels.into_iter().map(|label| apart_from(common, label));
    let mut all: Vec<Label> = own.chain(common.iter().cloned()).collect();
    all.sort_unstable();
    all.into()
}

/// A label of a child's own beside those that every series has: under its name, or with [`ASIDE`] before it, as often as it
/// takes, where it could be taken for one of these.
///
/// No two names become one, and none becomes that of a common label: names that only differ in how often `ASIDE` stands before
/// them all get it once more than the common label that has it most often. So no label set becomes another's, as it might if
/// a label took the place of a common one: a call without the label and one that gives it the same value would be one series.
fn apart_from(common: &[Label], label: Label) -> Label {
    let bare = label.name.trim_start_matches(ASIDE);
    // A label of a child's own is never called `inittime`.
    let common = common.iter().filter(|one| one.name != "inittime");
    let alike = common.filter_map(|one| one.name.strip_suffix(bare));
    let alike = alike.filter(|before| before.trim_start_matches(ASIDE).is_empty());
    let most = alike.map(|before| before.len() / ASIDE.len());
    match most.max() {
        None => label,
        Some(most) => Label {
            name: format!("{}{}", ASIDE.repeat(most + 1), label.name).into(),
            ..label
        },
    }
}

fn label(name: &'static str, value: &Arc<str>) -> Label {
    Label {
        name: Cow::Borrowed(name),
        value: Arc::clone(value),
    }
}
