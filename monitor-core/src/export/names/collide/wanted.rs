//! What of a key is exported, and under which names.

use std::borrow::Cow;

use crate::data::catalog::Profile;
use crate::data::family::{FamilyType, Label};
use crate::data::key::StatKey;
use crate::data::name;
use crate::data::snapshot::MethodSnapshot;

/// What of a key is exported; each has its own prefix and help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::export::names) enum Plane {
    Info,
    Value,
    Mean,
    LastMean,
    Histogram,
}

impl Plane {
    fn prefix(self) -> &'static str {
        match self {
            Self::Info => "",
            Self::Value => "stats_",
            Self::Mean => "stats_aggregation_",
            Self::LastMean => "stats_aggregation_last_",
            Self::Histogram => "stats_hist_",
        }
    }

    pub(super) fn kind(self) -> FamilyType {
        if self == Self::Histogram {
            FamilyType::Histogram
        } else {
            FamilyType::Gauge
        }
    }

    pub(super) fn family_name(self, profile: Profile, written: &str) -> String {
        match (self, profile) {
            (Self::Info, _) => name::metric_name(written),
            (_, Profile::Servicekit) => name::key_name(self.prefix(), written),
            (_, Profile::Prometheus) => self.idiomatic_name(written),
        }
    }

    /// The name in the profile `prometheus`: with the unit that the original reads out of a name, and none of the endings
    /// that mean something else there.
    fn idiomatic_name(self, written: &str) -> String {
        let prefix = match self {
            Self::Info => "",
            Self::Value => "monitor_value_",
            Self::Mean => "monitor_recent_mean_",
            Self::LastMean => "monitor_last_mean_",
            Self::Histogram => "monitor_",
        };
        let name = name::key_name(prefix, written).replace(':', "_");
        let reserved = ["_total", "_count", "_sum", "_bucket", "_info"];
        if self == Self::Value {
            let is_reserved = reserved.iter().any(|ending| name.ends_with(ending));
            return if is_reserved { name + "_value" } else { name };
        }
        match name::unit_in(written) {
            Some(unit) if !name.ends_with(unit) => format!("{name}_{unit}"),
            None if reserved.iter().any(|ending| name.ends_with(ending)) => name + "_value",
            _ => name,
        }
    }

    pub(super) fn help(self, profile: Profile, name: &str) -> String {
        match (self, profile) {
            (Self::Histogram, Profile::Servicekit) => {
                format!("this is hist metric `{name}` in stats from MonitorServers")
            }
            (_, Profile::Servicekit) | (Self::Info, _) => {
                format!("This is metric `{name}` from MonitorServer.")
            }
            (Self::Value, _) => format!("Value recorded under the key `{name}`."),
            (Self::Mean, _) => format!("Mean of the last 100 values of `{name}`."),
            (Self::LastMean, _) => format!("Mean of the last 5 values of `{name}`."),
            (Self::Histogram, _) => format!("Values observed as `{name}`."),
        }
    }
}

/// One thing to place.
#[derive(Debug, Clone, Copy)]
pub(in crate::export::names) struct Wanted<'a> {
    pub(in crate::export::names) plane: Plane,
    pub(in crate::export::names) key: &'a StatKey,
    /// The method whose calls observed it; `None` for the user's own keys.
    pub(in crate::export::names) method: Option<&'a MethodSnapshot>,
    /// Instead of the original's help text.
    pub(in crate::export::names) help: Option<&'a str>,
}

impl Wanted<'_> {
    pub(super) fn full_key(&self) -> Cow<'_, str> {
        match self.method {
            Some(method) => {
                let mut labels = vec![("method", &*method.name)];
                labels.extend(
                    method
                        .labels
                        .iter()
                        .map(|label| (&*label.name, &*label.value)),
                );
                Cow::Owned(StatKey::write(&self.key.raw, &labels))
            }
            None => Cow::Borrowed(&self.key.raw),
        }
    }

    pub(super) fn labels(&self) -> (Vec<Label>, u64) {
        let written = self
            .key
            .labels
            .iter()
            .map(|(name, value)| (&**name, &**value));
        let calls = self.method.into_iter().flat_map(|method| {
            let labels = method.labels.iter();
            let labels = labels.map(|label| (&*label.name, &*label.value));
            std::iter::once(("method", &*method.name)).chain(labels)
        });
        name::labels(written.chain(calls))
    }
}
