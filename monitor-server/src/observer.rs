//! What the server sees of the service beside its calls, for the history: results of checks, the states of other parts of
//! health, start and drain, numbers of the process.
//!
//! The history looks at a storage once in 2 s, and asks here for what a storage cannot see ([`Observer::facts`]). A run of a
//! check is one result: it is told by its moment, which no other run of the check has. A check that is late for a further
//! interval has a bad result by that, and one more with each interval; a bad run that ends then is none of its own, for it
//! is the one that was waited for. A task type that no method feeds, a worker, a runtime and the heartbeat have no results:
//! while one is unhealthy, each look is a bad result of it, and the look at which it is well again a good one. The pages
//! show what was seen here too: since when a part has its state, and what the process takes.
//!
//! Times are those of the storage's clock, as all times of the history are; spans are measured with [`Instant`], so neither
//! jumps with the wall clock.
//!
//! One mutex guards what was seen. It is held while facts are compared, and never while a check or a reader runs.

mod scrape_gap;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use monitor_core::history::{EventKind, Facts, Phase, ProcessFigures};
use monitor_core::slot::CheckResult;
use monitor_core::verdict::numbers::{self, NumberStyle::Cell, NumberStyle::Prose};
use monitor_core::{HealthStatus, Monitor};

use self::scrape_gap::ScrapeGap;
use crate::health::{Check, HealthPart, HealthService, PartDetails, Readiness};
use crate::process::{self, Process, Service};
use crate::runtime::lock;
use crate::self_metrics::SelfMetrics;

/// How long before its end a certificate is warned of, seconds: a week.
const WARN_BEFORE: f64 = 7.0 * 86_400.0;

/// The name of the limit of methods among those that were reached.
const MAX_METHODS: &str = "max_methods";

/// The name of the heartbeat among checks.
const HEARTBEAT: &str = "heartbeat";

/// What was seen of one server's service.
#[derive(Debug)]
pub(crate) struct Observer {
    process: Process,
    metrics: Arc<SelfMetrics>,
    made: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    parts: BTreeMap<Arc<str>, SeenPart>,
    /// The last two readings.
    figures: [Option<(Instant, ProcessFigures)>; 2],
    phase: Option<Phase>,
    has_started: bool,
    scrapes: ScrapeGap,
    has_merged_methods: bool,
    /// The expiry of the certificate that was warned of, seconds since 1970.
    warned: Option<u64>,
}

#[derive(Debug, Clone)]
struct SeenPart {
    /// The name that its results have.
    name: Arc<str>,
    status: HealthStatus,
    /// Since when, seconds since 1970.
    since: f64,
    /// The moment of the last run, where it is a check.
    run: Option<Instant>,
    late: Option<Lateness>,
}

/// A check without a result where one was due.
#[derive(Debug, Clone, Copy)]
struct Lateness {
    /// When it counts as a bad result (again); `None` is never.
    due: Option<Instant>,
    /// Whether it did.
    is_told: bool,
}

/// The time of a look, by both clocks.
#[derive(Debug, Clone, Copy)]
struct Moment {
    instant: Instant,
    /// Seconds since 1970, by the clock of the storage.
    unix: f64,
}

impl Moment {
    /// Another moment, in seconds since 1970.
    fn of(self, instant: Instant) -> f64 {
        let before = self.instant.saturating_duration_since(instant);
        let after = instant.saturating_duration_since(self.instant);
        self.unix - before.as_secs_f64() + after.as_secs_f64()
    }
}

impl Observer {
    pub(crate) fn new(process: Process, metrics: Arc<SelfMetrics>) -> Self {
        Self {
            process,
            metrics,
            made: Instant::now(),
            seen: Mutex::default(),
        }
    }

