//! The original's `_refresh_registry_from_stats`, line by line: where it raises, the scrape is a 500.

use super::Model;
use super::keys::Source;
use super::names::Plane;
use super::points::{LAST, means_of};
use super::registry::{Cell, Kind, Raised};
use crate::kinds::Id;
use crate::value::Val;

impl Model<'_> {
    /// Brings the registry up to date.
    ///
    /// # Errors
    ///
    /// If the original raises; what was set by then stays set.
    pub(crate) fn refresh(&mut self) -> Result<(), Raised> {
        if self.ours(Id::W4) {
            self.registry.clear_gauges_of_keys();
        }
        if !self.ours(Id::Collide) {
            self.refresh_keys()?;
        }
        self.refresh_tasks()?;
        self.refresh_statuses();
        Ok(())
    }

    fn refresh_keys(&mut self) -> Result<(), Raised> {
        if self.ours(Id::W5) {
            self.refresh_means_by_source()?;
        } else {
            for (plane, last) in [(Plane::Mean, usize::MAX), (Plane::LastMean, LAST)] {
                for (key, mean) in self.shared_means(last)? {
                    self.set_gauge(plane, &Source::User, &key, mean)?;
                }
            }
        }
        for (key, value) in self.stats.clone() {
            if let Some(value) = value
                .number()
                .filter(|_| !matches!(key.as_str(), "tasks" | "stats"))
            {
                self.set_gauge(Plane::Value, &Source::User, &key, value)?;
            }
        }
        Ok(())
    }

    fn refresh_means_by_source(&mut self) -> Result<(), Raised> {
        for ((source, key), (window, last)) in self.windows.means(self.ours) {
            for (plane, mean) in [(Plane::Mean, window), (Plane::LastMean, last)] {
                if let Some(mean) = mean {
                    self.set_gauge(plane, &source, &key, mean)?;
                }
            }
        }
        Ok(())
    }

    /// Means over the one list that all calls and the user share.
    fn shared_means(&self, newest: usize) -> Result<Vec<(String, f64)>, Raised> {
        let list = match self.get("stats") {
            None => return Ok(Vec::new()),
            Some(Val::List(list)) => list,
            Some(Val::Text(text)) if text.is_empty() => return Ok(Vec::new()),
            Some(_) => return Err(Raised),
        };
        let points: Vec<_> = list
            .iter()
            .skip(list.len().saturating_sub(newest))
            .collect();
        let readable = |point: &&Val| match point {
            Val::Map(_) => true,
            Val::Text(text) => text.is_empty(),
            Val::List(list) => list.is_empty(),
            _ => false,
        };
        if points.iter().all(readable) {
            Ok(means_of(&points, self.ours))
        } else {
            Err(Raised)
        }
    }

    fn refresh_tasks(&mut self) -> Result<(), Raised> {
        let starts: Vec<Val> = match self.get("tasks") {
            None => Vec::new(),
            Some(Val::Map(map)) => map.iter().map(|(_, start)| start.clone()).collect(),
            Some(Val::List(list)) => list.clone(),
            Some(Val::Text(text)) if text.is_empty() => Vec::new(),
            Some(_) => return Err(Raised),
        };
        #[allow(clippy::cast_precision_loss, reason = "a short list")]
        self.registry.set("tasks_count", starts.len() as f64)?;
        let not_in_future = self.ours(Id::C4);
        let age = |start: &Val| {
            let age = self.now - start.number()?;
            Some(if not_in_future { age.max(0.0) } else { age })
        };
        let ages: Vec<f64> = starts
            .iter()
            .map(age)
            .collect::<Option<_>>()
            .ok_or(Raised)?;
        let current: f64 = ages.iter().fold(0.0, |sum, age| sum + age);
        let max = ages.iter().copied().reduce(f64::max).unwrap_or(0.0);
        self.registry.set("current_tasks_time_spend", current)?;
        self.registry.set("current_tasks_max_time_spend", max)?;
        let all = current + self.registry.inc("stats_tasks_time_spend", 0.0)?;
        self.registry
            .set("stats_tasks_with_current_time_spend_total", all)?;
        let normalised = if self.threads <= 0.0 {
            0.0
        } else {
            all / self.threads
        };
        self.registry.set(
            "stats_tasks_with_current_time_spend_normalised_total",
            normalised,
        )
    }

    /// The statuses, which the original does not export.
    fn refresh_statuses(&mut self) {
        if !self.ours(Id::W7) {
            return;
        }
        let unset = ("default".to_owned(), ("OK".to_owned(), 0));
        let mut all: Vec<_> = self.statuses.clone().into_iter().collect();
        if !self.statuses.contains_key("default") {
            all.push(unset);
        }
        let taken: Vec<_> = all.iter().map(|(task, _)| task.clone()).collect();
        all.extend(
            self.method_statuses
                .clone()
                .into_iter()
                .filter(|(method, _)| !taken.contains(method)),
        );
        let Some(family) = self.registry.get("monitor_task_status") else {
            return;
        };
        family.clear();
        for (task, (status, run)) in all {
            let labels = vec![("status".to_owned(), status), ("task".to_owned(), task)];
            #[allow(clippy::cast_precision_loss, reason = "a short run")]
            family.child(labels).clone_from(&Cell::Number(run as f64));
        }
    }

    /// Makes the family of the statuses, where it is exported.
    pub(crate) fn open_statuses(&mut self) -> Result<(), Raised> {
        if self.ours(Id::W7) {
            let help = "How many times in a row each task type was set to its current status.";
            self.registry.create(
                "monitor_task_status",
                "monitor_task_status",
                Kind::Gauge,
                help,
                Vec::new(),
            )?;
        }
        Ok(())
    }
}
