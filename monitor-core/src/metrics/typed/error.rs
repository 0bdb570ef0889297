use std::fmt;

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