    /// What happened since the last call.
    pub(crate) fn facts(&self, health: &HealthService) -> Facts {
        let figures = process::figures();
        let parts = health.report().parts;
        let fed = fed_tasks(health, &parts);
        health
            .monitor
            .note_states(task_states(&parts, health.monitor));
        // After all that may take time: no run is later.
        let now = Moment {
            instant: Instant::now(),
            unix: health.monitor.now(),
        };
        let mut facts = Facts::default();
        facts.phase = phase(health);
        let drain = health.lifecycle.drain();
        let limit = drain.and_then(|drain| drain.limit);
        facts.drain_limit = limit.map(|limit| now.of(limit));
        let signal = drain.and_then(|drain| drain.signal);
        let signal = signal.map_or_else(String::new, |signal| signal.to_string());
        facts.process = figures;
        let mut seen = lock(&self.seen);
        if let Some(figures) = figures {
            seen.figures = [seen.figures[1], Some((now.instant, figures))];
        }
        facts.checks = seen.results(&parts, &fed, now);
        facts.gone = seen.forget(&parts);
        facts
            .checks
            .extend(seen.heartbeat(health.late_pulse(), now.unix));
        let mut events = seen.changes(&facts, health.lifecycle.has_started(), &signal);
        let elapsed = now.instant.saturating_duration_since(self.made);
        events.extend(seen.scrape_gap(self.metrics.scrapes(), elapsed.as_secs_f64()));
        events.extend(seen.merged_methods(health.monitor.has_merged_methods()));
        events.extend(seen.certificate(self.metrics.protection.expiry(), now.unix));
        drop(seen);
        for (kind, text) in events {
            let name = match kind {
                EventKind::Overflow => MAX_METHODS,
                EventKind::Draining => &*signal,
                _ => "",
            };
            let at = match kind {
                EventKind::Start => health.monitor.started_at(),
                _ => now.unix,
            };
            health.monitor.event_at(at, kind, name, &text);
        }
        facts
    }

    /// Since when a part has its state, seconds since 1970.
    pub(crate) fn since(&self, key: &str) -> Option<f64> {
        lock(&self.seen).parts.get(key).map(|part| part.since)
    }

    /// Name, version and instance, as a line.
    pub(crate) fn service_line(&self) -> String {
        let instance = instance();
        let Some(Service { name, version, .. }) = &self.process.service else {
            let id = std::process::id();
            return instance.unwrap_or_else(|| format!("process {id}"));
        };
        let instance = instance.map(|instance| format!("  {instance}"));
        format!("{name} {version}{}", instance.unwrap_or_default())
    }

