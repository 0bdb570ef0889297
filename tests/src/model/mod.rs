//! What the original does with a case, and what ours does instead.
//!
//! A second implementation of `reference.md`, for tests alone: small, slow, single-threaded. Each defect of the original
//! that ours does not have is one condition on [`Ours`]: without it the model does what the original does, with it what
//! ours promises. The difference between the two is the exact replacement of that kind of difference, and where they
//! agree the recorded result has to come out unchanged.

mod calls;
mod http;
mod keys;
mod names;
mod negotiate;
mod points;
mod registry;
mod rules;
mod scrape;
mod start;

use std::collections::BTreeMap;

use self::calls::InFlight;
use self::names::Book;
use self::points::Windows;
use self::registry::{Counts, Raised, Registry};
use self::rules::{Rules, Seen};
use crate::case::{Case, Event, Step};
use crate::kinds::{Id, Ours};
use crate::observed::{Gave, Note, Observed};
use crate::page::Page;
use crate::value::{Val, expand_key, get};

pub use self::calls::cannot_abort;
pub use self::points::by_source;

/// When the virtual clock starts, seconds since 1970.
pub const EPOCH: f64 = 1_700_000_000.0;

/// Most values ours keeps of a list without a bound.
const LIST_BOUND: usize = 10_000;

/// The state of the original's process, or of ours.
struct Model<'a> {
    case: &'a Case,
    ours: &'a Ours,
    now: f64,
    /// The original's flat map.
    stats: Vec<(String, Val)>,
    /// Status and run by task type.
    statuses: BTreeMap<String, (String, u64)>,
    /// The same for each method's own.
    method_statuses: BTreeMap<String, (String, u64)>,
    rules: Rules,
    registry: Registry,
    /// Histograms by key, where the page is made from them and not from the registry.
    histograms: Vec<(keys::Source, String, Counts)>,
    book: Book,
    /// What calls count, where that is apart from what user code sets by the same key.
    counts: Vec<(String, f64)>,
    /// Gauges of the configuration, where no name can break the start.
    info: Vec<start::Info>,
    windows: Windows,
    threads: f64,
    /// Calls that run, by the id the case gives them.
    in_flight: BTreeMap<String, InFlight>,
    /// Permits by method.
    permits: BTreeMap<String, calls::Permits>,
    tasks_begun: u64,
    notes: Vec<Note>,
    at: String,
}

/// Plays a case.
pub fn run(case: &Case, steps: &[Step], ours: &Ours) -> Observed {
    let Ok(mut model) = Model::start(case, ours) else {
        return Observed { startup_error: true, ..Observed::default() };
    };
    for step in steps {
        model.at.clone_from(&step.at);
        model.step(&step.event);
    }
    model.finish()
}

