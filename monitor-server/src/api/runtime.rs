//! `runtime`: the process, its tokio runtimes, and this server.
//!
//! The numbers are those of the page's families, read at this moment. A share of time needs two readings: the one before
//! is kept from the answer before, where that is a second old or older, so a first answer has no shares; but for the CPU, which
//! is in the history with the other numbers of the process ([`figures`](super::figures)).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use monitor_core::family::{Child, ChildValue, Family};
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::figures::{self, Figures};
use super::query::{Query, Refusal};
use super::{Api, json};
use crate::process::cgroup;
use crate::runtime::lock;

/// A reading this old gives shares that say something.
const LEAST_AGE: Duration = Duration::from_secs(1);

/// One this old says nothing of now.
const MOST_AGE: Duration = Duration::from_secs(60);

/// A measure of the process: its name, the family of its value, its unit, and the family of its limit. That of memory is the control
/// group's.
const OF_PROCESS: [(&str, &str, &str, Option<&str>); 3] = [
    ("memory", "process_resident_memory_bytes", "bytes", None),
    (
        "descriptors",
        "process_open_fds",
        "",
        Some("process_max_fds"),
    ),
    ("threads", "process_threads", "", None),
];

/// A measure of the server, the same without a limit. Of `render` it is the mean time of a render.
const OF_SERVER: [(&str, &str, &str); 6] = [
    ("scrapes", "monitor_scrapes_total", ""),
    ("render", "monitor_scrape_render_seconds", "seconds"),
    ("sent", "monitor_scrape_body_bytes_total", "bytes"),
    ("errors", "monitor_scrape_errors_total", ""),
    ("connections", "monitor_server_connections", ""),
    ("refused", "monitor_server_requests_refused_total", ""),
];

/// Seconds of CPU and of workers as they were.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<Option<(Instant, BTreeMap<String, f64>)>>);

/// Answers a request; always whole.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["since"])?;
    let families = Families::read(api);
    api.look(&query, |look| answer_of(look, &families))
}

/// The families that answers are made from, and shares of time.
pub(super) struct Families {
    all: Vec<Family>,
    shares: BTreeMap<String, f64>,
}

impl Families {
    pub(super) fn read(api: &Api) -> Self {
        let mut all = api.process.families();
        all.extend(api.metrics.families(0));
        let shares = api.readings.shares(&all);
        Self { all, shares }
    }

    fn children(&self, name: &str) -> &[Child] {
        let family = self.all.iter().find(|family| family.name == name);
        family.map_or(&[], |family| &family.children)
    }

    /// All series of a family added up.
    fn sum(&self, name: &str) -> Option<f64> {
        let mut numbers = self
            .children(name)
            .iter()
            .filter_map(|child| number(&child.value));
        let first = numbers.next()?;
        Some(first + numbers.sum::<f64>())
    }
}

pub(super) fn answer_of(look: &Look<'_>, families: &Families) -> Value {
    let figures = Figures::read(look);
    let cpu = families.shares.get("cpu").copied();
    let cpu = cpu.or_else(|| figures.of("cpu").last());
    let cores = std::thread::available_parallelism().ok();
    let cores = cores.map(|cores| json::double(cores.get() as u64));
    let mut process = vec![measure("cpu", cpu, "cores", cores)];
    process.extend(OF_PROCESS.map(|(name, family, unit, limit)| {
        let limit = limit.and_then(|limit| families.sum(limit));
        let of_group = || Some(json::double(cgroup::memory_limit()?));
        let limit = limit.or_else(|| of_group().filter(|_| name == "memory"));
        measure(name, families.sum(family), unit, limit)
    }));
    for measure in process.iter_mut().filter_map(Value::as_object_mut) {
        let name = measure.get("name").and_then(Value::as_str);
        let figure = figures.of(name.unwrap_or_default());
        figure.add_to(measure);
    }
    let server =
        OF_SERVER.map(|(name, family, unit)| measure(name, families.sum(family), unit, None));
    let mut server = Vec::from(server);
    let history = json::double(look.watch.bytes() as u64);
    server.push(measure("history", Some(history), "bytes", None));
    let thinned = look.watch.thinned()[0];
    let thinned = json::double((thinned.totals + thinned.added_up) as u64);
    server.push(measure("thinned", Some(thinned), "", None));
    let mut object = Map::new();
    object.insert("t0".into(), json::time(figures.t0));
    object.insert("step".into(), figures::STEP.into());
    object.insert("process".into(), process.into());
    object.insert("tokio".into(), tokio(families));
    object.insert("server".into(), server.into());
    look.sealed(true, object)
}

fn measure(name: &str, value: Option<f64>, unit: &str, limit: Option<f64>) -> Value {
    json!({
        "name": name,
        "value": json::optional(value),
        "unit": unit,
        "limit": json::optional(limit),
    })
}

