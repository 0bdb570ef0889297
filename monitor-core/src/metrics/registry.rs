//! The registered metrics of a storage: each name once, checked before it is taken; and the handles that registering
//! gives.
//!
//! A metric is registered for good; only its children come and go (`family.rs`). The registry is behind one lock, which
//! registering, a scrape's list of the metrics and nothing else takes; it knows metrics of all types as [`Registered`],
//! and finds the type again from the handle that is asked for.

#[cfg(all(test, not(monitor_loom)))]
mod tests;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::sync::{Mutex, leak, lock};
use crate::data::family::FamilyType;
use crate::data::name::{
    SampleNames, built_in_claims, is_label_name, is_metric_name, is_of_prometheus,
    is_reserved_label,
};
use crate::data::snapshot::MetricSnapshot;
use crate::metrics::cells::{BucketKind, BucketSpec};
use crate::metrics::family::{FamilyLimits, Handle, LabelCell, LabelFamily};

/// The description of a metric to register.
///
/// # Definition
///
/// The name on the page is the name given, then `_<unit>` where there is a unit and the name does not end in it, then
/// `_total` for a counter: `jobs` and `jobs_total` are the same counter. All parts are checked at registration.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let desc = MetricDesc::new("disk_read", "Bytes read.").unit("bytes").labels(["disk", "kind"]);
/// let read = monitor.register_counter(desc)?; // on the page: disk_read_bytes_total
/// read.with(["sda", "data"]).inc_by(4096);
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDesc<L = NoLabels> {
    pub(super) name: Cow<'static, str>,
    pub(super) help: Cow<'static, str>,
    pub(super) unit: Option<&'static str>,
    pub(super) buckets: BucketKind,
    pub(super) labels: L,
}

/// The label names of a [`MetricDesc`] without labels: registering it gives the instrument itself, which is at zero
/// from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoLabels;

impl MetricDesc {
    /// A metric without unit and labels. The help text may be any; it is written in one line.
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            help: help.into(),
            unit: None,
            buckets: BucketKind::Classic,
            labels: NoLabels,
        }
    }
}

impl<L> MetricDesc<L> {
    /// The unit of the value, by its base unit's plural name: `seconds`, `bytes`, `ratio`, `joules`. Default: none.
    #[must_use]
    pub fn unit(self, unit: &'static str) -> Self {
        let unit = Some(unit);
        Self { unit, ..self }
    }

    /// Counts the observations of a histogram by exponential bucket too, as a native histogram of Prometheus has them.
    ///
    /// They are in [`Histogram::native`](crate::family::Histogram::native) of a
    /// [`native_snapshot`](crate::MonitorStorage::native_snapshot), and on the pages of a server where its configuration has
    /// `native_histograms: true`. The bounds that the histogram is registered with stay as
    /// they are, for pages in the text formats.
    ///
    /// # Definition
    ///
    /// [`NativeBuckets`](crate::family::NativeBuckets) of schema 3: eight buckets for each power of two, each 9 % wide, which
    /// is the most a quantile can be off by. Values up to a magnitude of 2^-24
    /// ([`NATIVE_ZERO_THRESHOLD`](crate::family::NATIVE_ZERO_THRESHOLD)) are in the zero bucket. Negative values, which a
    /// histogram takes where its first bound is negative, have buckets of their own. If a child has more than 160 buckets,
    /// a snapshot has them at the next lower schema with at most so many, in which each is the sum of two, and so on; that
    /// never goes back.
    ///
    /// A child takes some 600 bytes more than without, and 256 bytes for each four powers of two in which it has values.
    ///
    /// # Consistency
    ///
    /// In every snapshot the exponential buckets and those by bound have the same number of observations, and no count
    /// ever falls.
    ///
    /// # Errors
    ///
    /// Registering a counter or a gauge so returns [`RegisterError::NotHistogram`].
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::family::ChildValue;
    /// use monitor_core::metric::{MetricDesc, RegisterError};
    /// use monitor_core::{Monitor, StorageConfig, TIME_BOUNDS};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let wait = MetricDesc::new("queue_wait", "How long jobs wait.").unit("seconds").native();
    /// let wait = monitor.register_histogram(wait, &TIME_BOUNDS)?;
    /// for seconds in [0.0, 0.000_002, 0.25, 0.25] {
    ///     wait.observe(seconds);
    /// }
    /// let snapshot = monitor.native_snapshot();
    /// let ChildValue::Histogram(wait) = &snapshot.values.metrics[0].children[0].value else {
    ///     panic!("a histogram");
    /// };
    /// let native = wait.native.as_ref().expect("it has native buckets");
    /// // 0.25 = 2^(-16 / 8) is the upper end of its bucket, and 2 us lies between 2^(-152 / 8) and 2^(-151 / 8).
    /// assert_eq!((native.zero, &*native.positive), (1, &[(-151, 1), (-16, 2)][..]));
    /// assert_eq!(native.count(), wait.count());
    /// # Ok::<(), RegisterError>(())
    /// ```
    #[must_use]
    pub fn native(self) -> Self {
        let buckets = BucketKind::Native;
        Self { buckets, ..self }
    }

