//! The totals that a service is scaled by: a request counts once, however many calls it makes.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use monitor_core::family::{ChildValue, Family};
use monitor_core::monitored;
use monitor_core::names::{Profile, families};
use monitor_core::testing::Recorder;
use monitor_core::{StorageConfig, Totals};

const REQUESTS: usize = 100;
/// Between two scrapes each request waits for its query, and then there is nothing to do.
const BETWEEN_SCRAPES: Duration = Duration::from_secs(10);
const WAITS: Duration = Duration::from_millis(6_750);
const RESTS: Duration = Duration::from_millis(3_250);

#[monitored(method = "HandleRequest")]
async fn handle(request: usize) -> Result<usize, String> {
    let row = query(request).await;
    if row > REQUESTS {
        Err("no such row")?;
    }
    Ok(row)
}

#[monitored(method = "QueryRow")]
async fn query(request: usize) -> usize {
    let mut is_answered = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut is_answered, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    request
}

type Request = Pin<Box<dyn Future<Output = Result<usize, String>>>>;

/// A service with a worker for each of its requests.
struct Service {
    recorder: Recorder,
    requests: Vec<Request>,
}

impl Service {
    /// Each request waits for its query.
    fn start(totals: Totals) -> Self {
        let mut config = StorageConfig::default();
        (config.max_workers, config.totals) = (REQUESTS, totals);
        let recorder = Recorder::builder().config(config).build();
        let mut service = Self {
            recorder,
            requests: Vec::new(),
        };
        service
            .requests
            .extend((0..REQUESTS).map(|request| Box::pin(handle(request)) as _));
        assert!(service.poll_all().iter().all(Poll::is_pending));
        service
    }

    fn poll_all(&mut self) -> Vec<Poll<Result<usize, String>>> {
        let context = &mut Context::from_waker(Waker::noop());
        let requests = self.requests.iter_mut();
        let poll = |request: &mut Request| request.as_mut().poll(context);
        self.recorder.scope_sync(|| requests.map(poll).collect())
    }

    fn answer_all(&mut self) {
        assert!(self.poll_all().iter().all(Poll::is_ready));
    }

    fn page(&self, profile: Profile) -> Vec<Family> {
        families(&self.recorder.snapshot(), profile)
    }
}

/// The number of a family without labels.
#[track_caller]
fn value(page: &[Family], name: &str) -> f64 {
    let family = page.iter().find(|family| family.name == name);
    let children = &family.expect("a family of the catalog").children;
    match &children[0].value {
        ChildValue::Int(count) => u32::try_from(*count).expect("a small count").into(),
        ChildValue::Float(value) => *value,
        other => panic!("{name} is no number: {other:?}"),
    }
}

#[track_caller]
fn assert_values<const N: usize>(page: &[Family], expected: [(&str, f64); N]) {
    for (name, expected) in expected {
        let value = value(page, name);
        assert!(
            (value - expected).abs() < 1e-6,
            "{name}: {value}, not {expected}"
        );
    }
}

/// The share of its workers that a service keeps busy, as `rate` has it from two scrapes.
fn share_of_workers(totals: Totals, profile: Profile, name: &str) -> f64 {
    let mut service = Service::start(totals);
    let before = value(&service.page(profile), name);
    service.recorder.advance(WAITS);
    service.answer_all();
    service.recorder.advance(RESTS);
    (value(&service.page(profile), name) - before) / BETWEEN_SCRAPES.as_secs_f64()
}

#[test]
fn a_request_with_a_call_inside_is_one_task() {
    let mut service = Service::start(Totals::default());
    service.recorder.advance(BETWEEN_SCRAPES);
    assert_values(
        &service.page(Profile::Prometheus),
        [
            ("service_tasks_started_total", 100.0),
            ("service_tasks_completed_total", 0.0),
            ("service_tasks_in_flight", 100.0),
            ("service_tasks_current_seconds", 1_000.0),
            ("service_tasks_current_max_seconds", 10.0),
            ("service_tasks_completed_seconds_total", 0.0),
            ("service_tasks_busy_seconds_total", 1_000.0),
            ("service_worker_busy_seconds", 10.0),
        ],
    );
    service.answer_all();
    assert_values(
        &service.page(Profile::Prometheus),
        [
            ("service_tasks_started_total", 100.0),
            ("service_tasks_completed_total", 100.0),
            ("service_tasks_in_flight", 0.0),
            ("service_tasks_current_seconds", 0.0),
            ("service_tasks_completed_seconds_total", 1_000.0),
            ("service_tasks_busy_seconds_total", 1_000.0),
            ("service_worker_busy_seconds", 10.0),
        ],
    );
}

/// As the original counts.
#[test]
fn each_call_is_a_task_where_all_calls_count() {
    let mut service = Service::start(Totals::AllCalls);
    service.recorder.advance(BETWEEN_SCRAPES);
    assert_values(
        &service.page(Profile::Servicekit),
        [
            ("started_total", 200.0),
            ("tasks_count", 200.0),
            ("current_tasks_time_spend", 2_000.0),
            ("current_tasks_max_time_spend", 10.0),
            ("stats_tasks_with_current_time_spend_total", 2_000.0),
            ("stats_tasks_with_current_time_spend_normalised_total", 20.0),
        ],
    );
    service.answer_all();
    assert_values(
        &service.page(Profile::Servicekit),
        [
            ("completed_total", 200.0),
            ("tasks_count", 0.0),
            ("stats_tasks_time_spend_total", 2_000.0),
        ],
    );
}

#[test]
fn the_autoscaling_figure_is_the_share_of_workers_with_a_request() {
    let of_entries = share_of_workers(
        Totals::default(),
        Profile::Prometheus,
        "service_worker_busy_seconds",
    );
    assert!((of_entries - 0.675).abs() < 1e-6, "{of_entries}");
    let of_all = share_of_workers(
        Totals::AllCalls,
        Profile::Servicekit,
        "stats_tasks_with_current_time_spend_normalised_total",
    );
    assert!((of_all - 1.35).abs() < 1e-6, "{of_all}");
}
