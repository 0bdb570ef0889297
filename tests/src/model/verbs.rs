//! The verbs of the original's storage, on its flat map.

use super::Model;
use super::keys::{self, Source};
use super::points::LIST_BOUND;
use super::registry::Raised;
use crate::case::Event;
use crate::kinds::Id;
use crate::value::{Val, expand_key, get};

impl Model<'_> {
    pub(crate) fn step_stats(&mut self, event: &Event) {
        match event {
            Event::IncStats { key, value } => {
                let by = value
                    .as_ref()
                    .map_or(Val::Int(1), |value| Val::of_case(value, self.now));
                let result = self.inc(&expand_key(key), &by);
                self.note_raised("inc_stats", result);
            }
            Event::SetStats { key, value } | Event::SetStatSync { key, value } => {
                let value = Val::of_case(value, self.now);
                let op = if matches!(event, Event::SetStats { .. }) {
                    "set_stats"
                } else {
                    "set_stat_sync"
                };
                let result = self.set_by_user(&expand_key(key), value);
                self.note_raised(op, result);
            }
            Event::AppendStats {
                key,
                value,
                max_count,
            } => {
                let value = Val::of_case(value, self.now);
                let result = self.append_by_user(&expand_key(key), value, *max_count);
                self.note_raised("append_stats", result);
            }
            Event::AddKeyValue {
                section,
                key,
                value,
            } => {
                let value = Val::of_case(value, self.now);
                let result = self.add_key_value(section, &expand_key(key), value);
                self.note_raised("add_key_value", result);
            }
            Event::DelKeyValue { section, key } => {
                let result = self.del_key_value(section, &expand_key(key));
                self.note_raised("del_key_value", result);
            }
            _ => {}
        }
    }

    fn inc(&mut self, key: &str, by: &Val) -> Result<(), Raised> {
        self.refuse_reserved(key)?;
        let value = added(self.get(key).unwrap_or(&Val::Int(0)), by)?;
        self.put(key, value);
        Ok(())
    }

    /// Ours refuses to use `stats` and `tasks` as something else than they are.
    fn refuse_reserved(&self, key: &str) -> Result<(), Raised> {
        if self.ours(Id::S6) && matches!(key, "stats" | "tasks") {
            Err(Raised)
        } else {
            Ok(())
        }
    }

    fn set_by_user(&mut self, key: &str, value: Val) -> Result<(), Raised> {
        self.refuse_reserved(key)?;
        self.put(key, value);
        Ok(())
    }

    fn append_by_user(&mut self, key: &str, value: Val, max_count: i64) -> Result<(), Raised> {
        if self.ours(Id::S7) && key == "stats" && !matches!(value, Val::Map(_))
            || self.ours(Id::S6) && key == "tasks"
        {
            return Err(Raised);
        }
        if key == "stats" && self.ours(Id::W5) {
            let items = self.map_items(&value);
            // The list holds the user's own points only.
            self.windows.by_user(
                value,
                usize::try_from(max_count).ok().filter(|max| *max > 0),
            );
            return self.observe_items(&items, &Source::User);
        }
        self.append(key, value, max_count)
    }

    /// The original's `append_stats`.
    fn append(&mut self, key: &str, value: Val, max_count: i64) -> Result<(), Raised> {
        let bound = match usize::try_from(max_count) {
            Ok(max) if max > 0 => max,
            _ if self.ours(Id::M1) => LIST_BOUND,
            _ => usize::MAX,
        };
        let items = self.map_items(&value);
        let number = value.number();
        self.push(key, value, bound)?;
        self.observe_items(&items, &Source::User)?;
        match number.filter(|_| keys::bucket_bounds(&Source::User, key, self.ours).is_some()) {
            Some(number) => self.observe(&Source::User, key, number),
            None => Ok(()),
        }
    }

    /// Puts a value at the end of a list and keeps the last ones.
    pub(crate) fn push(&mut self, key: &str, value: Val, bound: usize) -> Result<(), Raised> {
        if self.get(key).is_none() {
            self.put(key, Val::List(Vec::new()));
        }
        match self.stats.iter_mut().find(|(known, _)| known == key) {
            Some((_, Val::List(list))) => {
                list.push(value);
                list.drain(..list.len().saturating_sub(bound));
                Ok(())
            }
            _ => Err(Raised),
        }
    }

    /// What of a map feeds histograms.
    fn map_items(&self, value: &Val) -> Vec<(String, Val)> {
        let Val::Map(map) = value else {
            return Vec::new();
        };
        let fed = |(key, _): &&(String, Val)| {
            keys::bucket_bounds(&Source::User, key, self.ours).is_some()
        };
        let mut items: Vec<_> = map.iter().filter(fed).cloned().collect();
        if self.ours(Id::Collide) {
            // Ours keeps a map in the order of its keys.
            items.sort_by(|a, b| a.0.cmp(&b.0));
        }
        items
    }

    pub(crate) fn observe_items(
        &mut self,
        items: &[(String, Val)],
        source: &Source,
    ) -> Result<(), Raised> {
        for (key, value) in items {
            match value.number() {
                Some(number) => self.observe(source, key, number)?,
                None if self.ours(Id::C1) => {}
                None => {
                    self.make_histogram(source, key)?;
                    return Err(Raised);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn add_key_value(
        &mut self,
        section: &str,
        key: &str,
        value: Val,
    ) -> Result<(), Raised> {
        if self.ours(Id::S6) && section == "stats" {
            return Err(Raised);
        }
        if self.ours(Id::S8) && section == "tasks" && !value.number().is_some_and(f64::is_finite) {
            return Err(Raised);
        }
        if self.get(section).is_none() {
            self.put(section, Val::Map(Vec::new()));
        }
        if section == "tasks" {
            self.registry.inc("started_total", 1.0)?;
        }
        match self.stats.iter_mut().find(|(known, _)| known == section) {
            Some((_, Val::Map(map))) => match map.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) => *known = value,
                None => map.push((key.to_owned(), value)),
            },
            _ => return Err(Raised),
        }
        Ok(())
    }

    pub(crate) fn del_key_value(&mut self, section: &str, key: &str) -> Result<(), Raised> {
        let value = match self.get(section) {
            None => return Ok(()),
            Some(Val::Map(map)) => get(map, key).cloned(),
            Some(Val::Text(_) | Val::List(_)) => None,
            Some(_) if self.ours(Id::Del) => None,
            Some(_) => return Err(Raised),
        };
        let Some(value) = value else { return Ok(()) };
        if section == "tasks" {
            self.complete(&value)?;
        }
        if let Some((_, Val::Map(map))) = self.stats.iter_mut().find(|(known, _)| known == section)
        {
            map.retain(|(known, _)| known != key);
        }
        Ok(())
    }

    /// A task that began then has ended.
    fn complete(&mut self, start: &Val) -> Result<(), Raised> {
        let spent = self.now - start.number().ok_or(Raised)?;
        let spent = if self.ours(Id::C4) {
            spent.max(0.0)
        } else {
            spent
        };
        self.registry.inc("stats_tasks_time_spend", spent)?;
        self.registry.inc("completed_total", 1.0)?;
        Ok(())
    }
}

/// Python's `+` where one side is a number.
fn added(value: &Val, by: &Val) -> Result<Val, Raised> {
    match (value, by) {
        (Val::Int(a), Val::Int(b)) => Ok(Val::Int(a + b)),
        _ => match (value.number(), by.number()) {
            (Some(a), Some(b)) => Ok(Val::Float(a + b)),
            _ => Err(Raised),
        },
    }
}