    /// The names of the labels. Registering it gives a [`MetricFamily`], whose children have as many label values.
    #[must_use]
    pub fn labels<S: Into<Cow<'static, str>>, const N: usize>(
        self,
        names: [S; N],
    ) -> MetricDesc<[Cow<'static, str>; N]> {
        MetricDesc {
            name: self.name,
            help: self.help,
            unit: self.unit,
            buckets: self.buckets,
            labels: names.map(Into::into),
        }
    }
}

/// The label names of a [`MetricDesc`], which decide the type that registering it returns: an instrument or a
/// [`MetricFamily`].
///
/// It cannot be implemented outside of this crate.
pub trait LabelNames {
    /// A handle on the registered metric.
    type Of<I: Instrument>;

    #[doc(hidden)]
    fn names(self) -> Vec<Cow<'static, str>>;

    #[doc(hidden)]
    fn of<I: Instrument>(core: &'static LabelFamily<I::Cell>) -> Self::Of<I>;
}

impl LabelNames for NoLabels {
    type Of<I: Instrument> = I;

    fn names(self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }

    fn of<I: Instrument>(core: &'static LabelFamily<I::Cell>) -> I {
        I::of(core.with([]))
    }
}

impl<const N: usize> LabelNames for [Cow<'static, str>; N] {
    type Of<I: Instrument> = MetricFamily<I, N>;

    fn names(self) -> Vec<Cow<'static, str>> {
        self.into()
    }

    fn of<I: Instrument>(core: &'static LabelFamily<I::Cell>) -> MetricFamily<I, N> {
        if N == 0 {
            // Without labels it is there from the start.
            core.with([""; N]);
        }
        MetricFamily { core }
    }
}

/// Why a metric was not registered. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A metric name is `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    #[error("`{name}` is not a metric name: it has to match [a-zA-Z_:][a-zA-Z0-9_:]*")]
    Name {
        /// The name.
        name: String,
    },
    /// Prometheus itself writes a series of this name for each target, as `up`. No gauge may have it, as one without
    /// labels would hide that series.
    #[error("the metric name `{name}` is reserved: Prometheus writes it itself for each target")]
    ReservedName {
        /// The name on the page.
        name: String,
    },
    /// A unit ends a name: letters, digits and inner `_`.
    #[error("`{unit}` is not a unit: it has to match [a-zA-Z0-9]+(_[a-zA-Z0-9]+)*")]
    Unit {
        /// The unit.
        unit: String,
    },
    /// A label name is `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[error("`{label}` is not a label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")]
    Label {
        /// The label name.
        label: String,
    },
    /// The label name is reserved: `le`, `quantile`, `inittime`, `overflow`, `_name_`, or a name that begins with `__`.
    #[error("the label name `{label}` is reserved")]
    ReservedLabel {
        /// The label name.
        label: String,
    },
    /// The label name is there more than once.
    #[error("the label `{label}` is given twice")]
    RepeatedLabel {
        /// The label name.
        label: String,
    },
    /// Upper bounds are finite and strictly increasing (`+Inf` is always there and not given).
    #[error("bound {index} of the histogram ({bound}) is not finite or not above the one before")]
    Bound {
        /// Which one, from 0.
        index: usize,
        /// The bound.
        bound: f64,
    },
    /// Only a histogram has native buckets.
    #[error("`{name}` has native buckets: a {kind} cannot have them, only a histogram")]
    NotHistogram {
        /// The name on the page.
        name: String,
        /// `counter` or `gauge`.
        kind: &'static str,
    },
    /// A metric of this name is registered already, and is not the same.
    #[error("`{name}` is registered already with another {field}: {registered}, not {given}")]
    Differs {
        /// The name on the page.
        name: String,
        /// The field that differs.
        field: MetricField,
        /// As it is registered.
        registered: String,
        /// As it was given now.
        given: String,
    },
    /// One of the names that the metric's samples have on a page belongs to another family.
    #[error("the sample name `{sample}` of `{name}` belongs to the family `{family}`")]
    Taken {
        /// The name on the page.
        name: String,
        /// The sample name both have.
        sample: String,
        /// The family that was there first: a built-in one, or one that was registered.
        family: String,
    },
}

