//! How a service starts: built-in families, the configuration's gauges, the methods known from the start.

use std::collections::BTreeMap;

use serde_json::Value;

use super::book::Book;
use super::keys::{self, Source};
use super::points::Windows;
use super::registry::{Kind, Raised, Registry, escape_name};
use super::rules::Rules;
use super::{EPOCH, Model};
use crate::case::Case;
use crate::kinds::{Id, Ours};
use crate::value::Val;

/// A gauge of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Info {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) value: f64,
}

impl<'a> Model<'a> {
    /// Starts the service.
    ///
    /// # Errors
    ///
    /// If it would not start.
    pub(crate) fn start(case: &'a Case, ours: &'a Ours) -> Result<Self, Raised> {
        let mut model = Self {
            case,
            ours,
            now: EPOCH,
            stats: Vec::new(),
            statuses: BTreeMap::new(),
            method_statuses: BTreeMap::new(),
            rules: Rules::read(case, ours)?,
            registry: Registry::default(),
            histograms: Vec::new(),
            book: Book::default(),
            counts: Vec::new(),
            info: Vec::new(),
            windows: Windows::default(),
            threads: 0.0,
            in_flight: BTreeMap::new(),
            permits: BTreeMap::new(),
            tasks_begun: 0,
            notes: Vec::new(),
            at: String::new(),
        };
        model.built_in()?;
        model.service_info()?;
        model.open_statuses()?;
        for method in case
            .methods
            .iter()
            .flatten()
            .filter(|name| !name.starts_with('_'))
        {
            model.preregister(method);
        }
        Ok(model)
    }

    fn built_in(&mut self) -> Result<(), Raised> {
        use Kind::{Counter, Gauge};
        let with = "Total time spent processing current and previous tasks.";
        let normalised =
            "Total time spent on current and completed tasks per configured worker thread.";
        for (key, name, kind, help) in [
            (
                "started_total",
                "started",
                Counter,
                "Total number of started tasks.",
            ),
            (
                "completed_total",
                "completed",
                Counter,
                "Total number of completed tasks.",
            ),
            (
                "tasks_count",
                "tasks_count",
                Gauge,
                "The total number of tasks currently being processed.",
            ),
            (
                "current_tasks_time_spend",
                "current_tasks_time_spend",
                Gauge,
                "Total time spent processing current tasks.",
            ),
            (
                "current_tasks_max_time_spend",
                "current_tasks_max_time_spend",
                Gauge,
                "Maximum processing time for current tasks.",
            ),
            (
                "stats_tasks_time_spend",
                "stats_tasks_time_spend",
                Counter,
                "Total time spent on completed tasks.",
            ),
            (
                "stats_tasks_with_current_time_spend_total",
                "stats_tasks_with_current_time_spend_total",
                Gauge,
                with,
            ),
            (
                "stats_tasks_with_current_time_spend_normalised_total",
                "stats_tasks_with_current_time_spend_normalised_total",
                Gauge,
                normalised,
            ),
        ] {
            let family = self.registry.create(key, name, kind, help, Vec::new())?;
            if key != "current_tasks_max_time_spend" {
                family.child(Vec::new());
            }
        }
        let kind = Kind::Histogram(keys::time_bounds(self.ours));
        let help = "Time spent on completing tasks.";
        let family = self.registry.create(
            "stats_tasks_time_spent_quantile",
            "tasks_time_spent_quantile",
            kind,
            help,
            Vec::new(),
        )?;
        if self.ours.has(Id::Zero) {
            family.child(Vec::new());
        }
        Ok(())
    }

    /// Ours refuses keys nobody reads and names no family may have.
    fn check_config(&self) -> Result<(), Raised> {
        const KEYS: [&str; 11] = [
            "listen",
            "port",
            "errors",
            "service info",
            "max_workers",
            "hpa_max_workers",
            "inittime_label",
            "max_series",
            "disable_compression",
            "wait_for_started",
            "limits",
        ];
        let config = &self.case.server_config;
        let inner = |section: &str, keys: [&'static str; 2]| {
            let entries = config
                .get(section)
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            let mut fields = entries.flat_map(|(_, entry)| entry.as_object().into_iter().flatten());
            fields.all(|(field, value)| {
                let number = !matches!(
                    (field.as_str(), value),
                    ("unhealthy" | "value", Value::Bool(_))
                );
                let whole = field != "unhealthy" || !value.is_f64();
                keys.contains(&field.as_str()) && number && whole
            })
        };
        let known = config.keys().all(|key| KEYS.contains(&key.as_str()));
        let infos = config
            .get("service info")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let named = infos.into_iter().all(|(name, _)| is_free_name(name));
        let entries = inner("errors", ["service_errors", "unhealthy"])
            && inner("service info", ["info", "value"]);
        if known && named && entries {
            Ok(())
        } else {
            Err(Raised)
        }
    }

