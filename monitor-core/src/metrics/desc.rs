//! What a metric is: name, help, unit, label names; and why a description was not registered.

use std::borrow::Cow;
use std::fmt;

use super::family::LabelFamily;
use super::registry::{Instrument, MetricFamily};

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
            labels: names.map(Into::into),
        }
    }
}

/// The label names of a [`MetricDesc`], which decide what registering it gives: an instrument or a [`MetricFamily`].
///
/// What it takes to implement it has no name outside of this crate.
pub trait LabelNames {
    /// A handle on what was registered.
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
    #[error("`{name}` is no metric name: it has to match [a-zA-Z_:][a-zA-Z0-9_:]*")]
    Name {
        /// The name.
        name: String,
    },
    /// Prometheus itself writes a series of this name for each target, as `up`: a gauge without labels would hide it.
    #[error("the metric name `{name}` is reserved: Prometheus writes it itself for each target")]
    ReservedName {
        /// The name on the page.
        name: String,
    },
    /// A unit ends a name: letters, digits and inner `_`.
    #[error("`{unit}` is no unit: it has to match [a-zA-Z0-9]+(_[a-zA-Z0-9]+)*")]
    Unit {
        /// The unit.
        unit: String,
    },
    /// A label name is `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[error("`{label}` is no label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")]
    Label {
        /// The label name.
        label: String,
    },
    /// The label name has a meaning of its own: `le`, `quantile`, `inittime`, `overflow`, or it begins with `__`.
    #[error("the label name `{label}` is reserved")]
    ReservedLabel {
        /// The label name.
        label: String,
    },
    /// The label name is there more than once.
    #[error("the label `{label}` is there more than once")]
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
    /// A metric of this name is registered already, and is not the same.
    #[error("`{name}` is registered already with another {field}: {registered}, not {given}")]
    Differs {
        /// The name on the page.
        name: String,
        /// What is different.
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
}

impl fmt::Display for MetricField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Type => "type",
            Self::Help => "help text",
            Self::Unit => "unit",
            Self::Labels => "list of labels",
            Self::Bounds => "list of bounds",
        })
    }
}