/// A part of a metric's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricField {
    /// Counter, gauge or histogram.
    Type,
    /// The help text.
    Help,
    /// The unit.
    Unit,
    /// The names of the labels, in their order.
    Labels,
    /// The upper bounds of a histogram's buckets.
    Bounds,
    /// Whether a histogram has native buckets.
    Native,
}

impl fmt::Display for MetricField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Type => "type",
            Self::Help => "help text",
            Self::Unit => "unit",
            Self::Labels => "list of labels",
            Self::Bounds => "list of bounds",
            Self::Native => "kind of buckets",
        })
    }
}

/// All registered metrics of a storage.
pub(crate) struct Registry {
    limits: Arc<FamilyLimits>,
    clock: Clock,
    metrics: Mutex<Metrics>,
}

struct Metrics {
    claims: SampleNames,
    /// The families that claimed, by the number they did it under: built-in ones by name alone, then those that were
    /// registered, in that order.
    owners: Vec<(Cow<'static, str>, Option<&'static dyn AnyFamily>)>,
}

/// A family of any type.
pub(super) trait AnyFamily: Any + Send + Sync {
    fn spec(&self) -> &MetricSpec;

    /// Its state at this moment; native buckets where they are wanted and it has them.
    fn snapshot(&self, wanted: BucketKind) -> MetricSnapshot;

    /// Takes the children off the page that were not updated for `idle` ticks, if they have labels.
    fn expire(&self, now: u64, idle: u64);
}

/// A description that was checked.
pub(super) struct MetricSpec {
    /// As on the page.
    pub(super) name: Arc<str>,
    pub(super) help: Arc<str>,
    pub(super) unit: Option<&'static str>,
    pub(super) kind: FamilyType,
    /// Label names in the order given.
    pub(super) labels: Box<[Cow<'static, str>]>,
    /// Where each of them is once they are sorted.
    pub(super) places: Box<[usize]>,
    /// Empty but for histograms.
    pub(super) buckets: BucketSpec,
}

impl Registry {
    pub(super) fn new(limits: &Arc<FamilyLimits>, clock: &Clock) -> Self {
        let (claims, built_in) = built_in_claims();
        let owners = built_in.into_iter().map(|name| (name, None)).collect();
        Self {
            limits: Arc::clone(limits),
            clock: clock.clone(),
            metrics: Mutex::new(Metrics { claims, owners }),
        }
    }

    /// Registers a metric, or finds the one that is registered with the same description.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; nothing has changed then.
    pub(crate) fn register<I: Instrument, L: LabelNames>(
        &self,
        desc: MetricDesc<L>,
        kind: FamilyType,
        bounds: &[f64],
    ) -> Result<L::Of<I>, RegisterError> {
        let spec = MetricSpec::try_new(desc, kind, bounds)?;
        let mut metrics = lock(&self.metrics);
        let owner = metrics.claims.owner(&spec.name);
        let there = owner.and_then(|owner| metrics.owners[owner].1);
        if let Some(family) = there.filter(|family| family.spec().name == spec.name) {
            let there = family.spec();
            spec.same_as(there)?;
            let any: &'static dyn Any = family;
            let same = any.downcast_ref().map(L::of);
            return same.ok_or_else(|| spec.differs(there, MetricField::Type));
        }
        if let Some((sample, owner)) = metrics.claims.in_the_way(&spec.name, kind).next() {
            return Err(RegisterError::Taken {
                name: spec.name.to_string(),
                sample: sample.into(),
                family: metrics.owners[owner].0.to_string(),
            });
        }
        let (name, id) = (spec.name.to_string(), metrics.owners.len());
        metrics.claims.claim(&name, kind, id);
        let family = leak(LabelFamily::new(
            spec,
            Arc::clone(&self.limits),
            self.clock.clone(),
        ));
        metrics.owners.push((name.into(), Some(family)));
        Ok(L::of(family))
    }

