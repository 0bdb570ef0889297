//! Plays a case on ours: the call API, the storage's verbs, the server's real routes over a socket, a manual clock.

mod calls;
mod error;
mod http;
mod values;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use monitor_core::errors::{ErrorText, ErrorView};
use monitor_core::{Clock, Keep, ManualClock, Monitor, StatusParser};
use monitor_server::{MonitorConfig, Profile};
use serde_json::{Value, json};

use self::calls::Calls;
use self::error::CaseError;
use self::http::Client;
use crate::case::{Case, Event, Raised, Step};
use crate::observed::{Gave, Note, Observed};
use crate::page::Page;
use crate::value::{Val, expand_key};

/// Anything that keeps a case from being played; never a difference.
pub type Failure = Box<dyn Error>;

/// When the virtual clock starts, seconds since 1970.
const EPOCH: f64 = 1_700_000_000.0;

/// Statuses that have thresholds.
const STATUSES: [&str; 5] = [
    "CONNECTION_ERROR",
    "FATAL",
    "INTERNAL",
    "OTHER_EXCEPTION",
    "UNKNOWN",
];

struct Driver<'a> {
    case: &'a Case,
    monitor: Monitor,
    hand: ManualClock,
    clock: Clock,
    client: Client,
    calls: Calls,
    notes: Vec<Note>,
    at: String,
}

/// Plays a case.
///
/// # Errors
///
/// If the case is not understood, or the server does not answer.
pub fn run(case: &Case, steps: &[Step]) -> Result<Observed, Failure> {
    let Ok(config) = storage_config(case) else {
        return Ok(Observed {
            startup_error: true,
            ..Observed::default()
        });
    };
    let (clock, hand) = Clock::manual(EPOCH);
    let monitor = Monitor::with_clock(config, clock.clone());
    let client = Client::start(monitor)?;
    let mut driver = Driver {
        case,
        monitor,
        hand,
        clock,
        client,
        calls: Calls::default(),
        notes: Vec::new(),
        at: String::new(),
    };
    for step in steps {
        driver.at.clone_from(&step.at);
        driver.step(&step.event)?;
    }
    driver.finish()
}

/// The case's configuration, through the reader that `run` uses.
fn storage_config(case: &Case) -> Result<monitor_core::StorageConfig, Failure> {
    let mut section = case.server_config.clone();
    section.remove("port");
    section.insert("inittime_label".to_owned(), json!(true));
    // The original has no limit: a case that makes many series or methods is to show them all.
    section.insert("max_series".to_owned(), json!(0));
    section.insert("max_methods".to_owned(), json!(0));
    let workers = [
        ("max_workers", case.max_workers),
        ("hpa_max_workers", case.hpa_max_workers),
    ];
    section.extend(
        workers
            .into_iter()
            .filter_map(|(key, workers)| Some((key.to_owned(), json!(workers?)))),
    );
    let public = case
        .methods
        .iter()
        .flatten()
        .filter(|method| !method.starts_with('_'));
    let config = MonitorConfig::from_yaml(&Value::Object(section).to_string())?
        .profile(Profile::Servicekit)
        .methods(public.map(String::as_str));
    Ok(config.storage_config()?)
}