    fn service_info(&mut self) -> Result<(), Raised> {
        if self.ours(Id::H6) {
            self.check_config()?;
        }
        let section = self.case.server_config.get("service info");
        let given = section.map_or(Ok(serde_json::Map::new()), |section| {
            section.as_object().cloned().ok_or(Raised)
        })?;
        let mut infos = given
            .iter()
            .filter(|(name, _)| *name != "service_threads")
            .map(Info::read)
            .collect::<Result<Vec<_>, _>>()?;
        #[allow(clippy::cast_precision_loss, reason = "a small number")]
        let threads = self
            .case
            .hpa_max_workers
            .or(self.case.max_workers)
            .unwrap_or(1) as f64;
        self.threads = threads;
        let help = "number of service threads setups by the config".to_owned();
        let workers = Info {
            name: "service_threads".to_owned(),
            help,
            value: threads,
        };
        if self.ours(Id::Collide) {
            self.info = infos;
            infos = Vec::new();
        }
        for Info { name, help, value } in infos.into_iter().chain([workers]) {
            self.registry
                .create(&name, &name, Kind::Gauge, &help, Vec::new())?;
            self.registry.set(&name, value)?;
        }
        Ok(())
    }

    /// A servicer's method is known before its first call.
    fn preregister(&mut self, method: &str) {
        self.zero(method);
        if !self.ours(Id::W6) {
            for size in ["request_size", "response_size"] {
                self.put(&keys::of_call(size, method), Val::Int(0));
            }
        }
    }

    /// All counts and the histogram of a method, at zero where they are not there yet.
    pub(crate) fn zero(&mut self, method: &str) {
        let mut all = vec![keys::of_call("request", method)];
        all.extend(
            ["failure", "success"]
                .map(|status| format!("processed___method__{method}___status__{status}")),
        );
        all.extend(
            self.rules
                .types
                .iter()
                .map(|word| format!("errors___method__{method}___type__{word}")),
        );
        for key in all {
            self.count(&key, 0.0);
        }
        if self.ours(Id::Zero) {
            let source = Source::Call(method.to_owned());
            let key = keys::of_call("time full", method);
            self.windows.know(&source, &key);
            // Only where the original could not make it either is there none.
            let _ = self.make_histogram(&source, &key);
        }
    }

    /// Adds to a count of the calls.
    pub(crate) fn count(&mut self, key: &str, by: f64) {
        if self.ours(Id::Collide) {
            match self.counts.iter_mut().find(|(known, _)| known == key) {
                Some((_, count)) => *count += by,
                None => self.counts.push((key.to_owned(), by)),
            }
        } else {
            let before = self.get(key).and_then(Val::number).unwrap_or(0.0);
            self.put(key, Val::Float(before + by));
        }
    }
}

/// Whether a gauge of the configuration may have this name.
fn is_free_name(name: &str) -> bool {
    const BUILT_IN: [&str; 7] = [
        "started",
        "completed",
        "tasks_count",
        "current_tasks_time_spend",
        "current_tasks_max_time_spend",
        "tasks_time_spent_quantile",
        "process_start_time_seconds",
    ];
    let suffixes = ["_total", "_created", "_bucket", "_sum", "_count"];
    let base = suffixes
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    let taken = BUILT_IN.contains(&name)
        || BUILT_IN.contains(&base)
        || name.starts_with("stats_")
        || name.starts_with("monitor_");
    !name.is_empty() && escape_name(name, true) == name && !taken
}

impl Info {
    fn read((name, entry): (&String, &Value)) -> Result<Self, Raised> {
        let help = entry.get("info").and_then(Value::as_str).ok_or(Raised)?;
        let value = match entry.get("value").ok_or(Raised)? {
            Value::String(text) => crate::value::parse_float(text).ok_or(Raised)?,
            plain => Val::of_result(plain).number().ok_or(Raised)?,
        };
        Ok(Self {
            name: name.clone(),
            help: help.to_owned(),
            value,
        })
    }
}