    /// The state of the families at this moment, in the order they were registered.
    pub(super) fn snapshot(&self, wanted: BucketKind) -> Vec<MetricSnapshot> {
        let families = self.families().into_iter();
        families.map(|family| family.snapshot(wanted)).collect()
    }

    pub(super) fn expire(&self, now: u64, idle: u64) {
        for family in self.families() {
            family.expire(now, idle);
        }
    }

    fn families(&self) -> Vec<&'static dyn AnyFamily> {
        let metrics = lock(&self.metrics);
        metrics.owners.iter().filter_map(|(_, one)| *one).collect()
    }
}

impl MetricSpec {
    pub(super) fn try_new<L: LabelNames>(
        desc: MetricDesc<L>,
        kind: FamilyType,
        bounds: &[f64],
    ) -> Result<Self, RegisterError> {
        if !is_metric_name(&desc.name) {
            let name = desc.name.into_owned();
            return Err(RegisterError::Name { name });
        }
        if let Some(unit) = desc.unit.filter(|unit| !is_unit(unit)) {
            let unit = unit.to_owned();
            return Err(RegisterError::Unit { unit });
        }
        let labels = desc.labels.names();
        check_labels(&labels)?;
        let is_good =
            |at: usize| bounds[at].is_finite() && (at == 0 || bounds[at] > bounds[at - 1]);
        if let Some(index) = (0..bounds.len()).find(|at| !is_good(*at)) {
            let bound = bounds[index];
            return Err(RegisterError::Bound { index, bound });
        }
        let name = full_name(&desc.name, desc.unit, kind);
        if kind == FamilyType::Gauge && is_of_prometheus(&name) {
            return Err(RegisterError::ReservedName { name });
        }
        if desc.buckets == BucketKind::Native && kind != FamilyType::Histogram {
            let kind = type_name(kind);
            return Err(RegisterError::NotHistogram { name, kind });
        }
        // A zero has no sign: Prometheus 3 stores `-0.0` under another label value than it reads.
        let bounds = bounds.iter().map(|bound| bound + 0.0).collect();
        let place = |name| labels.iter().filter(|other| *other < name).count();
        Ok(Self {
            name: name.into(),
            help: Arc::from(&*desc.help),
            unit: desc.unit,
            kind,
            places: labels.iter().map(place).collect(),
            labels: labels.into(),
            buckets: BucketSpec::new(bounds, desc.buckets),
        })
    }

    fn same_as(&self, there: &Self) -> Result<(), RegisterError> {
        let is_same = [
            (MetricField::Type, self.kind == there.kind),
            (MetricField::Help, self.help == there.help),
            (MetricField::Unit, self.unit == there.unit),
            (MetricField::Labels, self.labels == there.labels),
            (
                MetricField::Bounds,
                self.buckets.bounds == there.buckets.bounds,
            ),
            (
                MetricField::Native,
                self.buckets.kind() == there.buckets.kind(),
            ),
        ];
        match is_same.iter().find(|(_, is_same)| !is_same) {
            Some((field, _)) => Err(self.differs(there, *field)),
            None => Ok(()),
        }
    }

    fn differs(&self, there: &Self, field: MetricField) -> RegisterError {
        let show = |spec: &Self| match field {
            MetricField::Type => type_name(spec.kind).to_owned(),
            MetricField::Help => format!("{:?}", spec.help),
            MetricField::Unit => spec.unit.unwrap_or("none").to_owned(),
            MetricField::Labels => format!("{:?}", spec.labels),
            MetricField::Bounds => format!("{:?}", spec.buckets.bounds),
            MetricField::Native => format!("{:?}", spec.buckets.kind()).to_lowercase(),
        };
        RegisterError::Differs {
            name: self.name.to_string(),
            field,
            registered: show(there),
            given: show(self),
        }
    }
}