impl Driver<'_> {
    fn note(&mut self, op: &str, gave: Gave) {
        self.notes.push(Note {
            at: self.at.clone(),
            op: op.to_owned(),
            gave,
        });
    }

    fn note_result<T, E>(&mut self, op: &str, result: &Result<T, E>) {
        if result.is_err() {
            self.note(op, Gave::Raised(false));
        }
    }

    fn value(&self, json: &Value) -> Val {
        Val::of_case(json, self.clock.unix())
    }

    fn step(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::ErrorParse(error) => {
                let word = self.parse(error);
                self.note("error_parse", Gave::Value(Val::Text(word)));
            }
            Event::ErrorSetStatus { r#type } => self.monitor.set_status(r#type.as_deref()),
            Event::StatusParse { error } => self.note(
                "status_parse",
                Gave::Value(Val::text(StatusParser::parse(*error))),
            ),
            Event::SetTaskStatus { status, task_type } => {
                self.monitor.set_task_status(status.parse()?, task_type);
            }
            Event::Call(call) => self.call(call)?,
            Event::StartCall(call) => self.start_call(call)?,
            Event::FinishCall { id } => self.finish_call(id),
            Event::Advance { seconds } => self.advance(*seconds),
            Event::Scrape {} => {
                let page = self.plain_page()?;
                self.note("scrape", Gave::Page(page));
            }
            Event::GetStats {} => {
                let stats = self.stats();
                self.note("get_stats", Gave::Value(Val::Map(stats)));
            }
            Event::WaitForEndingTasks {} => {
                let ended = self.monitor.wait_blocking(Duration::ZERO).is_ok();
                let value = if ended {
                    Val::Int(0)
                } else {
                    Val::text("still waiting")
                };
                self.note("wait_for_ending_tasks", Gave::Value(value));
            }
            verb => self.step_stats(verb),
        }
        Ok(())
    }

    fn step_stats(&mut self, event: &Event) {
        let monitor = self.monitor;
        match event {
            Event::IncStats { key, value } => {
                let by = value
                    .as_ref()
                    .map_or(Val::Int(1), |value| self.value(value));
                // The API takes numbers alone.
                let result = values::number(&by)
                    .ok_or(())
                    .and_then(|by| monitor.inc_stats(&expand_key(key), by).map_err(drop));
                self.note_result("inc_stats", &result);
            }
            Event::SetStats { key, value } | Event::SetStatSync { key, value } => {
                let op = if matches!(event, Event::SetStats { .. }) {
                    "set_stats"
                } else {
                    "set_stat_sync"
                };
                let result =
                    monitor.set_stats(&expand_key(key), values::to_ours(&self.value(value)));
                self.note_result(op, &result);
            }
            Event::AppendStats {
                key,
                value,
                max_count,
            } => {
                let keep = Keep::from_max_count(*max_count);
                let result = monitor.append_stats(
                    &expand_key(key),
                    values::to_ours(&self.value(value)),
                    keep,
                );
                self.note_result("append_stats", &result);
            }
            Event::AddKeyValue {
                section,
                key,
                value,
            } => {
                let result = monitor.add_key_value(
                    section,
                    &expand_key(key),
                    values::to_ours(&self.value(value)),
                );
                self.note_result("add_key_value", &result);
            }
            Event::DelKeyValue { section, key } => {
                monitor.del_key_value(section, &expand_key(key));
            }
            _ => {}
        }
    }

    /// Our clock does not go back.
    fn advance(&self, seconds: f64) {
        self.hand.advance(Duration::from_secs_f64(seconds.max(0.0)));
    }

    fn parse(&self, error: &Raised) -> String {
        let parser = self.monitor.error_parser();
        let raised = CaseError::new(error);
        let view = ErrorView {
            type_name: raised.class(),
            text: ErrorText::Error(&raised),
        };
        parser.name(parser.parse_view(&view)).to_string()
    }

    fn stats(&self) -> Vec<(String, Val)> {
        let stats = self.monitor.stats();
        let named = |(key, value): (String, monitor_core::StatValue)| {
            let value = values::from_ours(&value);
            let value = if key == "tasks" {
                self.calls.with_case_ids(value)
            } else {
                value
            };
            (key, value)
        };
        stats.into_iter().map(named).collect()
    }

    /// The process's start is in a label; in the recorded results it is masked. The server's metrics of its own scrapes are
    /// no part of the service's metrics, and the original has nothing to compare it with.
    fn page(&self, text: &str) -> Page {
        Page::parse(&text.replace(&*self.monitor.init_time(), "<INITTIME>")).without_additions()
    }

    fn plain_page(&self) -> Result<Page, Failure> {
        let (_, body) = self.client.get("/metrics", &[])?;
        Ok(self.page(&body))
    }

    fn finish(mut self) -> Result<Observed, Failure> {
        let exposition = self.plain_page()?;
        let http = self.ask_all()?;
        let stats = self.stats().into_iter().collect();
        let series = |status: monitor_core::snapshot::StatusSnapshot| {
            (
                status.task.to_string(),
                Val::List(vec![
                    Val::text(status.status.name()),
                    Val::Int(status.run.into()),
                ]),
            )
        };
        let rules = self.monitor.config().errors;
        let thresholds = rules
            .rules()
            .iter()
            .filter(|rule| STATUSES.contains(&rule.status.as_str()));
        let observed = Observed {
            startup_error: false,
            points_by_source: true,
            notes: std::mem::take(&mut self.notes),
            exposition,
            http,
            stats,
            statuses: self.monitor.statuses().into_iter().map(series).collect(),
            error_types: self
                .monitor
                .error_parser()
                .types()
                .iter()
                .map(ToString::to_string)
                .collect(),
            series_unhealthy: thresholds
                .map(|rule| (rule.status.clone(), Val::Int(rule.unhealthy.into())))
                .collect::<BTreeMap<_, _>>(),
        };
        self.client.stop();
        Ok(observed)
    }
}
