//! `/top`: methods, checks and the oldest calls in flight as tables, for a terminal.
//!
//! [`view`] is what is shown, as plain data; [`layout`] makes lines of it. Here it is gathered: [`methods`] from the slots
//! of the history, checks and other parts from the health of the service, calls in flight from the storage itself, which
//! [`shapes`] puts together.

mod layout;
mod methods;
mod shapes;
mod view;

use std::sync::Arc;

use monitor_core::HealthStatus;
use monitor_core::verdict::numbers::{self, NumberStyle::Cell};
use monitor_core::verdict::{State, Verdict};

use self::methods::Watched;
use self::view::{CheckRow, Mark, TopView, Totals};
use super::text_query::{OF_TOP, TextQuery};
use super::verdict::{OFF, TextPage, text_page};
use super::{Context, Inbound, Response};
use crate::health::{HealthPart, HealthService, PartDetails};
use crate::observer::{Observer, why};

/// Most calls in flight that are read.
const CALLS: usize = 2000;

/// What the page is made from.
#[derive(Clone)]
struct Sources {
    health: Arc<HealthService>,
    observer: Arc<Observer>,
}

/// `/top`
pub(super) async fn top(context: &Context, inbound: &Inbound) -> Response {
    let sources = Sources {
        health: Arc::clone(&context.health),
        observer: Arc::clone(&context.observer),
    };
    let make = move |query: &TextQuery| sources.page(query);
    text_page(context, &inbound.query, OF_TOP, make).await
}

impl Sources {
    fn page(&self, query: &TextQuery) -> TextPage {
        let monitor = self.health.monitor;
        let verdict = monitor.verdict();
        let watched = monitor.with_watch(|watch| Watched::read(watch, query));
        let (Some(verdict), Some(watched)) = (verdict, watched) else {
            return TextPage {
                state: None,
                text: OFF.to_owned(),
            };
        };
        let state = Some(verdict.state);
        let view = self.view(&verdict, watched);
        let text = layout::page(&view, query.cols, query.color);
        TextPage { state, text }
    }

    fn view(&self, verdict: &Verdict, watched: Watched) -> TopView {
        let now = self.health.monitor.now();
        let in_flight = shapes::folded(&self.health.monitor.running(CALLS), &watched.usual);
        let totals = Totals {
            calls_stuck: in_flight
                .iter()
                .filter(|row| row.is_stuck)
                .map(|row| row.count)
                .sum(),
            ..watched.totals
        };
        TopView {
            service: self.observer.service_line(),
            now,
            uptime: (now - watched.created_at).max(0.0),
            headline: headline(verdict, now),
            requests: watched.requests,
            process: self.process_pieces(),
            methods: watched.methods,
            checks: self.checks(),
            in_flight: shapes::oldest(in_flight),
            totals,
        }
    }

    /// Parts of health that an operator looks at: all but task types that are well.
    fn checks(&self) -> Vec<CheckRow> {
        let parts = self.health.report().parts;
        let shown = parts.iter().filter(|part| {
            let is_task = matches!(part.details, PartDetails::Task(_));
            !is_task || part.status == HealthStatus::Down
        });
        let mut rows: Vec<_> = shown.map(|part| self.check(part)).collect();
        rows.sort_by_key(|row| row.mark != Mark::Bad);
        rows
    }

    fn check(&self, part: &HealthPart) -> CheckRow {
        CheckRow {
            mark: match part.status {
                HealthStatus::Down => Mark::Bad,
                HealthStatus::Up => Mark::Usual,
                _ => Mark::Idle,
            },
            name: check_name(part),
            status: part.status.name(),
            since: self.observer.since(&part.key),
            why: why(part).map_or_else(|| "-".to_owned(), |why| why.to_string()),
        }
    }

    fn process_pieces(&self) -> Vec<String> {
        let mut pieces = vec![self.health.readiness().word().to_owned()];
        pieces.extend(self.observer.process_pieces());
        pieces
    }
}

/// The name of a part of health, with its kind but for a check: `task:Index`, `worker:mail`.
fn check_name(part: &HealthPart) -> String {
    match &part.details {
        PartDetails::Task(_) => format!("task:{}", part.name),
        _ => part.key.to_string(),
    }
}

/// State, since when, and the sentence: `FAILING since 03:07:42 (6m18s): LookUpWords fails: 64% timed out.`
fn headline(verdict: &Verdict, now: f64) -> String {
    let state = verdict.state.word();
    let lasts = (now - verdict.since).max(0.0);
    let span = numbers::lasting(lasts, Cell);
    let since = if lasts < 86_400.0 {
        format!("since {} ({span})", numbers::time_of_day(verdict.since))
    } else {
        format!("for {span}")
    };
    // Names stand in backquotes there, for pages that mark them.
    let sentence = match verdict.state {
        // The span says for how long.
        State::Ok => "As usual.".to_owned(),
        _ => verdict.sentence.replace('`', "").replace(" %", "%"),
    };
    format!("{state} {since}: {sentence}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use monitor_core::{Clock, Monitor, Outcome, StorageConfig, TaskStatus};

    use super::*;

    #[test]
    fn the_headline_says_for_how_long_once() {
        let (clock, hand) = Clock::manual(1_700_000_000.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        let method = monitor.method("Get").expect("a name");
        method.start().finish(Outcome::Success);
        hand.advance(Duration::from_secs(4));
        let verdict = monitor.verdict().expect("the history is on");
        let at = |seconds: f64| headline(&verdict, verdict.since + seconds);
        let time = numbers::time_of_day(verdict.since);
        assert_eq!(at(6.4), format!("OK since {time} (6.4s): As usual."));
        assert_eq!(at(0.041), format!("OK since {time} (0s): As usual."));
    }

    #[test]
    fn a_task_type_has_its_kind_before_its_name() {
        let monitor = Monitor::new(StorageConfig::default());
        monitor.set_task_status(TaskStatus::Fatal, "load");
        let task = monitor.health().components.pop().expect("one");
        let mut part = HealthPart::from(task);
        assert_eq!(check_name(&part), "task:load");
        part.key = "task:load".into();
        assert_eq!(check_name(&part), "task:load");
    }
}
