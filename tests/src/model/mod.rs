//! What the original does with a case, and what ours does instead.
//!
//! A second implementation of the Python original, for tests alone: small, slow, single-threaded. Each defect of the original
//! that ours does not have is one condition on [`Ours`]: without it the model does what the original does, with it what
//! ours promises. The difference between the two is the exact replacement of that kind of difference, and where they
//! agree the recorded result has to come out unchanged.

mod book;
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
mod verbs;

use std::collections::BTreeMap;

use self::book::Book;
use self::calls::InFlight;
use self::points::Windows;
use self::registry::{Counts, Raised, Registry};
use self::rules::{Rules, Seen};
use crate::case::{Case, Event, Step};
use crate::kinds::{Id, Ours};
use crate::observed::{Gave, Note, Observed};
use crate::page::Page;
use crate::value::{Val, get};

pub(crate) use self::calls::cannot_abort;
pub(crate) use self::points::by_source;

/// When the virtual clock starts, seconds since 1970.
pub const EPOCH: f64 = 1_700_000_000.0;

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
        return Observed {
            startup_error: true,
            ..Observed::default()
        };
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
        self.notes.push(Note {
            at: self.at.clone(),
            op: op.to_owned(),
            gave,
        });
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
                self.note(
                    "status_parse",
                    Gave::Value(Val::text(if *error { "failure" } else { "success" })),
                );
            }
            Event::SetTaskStatus { status, task_type } => self.set_status(task_type, status),
            Event::Call(call) => self.call(call),
            Event::StartCall(call) => self.start_call(call),
            Event::FinishCall { id } => self.finish_call(id),
            Event::Advance { seconds } => self.advance(*seconds),
            Event::Scrape {} => {
                let page = self
                    .scrape(false, None)
                    .unwrap_or_else(|_| http::failed_page());
                self.note("scrape", Gave::Page(page));
            }
            Event::GetStats {} => {
                let stats = self.get_stats();
                self.note("get_stats", Gave::Value(Val::Map(stats)));
            }
            Event::WaitForEndingTasks {} => {
                let waiting = self.tasks().is_none_or(|tasks| !tasks.is_empty());
                let value = if waiting {
                    Val::text("still waiting")
                } else {
                    Val::Int(0)
                };
                self.note("wait_for_ending_tasks", Gave::Value(value));
            }
            stats => self.step_stats(stats),
        }
    }

    fn advance(&mut self, seconds: f64) {
        self.now += if self.ours(Id::C4) {
            seconds.max(0.0)
        } else {
            seconds
        };
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

    /// What `get_stats` gives.
    fn get_stats(&self) -> Vec<(String, Val)> {
        let mut stats = self.stats.clone();
        let counts = self
            .counts
            .iter()
            .map(|(key, count)| (key.clone(), Val::Float(*count)));
        stats.retain(|(key, _)| !self.counts.iter().any(|(known, _)| known == key));
        stats.extend(counts);
        if self.ours(Id::W5) {
            stats.extend(self.windows.as_stats());
        }
        stats
    }

    fn finish(mut self) -> Observed {
        let exposition = self
            .scrape(false, None)
            .unwrap_or_else(|_| http::failed_page());
        let http = self.http();
        let series =
            |(status, run): (String, u64)| Val::List(vec![Val::Text(status), Val::Int(run.into())]);
        Observed {
            startup_error: false,
            points_by_source: self.ours.has(Id::W5),
            exposition,
            http,
            stats: self.get_stats().into_iter().collect(),
            statuses: self
                .statuses
                .into_iter()
                .map(|(task, status)| (task, series(status)))
                .collect(),
            error_types: self.rules.types,
            series_unhealthy: self.rules.thresholds.into_iter().collect(),
            notes: self.notes,
        }
    }

    /// A page, or what the original's failing scrape comes to.
    fn scrape(
        &mut self,
        open_metrics: bool,
        only: Option<&std::collections::BTreeSet<String>>,
    ) -> Result<Page, Raised> {
        self.refresh()?;
        let writing = registry::Writing {
            open_metrics,
            keep_colons: self.ours(Id::S10c),
            only,
        };
        Ok(if self.ours(Id::Collide) {
            self.page_by_book(writing)?
        } else {
            self.registry.page(writing)
        })
    }
}

/// Enters a status: the same name as before makes the run longer.
fn next_run(statuses: &mut BTreeMap<String, (String, u64)>, task: &str, status: &str) -> u64 {
    let entry = statuses
        .entry(task.to_owned())
        .or_insert_with(|| ("OK".to_owned(), 0));
    *entry = if entry.0 == status {
        (entry.0.clone(), entry.1 + 1)
    } else {
        (status.to_owned(), 1)
    };
    entry.1
}