/// One object a runtime.
fn tokio(families: &Families) -> Value {
    let of = |family: &str, runtime: &str| -> Vec<f64> {
        let children = families.children(family).iter();
        let own = children.filter(|child| label(child, "runtime") == Some(runtime));
        own.filter_map(|child| number(&child.value)).collect()
    };
    let first = |family: &str, runtime: &str| json::optional(of(family, runtime).first().copied());
    let runtimes = families.children("tokio_workers").iter();
    let runtimes = runtimes.filter_map(|child| label(child, "runtime"));
    json::collected(runtimes.map(|name| {
        let list = |family: &str| json::collected(of(family, name).into_iter().map(json::number));
        let workers = of("tokio_worker_parks_total", name).len();
        let busy = (0..workers).map(|worker| {
            let share = families.shares.get(&worker_key(name, &worker.to_string()));
            json::optional(share.copied())
        });
        let parked: f64 = of("tokio_worker_parked", name).iter().sum();
        json!({
            "name": json::text(name),
            "workers": first("tokio_workers", name),
            "busy": json::collected(busy),
            "parked": json::number(parked),
            "parks": list("tokio_worker_parks_total"),
            "tasks": first("tokio_alive_tasks", name),
            "queue": first("tokio_global_queue_depth", name),
            "delay": first("tokio_scheduling_delay_seconds", name),
        })
    }))
}

fn label<'c>(child: &'c Child, name: &str) -> Option<&'c str> {
    let mut labels = child.labels.iter();
    labels
        .find(|label| label.name == name)
        .map(|label| &*label.value)
}

fn number(value: &ChildValue) -> Option<f64> {
    match value {
        ChildValue::Int(number) => Some(json::double(*number)),
        ChildValue::Float(number) => Some(*number),
        // The mean of what was observed.
        ChildValue::Summary { sum, count, .. } => (*count > 0).then(|| sum / json::double(*count)),
        ChildValue::Histogram(histogram) => {
            let count = histogram.count();
            (count > 0).then(|| histogram.sum / json::double(count))
        }
        ChildValue::Timestamped { value, .. } => number(value),
        _ => None,
    }
}

fn worker_key(runtime: &str, worker: &str) -> String {
    format!("{worker} of {runtime}")
}

impl Readings {
    /// Seconds a second since the reading before, by name.
    fn shares(&self, families: &[Family]) -> BTreeMap<String, f64> {
        let now = (Instant::now(), seconds_of(families));
        let mut before = lock(&self.0);
        let shares = before.as_ref().map(|before| shares_between(before, &now));
        let age = before.as_ref().map(|(at, _)| now.0.duration_since(*at));
        if age.is_none_or(|age| age >= LEAST_AGE) {
            *before = Some(now);
        }
        shares.unwrap_or_default()
    }
}

type Reading = (Instant, BTreeMap<String, f64>);

fn shares_between(before: &Reading, now: &Reading) -> BTreeMap<String, f64> {
    let age = now.0.duration_since(before.0);
    if !(LEAST_AGE..=MOST_AGE).contains(&age) {
        return BTreeMap::new();
    }
    let shares = now.1.iter().filter_map(|(name, seconds)| {
        let spent = (seconds - before.1.get(name)?).max(0.0);
        Some((name.clone(), spent / age.as_secs_f64()))
    });
    shares.collect()
}

/// Seconds of CPU of the process and of each worker.
fn seconds_of(families: &[Family]) -> BTreeMap<String, f64> {
    let children = |name: &str| {
        let family = families.iter().find(|family| family.name == name);
        family.map_or(&[][..], |family| &family.children)
    };
    let cpu = children("process_cpu_seconds_total").iter();
    let cpu = cpu.filter_map(|child| Some(("cpu".to_owned(), number(&child.value)?)));
    let workers = children("tokio_worker_busy_seconds_total").iter();
    let workers = workers.filter_map(|child| {
        let key = worker_key(label(child, "runtime")?, label(child, "worker")?);
        Some((key, number(&child.value)?))
    });
    cpu.chain(workers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_readings_a_second_to_a_minute_apart() {
        let begin = Instant::now();
        let reading = |after: u64, cpu: f64| {
            let seconds = BTreeMap::from([("cpu".to_owned(), cpu)]);
            (begin + Duration::from_millis(after), seconds)
        };
        let of = |before: &Reading, now: &Reading| shares_between(before, now).get("cpu").copied();
        assert_eq!(of(&reading(0, 1.0), &reading(2000, 2.0)), Some(0.5));
        assert_eq!(of(&reading(0, 2.0), &reading(2000, 1.0)), Some(0.0));
        assert_eq!(of(&reading(0, 1.0), &reading(999, 2.0)), None);
        assert_eq!(of(&reading(0, 1.0), &reading(60_001, 2.0)), None);
    }
}