/// A type of registered metrics, as messages name it.
fn type_name(kind: FamilyType) -> &'static str {
    match kind {
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        _ => "histogram",
    }
}

/// The name on the page.
fn full_name(name: &str, unit: Option<&str>, kind: FamilyType) -> String {
    let is_counter = kind == FamilyType::Counter;
    let base = name.strip_suffix("_total").filter(|_| is_counter);
    let base = base.filter(|base| !base.is_empty()).unwrap_or(name);
    let ends_in = |unit: &str| matches!(base.strip_suffix(unit), Some(rest) if rest.ends_with('_'));
    let unit = unit.filter(|unit| !ends_in(unit));
    let unit = unit.map_or(String::new(), |unit| format!("_{unit}"));
    format!("{base}{unit}{}", if is_counter { "_total" } else { "" })
}

fn is_unit(unit: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    unit.split('_').all(part)
}

fn check_labels(labels: &[Cow<'static, str>]) -> Result<(), RegisterError> {
    for (at, label) in labels.iter().enumerate() {
        let name = || label.to_string();
        if !is_label_name(label) {
            return Err(RegisterError::Label { label: name() });
        }
        if is_reserved_label(label) {
            return Err(RegisterError::ReservedLabel { label: name() });
        }
        if labels[..at].contains(label) {
            return Err(RegisterError::RepeatedLabel { label: name() });
        }
    }
    Ok(())
}

/// An instrument that code updates: a [`Counter`](super::typed::Counter), [`Gauge`](super::typed::Gauge) or
/// [`Histogram`](super::typed::Histogram).
///
/// It cannot be implemented outside of this crate.
pub trait Instrument: Clone {
    #[doc(hidden)]
    type Cell: LabelCell;

    #[doc(hidden)]
    fn of(child: Handle<Self::Cell>) -> Self;
}

/// A registered metric with labels: a child for each set of label values.
///
/// A family has at most `max_series` children (a hidden one that has a handle is one of them). Further
/// label sets are one child, labelled `overflow="true"` alone, and each [`with`](Self::with) that gave it is counted.
///
/// # Consistency
///
/// Children may be removed, by [`remove`](Self::remove) or after the configuration's `idle_series`. A handle on a
/// removed child stays usable: it keeps its count, and its next update puts the series back on the page with all of it.
/// No update through a handle is ever lost. A removed child is freed with its last handle, and its label values begin
/// at zero.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let depth = MetricDesc::new("queue_depth", "Jobs that wait.").labels(["queue"]);
/// let depth = monitor.register_gauge(depth)?;
/// depth.with(["fast"]).set(3.0);
/// assert!(depth.remove(["fast"]));
/// assert!(!depth.remove(["slow"]));
/// # Ok::<(), RegisterError>(())
/// ```
pub struct MetricFamily<I: Instrument, const N: usize> {
    pub(super) core: &'static LabelFamily<I::Cell>,
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "label values are written in place, as in `with([\"fast\"])`"
)]
impl<I: Instrument, const N: usize> MetricFamily<I, N> {
    /// The child of these label values, in the order of the label names; made at zero if need be. Keep the handle where
    /// you can: this takes a lock for reading.
    pub fn with<V: AsRef<str>>(&self, values: [V; N]) -> I {
        I::of(self.core.with(values.each_ref().map(AsRef::as_ref)))
    }

    /// Removes the child of these label values from the page. True if it was there.
    pub fn remove<V: AsRef<str>>(&self, values: [V; N]) -> bool {
        self.core.remove(&values.each_ref().map(AsRef::as_ref))
    }

    /// The family's name on the page.
    pub fn name(&self) -> &str {
        &self.core.spec.name
    }
}

#[allow(
    clippy::expl_impl_clone_on_copy,
    reason = "a derived one would want the instrument to be `Copy`"
)]
impl<I: Instrument, const N: usize> Clone for MetricFamily<I, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Instrument, const N: usize> Copy for MetricFamily<I, N> {}

impl<I: Instrument, const N: usize> fmt::Debug for MetricFamily<I, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricFamily")
            .field("name", &self.core.spec.name)
            .field("labels", &self.core.spec.labels)
            .finish_non_exhaustive()
    }
}