    /// What the process takes, as of the last look: `0.94 of 4 cores`, `212 MiB`, `284 of 1024 fds`, `338 tasks`,
    /// `queue 0`.
    pub(crate) fn process_pieces(&self) -> Vec<String> {
        let figures = lock(&self.seen).figures;
        let last = figures[1].map(|(_, figures)| figures).unwrap_or_default();
        let cores = busy_cores(figures).map(|busy| {
            let cores = std::thread::available_parallelism();
            let of = cores
                .map(|cores| format!(" of {cores}"))
                .unwrap_or_default();
            format!("{busy:.2}{of} cores")
        });
        let memory = last.memory.map(|bytes| numbers::bytes(bytes, Prose));
        let limit = process::descriptor_limit().filter(|limit| *limit < u64::MAX);
        let limit = limit
            .map(|limit| format!(" of {limit}"))
            .unwrap_or_default();
        let descriptors = last.descriptors.map(|open| format!("{open:.0}{limit} fds"));
        let runtimes = self.process.tasks_and_queue().map(|(tasks, queue)| {
            let [tasks, queue] = [tasks, queue].map(|number| numbers::count(number, Cell));
            format!("{tasks} tasks  queue {queue}")
        });
        [cores, memory, descriptors, runtimes]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The mean number of cores between two readings.
fn busy_cores(figures: [Option<(Instant, ProcessFigures)>; 2]) -> Option<f64> {
    let [Some((from, before)), Some((to, now))] = figures else {
        return None;
    };
    let seconds = to.saturating_duration_since(from).as_secs_f64();
    let used = now.cpu_seconds? - before.cpu_seconds?;
    (seconds > 0.0).then(|| (used / seconds).max(0.0))
}

/// The name of the host or pod, where it is in the environment.
pub(crate) fn instance() -> Option<String> {
    let name = std::env::var("HOSTNAME").ok()?;
    Some(name).filter(|name| !name.trim().is_empty())
}

/// True for a task type that a method feeds: its state is no result, as the history has those calls and judges them by what is
/// usual.
fn is_fed_task(part: &HealthPart, monitor: Monitor) -> bool {
    matches!(part.details, PartDetails::Task(_)) && monitor.is_fed(&part.name)
}

/// The keys of those that are down.
fn fed_tasks(health: &HealthService, parts: &[HealthPart]) -> Vec<Arc<str>> {
    let down = parts
        .iter()
        .filter(|part| part.status == HealthStatus::Down);
    let fed = down.filter(|part| is_fed_task(part, health.monitor));
    fed.map(|part| Arc::clone(&part.key)).collect()
}

/// The known states of task types that a method feeds: those of the others are results, as of checks.
pub(crate) fn task_states(parts: &[HealthPart], monitor: Monitor) -> Vec<CheckResult> {
    let now = monitor.now();
    let is_task = |part: &&HealthPart| is_fed_task(part, monitor);
    let state = |part: &HealthPart| {
        Some(CheckResult {
            name: format!("task type {}", part.name).into(),
            at: now,
            is_up: match part.status {
                HealthStatus::Up => true,
                HealthStatus::Down => false,
                _ => return None,
            },
            output: why(part),
        })
    };
    parts.iter().filter(is_task).filter_map(state).collect()
}

fn phase(health: &HealthService) -> Phase {
    match health.lifecycle.readiness() {
        Readiness::Starting => Phase::Starting,
        Readiness::Draining | Readiness::Stopped => Phase::Draining,
        Readiness::Ready | Readiness::Unhealthy => Phase::Ready,
    }
}

impl Seen {
    /// The results of all parts since the last look, but for those with these keys.
    fn results(
        &mut self,
        parts: &[HealthPart],
        without: &[Arc<str>],
        now: Moment,
    ) -> Vec<CheckResult> {
        let mut results = Vec::new();
        for part in parts {
            let before = self.parts.get(&part.key);
            let (seen, result) = match &part.details {
                PartDetails::Check(check, _) => of_check(part, check, before, now),
                _ => of_watched(part, before, now),
            };
            results.extend(result.filter(|_| !without.contains(&part.key)));
            self.parts.insert(Arc::clone(&part.key), seen);
        }
        results
    }

    /// Forgets the parts that are no more, as checks may be taken out; returns the names that their results had.
    fn forget(&mut self, parts: &[HealthPart]) -> Vec<Arc<str>> {
        let is_there = |key: &Arc<str>| parts.iter().any(|part| part.key == *key);
        let mut gone = Vec::new();
        // The heartbeat is no part of health.
        if self.parts.len() > parts.len() {
            self.parts.retain(|key, seen| {
                let stays = **key == *HEARTBEAT || is_there(key);
                if !stays {
                    gone.push(Arc::clone(&seen.name));
                }
                stays
            });
        }
        gone
    }

    /// The heartbeat, which is no part of health: how old the newest pulse is where that is too old.
    fn heartbeat(&mut self, late: Option<Duration>, now: f64) -> Option<CheckResult> {
        let status = if late.is_some() {
            HealthStatus::Down
        } else {
            HealthStatus::Up
        };
        let before = self.parts.get(HEARTBEAT).map(|before| before.status);
        let was_down = before == Some(HealthStatus::Down);
        if late.is_none() && !was_down {
            return None;
        }
        let seen = seen(HEARTBEAT.into(), status, self.parts.get(HEARTBEAT), now);
        self.parts.insert(HEARTBEAT.into(), seen);
        Some(CheckResult {
            name: HEARTBEAT.into(),
            at: now,
            is_up: late.is_none(),
            output: late.map(|age| format!("no pulse for {:.1} s", age.as_secs_f64()).into()),
        })
    }

    /// What has changed in the life of the service. `signal` is the one that began a drain, if any.
    fn changes(
        &mut self,
        facts: &Facts,
        has_started: bool,
        signal: &str,
    ) -> Vec<(EventKind, String)> {
        let mut changes = Vec::new();
        let mut add = |kind, text: &str| changes.push((kind, text.to_owned()));
        let is_first = self.phase.is_none();
        if is_first {
            add(EventKind::Start, "The process started.");
        }
        if has_started && !self.has_started && !is_first {
            add(EventKind::Started, "The service has started.");
        }
        if self.phase != Some(facts.phase) {
            match facts.phase {
                Phase::Ready => add(EventKind::Ready, "The service takes requests."),
                Phase::Draining if signal.is_empty() => {
                    add(EventKind::Draining, "A drain has begun.");
                }
                Phase::Draining => {
                    let text = format!("{signal} came: a drain has begun.");
                    add(EventKind::Draining, &text);
                }
                _ => {}
            }
        }
        self.phase = Some(facts.phase);
        self.has_started = has_started;
        changes
    }

    fn scrape_gap(&mut self, scrapes: u64, now: f64) -> Option<(EventKind, String)> {
        let (out, usual) = self.scrapes.look(scrapes, now)?;
        let [out, usual] = [out, usual].map(|span| numbers::span(span, Prose));
        let text = format!("No scrape came for {out}, usually one comes every {usual}.");
        Some((EventKind::ScrapeGap, text))
    }

    /// The limit of methods was reached: once.
    fn merged_methods(&mut self, has_merged: bool) -> Option<(EventKind, String)> {
        let had = std::mem::replace(&mut self.has_merged_methods, has_merged);
        (has_merged && !had).then(|| {
            let text = "There are more methods than `max_methods`: calls of further ones are counted as the method `overflow`.";
            (EventKind::Overflow, text.to_owned())
        })
    }

    /// The certificate ends within a week: once for each.
    fn certificate(&mut self, expiry: Option<u64>, now: f64) -> Option<(EventKind, String)> {
        let expiry = expiry.filter(|expiry| self.warned != Some(*expiry))?;
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let left = expiry as f64 - now;
        if left > WARN_BEFORE {
            return None;
        }
        self.warned = Some(expiry);
        let text = if left > 0.0 {
            format!(
                "The certificate of this server ends in {}.",
                numbers::span(left, Prose)
            )
        } else {
            "The certificate of this server has ended.".to_owned()
        };
        Some((EventKind::Certificate, text))
    }
}

/// A check as it is now, and its result, where there is one that was not given yet.
fn of_check(
    part: &HealthPart,
    check: &Check,
    before: Option<&SeenPart>,
    now: Moment,
) -> (SeenPart, Option<CheckResult>) {
    let run = part.run.map(|run| run.at);
    let new = part.run.filter(|_| before.and_then(|one| one.run) != run);
    let is_late = match run {
        Some(run) => check.is_late(now.instant.saturating_duration_since(run)),
        None => part.status == HealthStatus::Down,
    };
    let late = before.and_then(|one| one.late).filter(|_| new.is_none());
    let next = || now.instant.checked_add(check.interval);
    let mut late = is_late.then(|| {
        late.unwrap_or(Lateness {
            due: next(),
            is_told: false,
        })
    });
    let result = |at, is_up| CheckResult {
        name: name(part),
        at,
        is_up,
        output: why(part).filter(|_| !is_up),
    };
    let result = match (new, &mut late) {
        (Some(run), _) => {
            let was_told = before
                .and_then(|one| one.late)
                .is_some_and(|late| late.is_told);
            let is_told = was_told && !run.is_well;
            (!is_told).then(|| result(now.of(run.at), run.is_well))
        }
        (None, Some(late)) if late.due.is_some_and(|due| now.instant >= due) => {
            *late = Lateness {
                due: next(),
                is_told: true,
            };
            Some(result(now.unix, false))
        }
        _ => None,
    };
    let at = new.map_or(now.unix, |run| now.of(run.at));
    (
        SeenPart {
            run,
            late,
            ..seen(name(part), part.status, before, at)
        },
        result,
    )
}

/// The same of a part that has no results.
fn of_watched(
    part: &HealthPart,
    before: Option<&SeenPart>,
    now: Moment,
) -> (SeenPart, Option<CheckResult>) {
    let is_down = part.status == HealthStatus::Down;
    let was_down = before.is_some_and(|one| one.status == HealthStatus::Down);
    let is_result = is_down || (was_down && part.status == HealthStatus::Up);
    let result = is_result.then(|| CheckResult {
        name: name(part),
        at: now.unix,
        is_up: !is_down,
        output: why(part),
    });
    (seen(name(part), part.status, before, now.unix), result)
}

/// A part with this status, which it has since then, unless it had it before.
fn seen(name: Arc<str>, status: HealthStatus, before: Option<&SeenPart>, since: f64) -> SeenPart {
    let same = before.filter(|one| one.status == status);
    SeenPart {
        name,
        status,
        since: same.map_or(since, |one| one.since),
        run: None,
        late: None,
    }
}

/// The name among results: those of checks are their own.
fn name(part: &HealthPart) -> Arc<str> {
    match &part.details {
        PartDetails::Task(_) => format!("task type {}", part.name).into(),
        PartDetails::Check(..) => Arc::clone(&part.name),
        PartDetails::Watched(kind) => format!("{kind}:{}", part.name).into(),
    }
}

/// Why it is unhealthy, without its own name.
pub(crate) fn why(part: &HealthPart) -> Option<Arc<str>> {
    if let PartDetails::Check(_, output) = &part.details {
        return output.clone();
    }
    let reason = part.reason.as_deref()?;
    let own = reason.split_once("`: ").map_or(reason, |(_, why)| why);
    Some(own.into())
}

#[cfg(test)]
mod tests;
