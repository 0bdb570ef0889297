//! What a metric is: name, help, unit, label names.

use std::borrow::Cow;

use super::family::{FamilyCore, Instrument, MetricFamily};

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

/// The label names of a [`MetricDesc`] without labels: registering it gives the instrument itself, which is at zero from
/// then on.
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
pub trait LabelNames: sealed::LabelNames {
    /// A handle on what was registered.
    type Of<I: Instrument>;

    #[doc(hidden)]
    fn of<I: Instrument>(core: &'static FamilyCore<I::Cell>) -> Self::Of<I>;
}

impl LabelNames for NoLabels {
    type Of<I: Instrument> = I;

    fn of<I: Instrument>(core: &'static FamilyCore<I::Cell>) -> I {
        I::of(core.with([]))
    }
}

impl<const N: usize> LabelNames for [Cow<'static, str>; N] {
    type Of<I: Instrument> = MetricFamily<I, N>;

    fn of<I: Instrument>(core: &'static FamilyCore<I::Cell>) -> MetricFamily<I, N> {
        let family = MetricFamily::new(core);
        if N == 0 {
            // Without labels it is there from the start.
            core.with([""; N]);
        }
        family
    }
}

pub(super) mod sealed {
    use std::borrow::Cow;

    pub trait LabelNames {
        fn names(self) -> Vec<Cow<'static, str>>;
    }

    impl LabelNames for super::NoLabels {
        fn names(self) -> Vec<Cow<'static, str>> {
            Vec::new()
        }
    }

    impl<const N: usize> LabelNames for [Cow<'static, str>; N] {
        fn names(self) -> Vec<Cow<'static, str>> {
            self.into()
        }
    }
}