impl Model<'_> {
    fn ours(&self, id: Id) -> bool {
        self.ours.has(id)
    }

    fn note(&mut self, op: &str, gave: Gave) {
        self.notes.push(Note { at: self.at.clone(), op: op.to_owned(), gave });
    }

    fn note_raised(&mut self, op: &str, result: Result<(), Raised>) {
        if result.is_err() {
            self.note(op, Gave::Raised(false));
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::ErrorParse(error) => {
                let word = self.rules.parse(error, Seen::Runner);
                self.note("error_parse", Gave::Value(Val::Text(word)));
            }
            Event::ErrorSetStatus { r#type } => {
                let status = self.rules.status_of(r#type.as_deref());
                self.set_status("default", &status);
            }
            Event::StatusParse { error } => {
                self.note("status_parse", Gave::Value(Val::text(if *error { "failure" } else { "success" })));
            }
            Event::SetTaskStatus { status, task_type } => self.set_status(task_type, status),
            Event::Call(call) => self.call(call),
            Event::StartCall(call) => self.start_call(call),
            Event::FinishCall { id } => self.finish_call(id),
            Event::Advance { seconds } => self.advance(*seconds),
            Event::Scrape {} => {
                let page = self.scrape(false, None).unwrap_or_else(|_| http::failed_page());
                self.note("scrape", Gave::Page(page));
            }
            Event::GetStats {} => {
                let stats = self.get_stats();
                self.note("get_stats", Gave::Value(Val::Map(stats)));
            }
            Event::WaitForEndingTasks {} => {
                let waiting = self.tasks().is_none_or(|tasks| !tasks.is_empty());
                let value = if waiting { Val::text("still waiting") } else { Val::Int(0) };
                self.note("wait_for_ending_tasks", Gave::Value(value));
            }
            stats => self.step_stats(stats),
        }
    }

    fn step_stats(&mut self, event: &Event) {
        match event {
            Event::IncStats { key, value } => {
                let by = value.as_ref().map_or(Val::Int(1), |value| Val::of_case(value, self.now));
                let result = self.inc(&expand_key(key), &by);
                self.note_raised("inc_stats", result);
            }
            Event::SetStats { key, value } | Event::SetStatSync { key, value } => {
                let value = Val::of_case(value, self.now);
                let op = if matches!(event, Event::SetStats { .. }) { "set_stats" } else { "set_stat_sync" };
                let result = self.set_by_user(&expand_key(key), value);
                self.note_raised(op, result);
            }
            Event::AppendStats { key, value, max_count } => {
                let value = Val::of_case(value, self.now);
                let result = self.append_by_user(&expand_key(key), value, *max_count);
                self.note_raised("append_stats", result);
            }
            Event::AddKeyValue { section, key, value } => {
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

    fn advance(&mut self, seconds: f64) {
        self.now += if self.ours(Id::C4) { seconds.max(0.0) } else { seconds };
    }

    fn set_status(&mut self, task: &str, status: &str) {
        let run = next_run(&mut self.statuses, task, status);
        let series = Val::List(vec![Val::text(status), Val::Int(run.into())]);
        self.put(&format!("series.{task}"), series);
    }

    fn get(&self, key: &str) -> Option<&Val> {
        get(&self.stats, key)
    }

    fn put(&mut self, key: &str, value: Val) {
        match self.stats.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.stats.push((key.to_owned(), value)),
        }
    }

    /// `tasks` as the section it should be; `None` if it is something else.
    fn tasks(&self) -> Option<&[(String, Val)]> {
        match self.get("tasks") {
            None => Some(&[]),
            Some(Val::Map(map)) => Some(map),
            Some(_) => None,
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
        if self.ours(Id::S6) && matches!(key, "stats" | "tasks") { Err(Raised) } else { Ok(()) }
    }

    fn set_by_user(&mut self, key: &str, value: Val) -> Result<(), Raised> {
        self.refuse_reserved(key)?;
        self.put(key, value);
        Ok(())
    }

    fn append_by_user(&mut self, key: &str, value: Val, max_count: i64) -> Result<(), Raised> {
        if self.ours(Id::S7) && key == "stats" && !matches!(value, Val::Map(_)) || self.ours(Id::S6) && key == "tasks" {
            return Err(Raised);
        }
        if key == "stats" && self.ours(Id::W5) {
            let items = self.map_items(&value);
            // The list holds the user's own points only.
            self.windows.by_user(value, usize::try_from(max_count).ok().filter(|max| *max > 0));
            return self.observe_items(&items, &keys::Source::User);
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
        self.observe_items(&items, &keys::Source::User)?;
        match number.filter(|_| keys::bucket_bounds(&keys::Source::User, key, self.ours).is_some()) {
            Some(number) => self.observe(&keys::Source::User, key, number),
            None => Ok(()),
        }
    }

    /// Puts a value at the end of a list and keeps the last ones.
    fn push(&mut self, key: &str, value: Val, bound: usize) -> Result<(), Raised> {
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
        let Val::Map(map) = value else { return Vec::new() };
        let fed = |(key, _): &&(String, Val)| keys::bucket_bounds(&keys::Source::User, key, self.ours).is_some();
        let mut items: Vec<_> = map.iter().filter(fed).cloned().collect();
        if self.ours(Id::Collide) {
            // Ours keeps a map in the order of its keys.
            items.sort_by(|a, b| a.0.cmp(&b.0));
        }
        items
    }

    fn observe_items(&mut self, items: &[(String, Val)], source: &keys::Source) -> Result<(), Raised> {
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

    fn add_key_value(&mut self, section: &str, key: &str, value: Val) -> Result<(), Raised> {
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

    fn del_key_value(&mut self, section: &str, key: &str) -> Result<(), Raised> {
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
        if let Some((_, Val::Map(map))) = self.stats.iter_mut().find(|(known, _)| known == section) {
            map.retain(|(known, _)| known != key);
        }
        Ok(())
    }

    /// A task that began then has ended.
    fn complete(&mut self, start: &Val) -> Result<(), Raised> {
        let spent = self.now - start.number().ok_or(Raised)?;
        let spent = if self.ours(Id::C4) { spent.max(0.0) } else { spent };
        self.registry.inc("stats_tasks_time_spend", spent)?;
        self.registry.inc("completed_total", 1.0)?;
        Ok(())
    }

    /// What `get_stats` gives.
    fn get_stats(&self) -> Vec<(String, Val)> {
        let mut stats = self.stats.clone();
        let counts = self.counts.iter().map(|(key, count)| (key.clone(), Val::Float(*count)));
        stats.retain(|(key, _)| !self.counts.iter().any(|(known, _)| known == key));
        stats.extend(counts);
        if self.ours(Id::W5) {
            stats.extend(self.windows.as_stats());
        }
        stats
    }

    fn finish(mut self) -> Observed {
        let exposition = self.scrape(false, None).unwrap_or_else(|_| http::failed_page());
        let http = self.http();
        let series = |(status, run): (String, u64)| Val::List(vec![Val::Text(status), Val::Int(run.into())]);
        Observed {
            startup_error: false,
            points_by_source: self.ours.has(Id::W5),
            exposition,
            http,
            stats: self.get_stats().into_iter().collect(),
            statuses: self.statuses.into_iter().map(|(task, status)| (task, series(status))).collect(),
            error_types: self.rules.types,
            series_unhealthy: self.rules.thresholds.into_iter().collect(),
            notes: self.notes,
        }
    }

    /// A page, or what the original's failing scrape comes to.
    fn scrape(&mut self, open_metrics: bool, only: Option<&std::collections::BTreeSet<String>>) -> Result<Page, Raised> {
        self.refresh()?;
        let writing = registry::Writing { open_metrics, keep_colons: self.ours(Id::S10c), only };
        Ok(if self.ours(Id::Collide) { self.page_by_book(writing)? } else { self.registry.page(writing) })
    }
}

/// Enters a status: the same name as before makes the run longer.
fn next_run(statuses: &mut BTreeMap<String, (String, u64)>, task: &str, status: &str) -> u64 {
    let entry = statuses.entry(task.to_owned()).or_insert_with(|| ("OK".to_owned(), 0));
    *entry = if entry.0 == status { (entry.0.clone(), entry.1 + 1) } else { (status.to_owned(), 1) };
    entry.1
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
