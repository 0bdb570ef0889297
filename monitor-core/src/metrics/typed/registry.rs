//! The registered metrics of a storage: each name once, checked before it is taken.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::base::sync::{AtomicU64, Mutex, Ordering, leak, lock};
use crate::data::const_labels::is_reserved_label;
use crate::data::family::FamilyType;
use crate::data::name::{is_label_name, is_metric_name, is_of_prometheus};
use crate::data::sample_names::{Claims, built_in_claims};
use crate::data::snapshot::MetricSnapshot;

use super::counter::CounterCell;
use super::desc::MetricDesc;
use super::desc::sealed::LabelNames;
use super::error::{MetricField, RegisterError};
use super::family::{Cell, FamilyCore, Shared};
use super::gauge::GaugeCell;
use super::histogram::HistogramCell;

/// All registered metrics of a storage. A metric is registered for good: what comes and goes are children.
pub(crate) struct Registry {
    shared: Arc<Shared>,
    metrics: Mutex<Metrics>,
}

struct Metrics {
    families: Vec<AnyFamily>,
    by_name: HashMap<Arc<str>, AnyFamily>,
    claims: Claims,
    /// The families that claimed, by the number they did it under.
    claimed: Vec<Cow<'static, str>>,
}

/// A family of any type.
#[derive(Debug, Clone, Copy)]
pub enum AnyFamily {
    Counter(&'static FamilyCore<CounterCell>),
    Gauge(&'static FamilyCore<GaugeCell>),
    Histogram(&'static FamilyCore<HistogramCell>),
}

/// A description that was checked.
#[derive(Debug)]
pub struct Spec {
    /// As on the page.
    pub(super) name: Arc<str>,
    pub(super) help: Arc<str>,
    pub(super) unit: Option<&'static str>,
    pub(super) kind: FamilyType,
    /// Label names in the order given.
    pub(super) labels: Box<[Cow<'static, str>]>,
    /// Where each of them is once they are sorted.
    pub(super) places: Box<[usize]>,
    /// Upper bounds; empty but for histograms.
    pub(super) bounds: Arc<[f64]>,
}

impl Registry {
    /// A registry of families with at most `limit` children each; 0 is no limit.
    pub(crate) fn new(limit: usize) -> Self {
        let (claims, claimed) = built_in_claims();
        Self {
            shared: Arc::new(Shared {
                limit: AtomicU64::new(limit as u64),
                overflowed: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
            metrics: Mutex::new(Metrics {
                families: Vec::new(),
                by_name: HashMap::new(),
                claims,
                claimed,
            }),
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.shared.limit.store(limit as u64, Ordering::Relaxed);
    }

    /// Registers a metric, or finds the one that is registered with the same description.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; nothing has changed then.
    pub(crate) fn register<C: Cell, L: LabelNames>(
        &self,
        desc: MetricDesc<L>,
        kind: FamilyType,
        bounds: &[f64],
    ) -> Result<&'static FamilyCore<C>, RegisterError> {
        let spec = Spec::try_new(desc, kind, bounds)?;
        let mut metrics = lock(&self.metrics);
        if let Some(family) = metrics.by_name.get(&spec.name) {
            let there = family.spec();
            spec.same_as(there)?;
            return C::unwrap(*family).ok_or_else(|| spec.differs(there, MetricField::Type));
        }
        metrics.claim(&spec)?;
        let core = leak(FamilyCore::new(spec, Arc::clone(&self.shared)));
        metrics.families.push(C::wrap(core));
        metrics
            .by_name
            .insert(Arc::clone(&core.spec.name), C::wrap(core));
        Ok(core)
    }

    /// What the families have at this moment, in the order they were registered.
    pub(crate) fn snapshot(&self) -> Vec<MetricSnapshot> {
        let families = self.families();
        if self.overflowed() > 0 {
            for family in &families {
                family.warn_of_overflow();
            }
        }
        families.iter().map(|family| family.snapshot()).collect()
    }

    pub(crate) fn expire(&self, now: u64, idle: u64) {
        for family in self.families() {
            family.expire(now, idle);
        }
    }

    /// How often a label set found its family full.
    pub(crate) fn overflowed(&self) -> u64 {
        self.shared.overflowed.load(Ordering::Relaxed)
    }

    /// Updates that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    fn families(&self) -> Vec<AnyFamily> {
        lock(&self.metrics).families.clone()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("families", &self.families().len())
            .finish_non_exhaustive()
    }
}

impl Metrics {
    fn claim(&mut self, spec: &Spec) -> Result<(), RegisterError> {
        if let Some((sample, owner)) = self.claims.in_the_way(&spec.name, spec.kind) {
            return Err(RegisterError::Taken {
                name: spec.name.to_string(),
                sample: sample.into(),
                family: self.claimed[owner].to_string(),
            });
        }
        let id = self.claimed.len();
        self.claims.claim(&spec.name, spec.kind, id);
        self.claimed.push(spec.name.to_string().into());
        Ok(())
    }
}

/// Calls a method of the family, whatever its type.
macro_rules! of_any {
    ($family:expr, $core:ident => $call:expr) => {
        match $family {
            AnyFamily::Counter($core) => $call,
            AnyFamily::Gauge($core) => $call,
            AnyFamily::Histogram($core) => $call,
        }
    };
}

impl AnyFamily {
    fn spec(self) -> &'static Spec {
        of_any!(self, core => &core.spec)
    }

    fn snapshot(self) -> MetricSnapshot {
        of_any!(self, core => core.snapshot())
    }

    fn expire(self, now: u64, idle: u64) {
        of_any!(self, core => core.expire(now, idle));
    }

    fn warn_of_overflow(self) {
        of_any!(self, core => core.warn_of_overflow());
    }
}

impl Spec {
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
        check_bounds(bounds)?;
        let name = full_name(&desc.name, desc.unit, kind);
        if kind == FamilyType::Gauge && is_of_prometheus(&name) {
            return Err(RegisterError::ReservedName { name });
        }
        let place = |name| labels.iter().filter(|other| *other < name).count();
        Ok(Self {
            name: name.into(),
            help: Arc::from(&*desc.help),
            unit: desc.unit,
            kind,
            places: labels.iter().map(place).collect(),
            labels: labels.into(),
            // A zero has no sign: Prometheus 3 stores `-0.0` under another label value than it reads.
            bounds: bounds.iter().map(|bound| bound + 0.0).collect(),
        })
    }

    fn same_as(&self, there: &Self) -> Result<(), RegisterError> {
        let field = if self.kind != there.kind {
            MetricField::Type
        } else if self.help != there.help {
            MetricField::Help
        } else if self.unit != there.unit {
            MetricField::Unit
        } else if self.labels != there.labels {
            MetricField::Labels
        } else if self.bounds != there.bounds {
            MetricField::Bounds
        } else {
            return Ok(());
        };
        Err(self.differs(there, field))
    }

    fn differs(&self, there: &Self, field: MetricField) -> RegisterError {
        let show = |spec: &Self| match field {
            MetricField::Type => format!("{:?}", spec.kind).to_lowercase(),
            MetricField::Help => format!("{:?}", spec.help),
            MetricField::Unit => spec.unit.unwrap_or("none").to_owned(),
            MetricField::Labels => format!("{:?}", spec.labels),
            MetricField::Bounds => format!("{:?}", spec.bounds),
        };
        RegisterError::Differs {
            name: self.name.to_string(),
            field,
            registered: show(there),
            given: show(self),
        }
    }
}

/// The name on the page.
fn full_name(name: &str, unit: Option<&str>, kind: FamilyType) -> String {
    let is_counter = kind == FamilyType::Counter;
    let base = match name.strip_suffix("_total") {
        Some(base) if is_counter && !base.is_empty() => base,
        _ => name,
    };
    let mut full = base.to_owned();
    if let Some(unit) = unit {
        let rest = base.strip_suffix(unit);
        if !rest.is_some_and(|rest| rest.ends_with('_')) {
            full.push('_');
            full.push_str(unit);
        }
    }
    if is_counter {
        full.push_str("_total");
    }
    full
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

fn check_bounds(bounds: &[f64]) -> Result<(), RegisterError> {
    let mut before = f64::NEG_INFINITY;
    for (index, bound) in bounds.iter().copied().enumerate() {
        // Also false for NaN.
        if !(bound.is_finite() && bound > before) {
            return Err(RegisterError::Bound { index, bound });
        }
        before = bound;
    }
    Ok(())
}
