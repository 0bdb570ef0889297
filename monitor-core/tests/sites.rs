//! What call sites say of their methods, written as expansions write it.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use monitor_core::__private as rt;
use monitor_core::names::Profile;
use monitor_core::snapshot::{MethodSnapshot, Snapshot, StreamItems};
use monitor_core::{ErrorRules, Monitor, Outcome, StatusRule, StorageConfig, TaskStatus};

/// A site as an expansion makes it: `site!(NAME = "method", setting: value)`.
macro_rules! site {
    ($site:ident = $method:literal $(, $setting:ident: $value:expr)*) => {
        static $site: rt::CallSite = rt::CallSite::new(
            $method,
            rt::file!(),
            rt::line!(),
            rt::SiteSettings { $($setting: $value,)* ..rt::SiteSettings::NONE },
        );
        rt::inventory::submit! { rt::SiteEntry(&$site) }
    };
}

/// A storage of its own that knows all methods of this program.
fn monitor(change: impl FnOnce(&mut StorageConfig)) -> Monitor {
    let mut config = StorageConfig::default();
    config.preregister = true;
    change(&mut config);
    Monitor::new(config)
}

fn rules(types: &[&str], unhealthy: i64) -> ErrorRules {
    ErrorRules::try_new([StatusRule {
        status: "CONNECTION_ERROR".to_owned(),
        service_errors: types.iter().map(|&name| name.to_owned()).collect(),
        unhealthy,
    }])
    .expect("good rules")
}

fn written(method: &MethodSnapshot) -> String {
    let labels = method.labels.iter();
    let labels = labels.map(|label| format!(" {}={}", label.name, label.value));
    let counts = format!(
        ": {} {} {}",
        method.started,
        method.success.count(),
        method.failure.count()
    );
    labels.chain([counts]).collect()
}

/// Each label set of a method with its calls: begun, succeeded, failed.
fn of(snapshot: &Snapshot, method: &str) -> Vec<String> {
    let methods = snapshot.methods.iter();
    methods
        .filter(|one| &*one.name == method)
        .map(written)
        .collect()
}

fn one<'a>(snapshot: &'a Snapshot, method: &str) -> &'a MethodSnapshot {
    let found = snapshot.methods.iter().find(|one| &*one.name == method);
    found.expect("a known method")
}

fn status(snapshot: &Snapshot, task: &str) -> Option<(TaskStatus, u64)> {
    let all = snapshot.statuses.iter().chain(&snapshot.method_statuses);
    let mut found = all.filter(|one| &*one.task == task);
    let status = found.next().map(|one| (one.status, one.run));
    assert!(found.next().is_none(), "{task} has one status");
    status
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn call(start: impl rt::Start, outcome: Outcome<'_>) {
    start.start().finish(outcome);
}

site!(
    BOTH = "both labels",
    labels: &[
        rt::LabelKey::bounded(
            "late",
            rt::label_values(|(late,): (bool,)| rt::bounded(&late))
        ),
        rt::LabelKey::bounded(
            "cached",
            rt::label_values(|(cached,): (&'_ bool,)| rt::bounded(&cached))
        ),
    ]
);

#[test]
fn bounded_labels_are_at_zero_from_start_up() {
    let monitor = monitor(|_| ());
    let expected = [
        " cached=false late=false: 0 0 0",
        " cached=false late=true: 0 0 0",
        " cached=true late=false: 0 0 0",
        " cached=true late=true: 0 0 0",
    ];
    assert_eq!(of(&monitor.snapshot(), "both labels"), expected);
    monitor.scope_sync(|| {
        let args = rt::CallArgs::new(&BOTH);
        let labels = [(&rt::bounded(&true)).into(), (&rt::bounded(&&false)).into()];
        call(args.labels(labels), Outcome::Success);
        call(args.labels(labels), Outcome::Panic);
    });
    let expected = [
        expected[0],
        " cached=false late=true: 2 1 1",
        expected[2],
        expected[3],
    ];
    assert_eq!(of(&monitor.snapshot(), "both labels"), expected);
}

site!(LATE = "late labels", labels: &[rt::LabelKey::late("late")]);

#[test]
fn labels_of_generic_code_are_there_from_the_first_call_all_at_once() {
    let monitor = monitor(|_| ());
    assert_eq!(of(&monitor.snapshot(), "late labels"), [""; 0]);
    monitor.scope_sync(|| {
        call(
            rt::CallArgs::new(&LATE).labels([(&rt::bounded(&true)).into()]),
            Outcome::Success,
        );
    });
    let expected = [" late=false: 0 0 0", " late=true: 1 1 0"];
    assert_eq!(of(&monitor.snapshot(), "late labels"), expected);
}

site!(
    CAPPED = "capped",
    labels: &[rt::LabelKey::capped("tenant", 2)]
);

#[test]
fn a_capped_label_takes_so_many_values_and_counts_the_rest() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        for tenant in ["a", "b", "c", "a", "d", "overflow"] {
            call(
                rt::CallArgs::new(&CAPPED).labels([(&rt::text(tenant)).into()]),
                Outcome::Success,
            );
        }
    });
    let snapshot = monitor.snapshot();
    let expected = [
        " tenant=a: 2 2 0",
        " tenant=b: 1 1 0",
        " tenant=overflow: 3 3 0",
    ];
    assert_eq!(of(&snapshot, "capped"), expected);
    assert_eq!(snapshot.values.overflowed_updates, 3);
}

site!(
    OPEN = "open",
    labels: &[rt::LabelKey::capped("a", 10), rt::LabelKey::capped("b", 10)]
);

#[test]
fn label_sets_made_at_run_time_are_limited_and_totals_stay_right() {
    for _ in 0..2 {
        // The second storage finds names that the first one made.
        let monitor = monitor(|config| config.max_series = 3);
        monitor.scope_sync(|| {
            for (a, b) in [
                ("1", "1"),
                ("1", "2"),
                ("2", "1"),
                ("2", "2"),
                ("1", "1"),
                ("3", "3"),
            ] {
                let (a, b) = (rt::text(a), rt::text(b));
                let labels = [(&a).into(), (&b).into()];
                call(rt::CallArgs::new(&OPEN).labels(labels), Outcome::Success);
            }
        });
        let expected = [
            " a=1 b=1: 2 2 0",
            " a=1 b=2: 1 1 0",
            " a=2 b=1: 1 1 0",
            " overflow=true: 2 2 0",
        ];
        let snapshot = monitor.snapshot();
        assert_eq!(of(&snapshot, "open"), expected);
        assert_eq!(snapshot.tasks.completed, 6);
    }
}

#[test]
fn labels_through_the_api_are_limited_too() {
    let monitor = monitor(|config| config.max_series = 1);
    let method = monitor.method("by hand").expect("a good name");
    for tenant in ["a", "b", "a", "c"] {
        let labelled = method
            .with_labels(&[("tenant", tenant)])
            .expect("good labels");
        labelled.start().finish(Outcome::Success);
    }
    let expected = [": 0 0 0", " overflow=true: 2 2 0", " tenant=a: 2 2 0"];
    assert_eq!(of(&monitor.snapshot(), "by hand"), expected);
    let refused = |labels: &[(&str, &str)]| {
        method
            .with_labels(labels)
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(
        refused(&[("a-b", "")]).as_deref(),
        Some("\"a-b\" is not a label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")
    );
    assert_eq!(
        refused(&[("le", "")]).as_deref(),
        Some("the label \"le\" is reserved")
    );
    // It would be `__name__` where a page escapes names with dots.
    assert_eq!(
        refused(&[("_name_", "")]).as_deref(),
        Some("the label \"_name_\" is reserved")
    );
    assert_eq!(
        refused(&[("a", ""), ("a", "")]).as_deref(),
        Some("the label \"a\" is given twice")
    );
    let labelled = method.with_labels(&[("tenant", "a")]).expect("labels");
    assert!(labelled.with_labels(&[("tenant", "b")]).is_err());
}

site!(TASK_A = "task a", task: Some("shared task"));
site!(TASK_B = "task b", task: Some("shared task"));
site!(DEFAULT_TASK = "feeds default by name", task: Some("default"));
site!(NO_HEALTH = "no health", health: false);

#[test]
fn a_named_task_type_is_fed_by_all_that_name_it() {
    let monitor = monitor(|config| config.errors = rules(&["refused"], 3));
    monitor.scope_sync(|| {
        call(&TASK_A, Outcome::ErrorType("refused"));
        call(&TASK_B, Outcome::ErrorType("refused"));
    });
    let snapshot = monitor.snapshot();
    let refused = |run| Some((TaskStatus::ConnectionError, run));
    assert_eq!(status(&snapshot, "shared task"), refused(2));
    assert_eq!(status(&snapshot, "default"), refused(2));
    assert_eq!(status(&snapshot, "task a"), None);
    assert!(
        snapshot
            .statuses
            .iter()
            .any(|one| &*one.task == "shared task")
    );
    assert!(monitor.health().healthy);
    monitor.scope_sync(|| call(&TASK_A, Outcome::ErrorType("refused")));
    assert!(!monitor.health().healthy);
    monitor.scope_sync(|| call(&TASK_B, Outcome::Success));
    assert_eq!(
        status(&monitor.snapshot(), "shared task"),
        Some((TaskStatus::Ok, 1))
    );
}

#[test]
fn a_method_that_names_default_feeds_it_once() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| call(&DEFAULT_TASK, Outcome::Panic));
    let snapshot = monitor.snapshot();
    assert_eq!(
        status(&snapshot, "default"),
        Some((TaskStatus::Internal, 1))
    );
    assert_eq!(status(&snapshot, "feeds default by name"), None);
}

#[test]
fn a_method_without_health_feeds_no_task_type() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        call(&NO_HEALTH, Outcome::Panic);
        call(&NO_HEALTH, Outcome::Success);
    });
    let snapshot = monitor.snapshot();
    assert_eq!(of(&snapshot, "no health"), [": 2 1 1"]);
    assert_eq!(snapshot.statuses.len() + snapshot.method_statuses.len(), 0);
}

site!(
    RUNS = "runs over label sets",
    labels: &[rt::LabelKey::capped("shard", 9)]
);

#[test]
fn a_run_of_failures_goes_on_over_label_sets() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        for shard in ["1", "2", "3"] {
            call(
                rt::CallArgs::new(&RUNS).labels([(&rt::text(shard)).into()]),
                Outcome::Panic,
            );
        }
    });
    let run = status(&monitor.snapshot(), "runs over label sets");
    assert_eq!(run, Some((TaskStatus::Internal, 3)));
}

site!(
    EXPECTED = "expects",
    expected: &["not found", "no such type"]
);

#[test]
fn an_expected_error_is_a_failure_and_no_illness() {
    let monitor = monitor(|config| config.errors = rules(&["not found", "refused"], -1));
    monitor.scope_sync(|| {
        call(&EXPECTED, Outcome::Success);
        call(&EXPECTED, Outcome::ErrorType("not found"));
    });
    let snapshot = monitor.snapshot();
    assert_eq!(of(&snapshot, "expects"), [": 2 1 1"]);
    assert_eq!(status(&snapshot, "expects"), Some((TaskStatus::Ok, 1)));
    let expected: Vec<_> = snapshot
        .expected
        .iter()
        .filter(|(method, _)| &**method == "expects")
        .map(|(_, name)| &**name)
        .collect();
    assert_eq!(expected, ["not found"]);
    monitor.scope_sync(|| call(&EXPECTED, Outcome::ErrorType("refused")));
    let ill = Some((TaskStatus::ConnectionError, 1));
    assert_eq!(status(&monitor.snapshot(), "expects"), ill);
}

site!(SAME_1 = "same method", error_type: Some("who knows"));
site!(SAME_2 = "same method");

#[test]
fn start_up_tells_of_shared_methods_and_unknown_error_types() {
    let warnings = monitor(|_| ()).start_up_warnings(Profile::default());
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let file = file!();
    let line = |site: &rt::CallSite| site.location().1;
    let shared = format!(
        "two functions count as the method `same method`: {file}:{} and {file}:{}",
        line(&SAME_1),
        line(&SAME_2)
    );
    assert_eq!(warnings.iter().filter(|one| **one == shared).count(), 1);
    for (method, error_type) in [("same method", "who knows"), ("expects", "no such type")] {
        let unknown = format!(
            "the method `{method}` names the error type `{error_type}`, which the configuration does not list: it counts as `other`"
        );
        assert_eq!(warnings.iter().filter(|one| **one == unknown).count(), 1);
    }
}

site!(
    BUCKETS = "own buckets",
    bounds: Some(rt::bounds(&[0.000_01, 0.1, 0.123, 7_200.0]))
);
site!(
    SIZES = "as many buckets as can be",
    bounds: Some(&rt::SIZE_BOUNDS)
);

#[test]
fn bounds_of_a_method_stand_beside_the_common_ones() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        call(&BUCKETS, Outcome::Success);
        call(&SIZES, Outcome::Panic);
    });
    let snapshot = monitor.snapshot();
    let bounds = &one(&snapshot, "own buckets").success.bounds;
    // Three of its own, and two of the profile `prometheus`.
    assert_eq!(bounds.len(), rt::TIME_BOUNDS.len() + 3 + 2);
    assert!(bounds.contains(&0.123) && bounds.contains(&7_200.0) && bounds.contains(&3_600.0));
    assert!(bounds.is_sorted());
    let most = one(&snapshot, "as many buckets as can be");
    assert!(most.failure.bounds.len() > 64);
    assert_eq!(most.failure.count(), 1);
    assert_eq!(snapshot.tasks.completed, 2);
}

site!(LIMITED = "limited", limited: true);

#[test]
fn a_call_waits_for_its_permit_in_flight() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        let mut first = rt::InPlaceCall::<false>::start(&LIMITED);
        let mut second = rt::InPlaceCall::<false>::start(&LIMITED);
        let Poll::Ready(permit) = poll(pin!(first.permit(rt::limit(&1_u8)))) else {
            panic!("nobody else has it")
        };
        {
            let mut waits = pin!(second.permit(rt::limit(&1_u8)));
            assert!(poll(waits.as_mut()).is_pending());
            let snapshot = monitor.snapshot();
            assert_eq!(one(&snapshot, "limited").waiting, Some(1));
            assert_eq!(one(&snapshot, "limited").in_flight, 2);
            drop(permit);
            assert!(poll(waits.as_mut()).is_ready());
        }
        first.finish((), |(), _| Outcome::Success);
        drop(second);
    });
    let snapshot = monitor.snapshot();
    let limited = one(&snapshot, "limited");
    assert_eq!((limited.waiting, limited.in_flight), (Some(0), 0));
    assert_eq!(&*limited.values[0].key.raw, "permit_wait_time");
    assert_eq!(of(&snapshot, "limited"), [": 2 1 1"]);
}

site!(UNLIMITED = "by configuration", limited: true);

#[test]
fn the_configured_number_of_permits_is_taken_where_workers_are_asked_for() {
    let monitor = monitor(|config| config.max_workers = 2);
    monitor.scope_sync(|| {
        let mut calls = [
            rt::InPlaceCall::<false>::start(&UNLIMITED),
            rt::InPlaceCall::<false>::start(&UNLIMITED),
            rt::InPlaceCall::<false>::start(&UNLIMITED),
        ];
        let ready: Vec<_> = calls
            .iter_mut()
            .map(|call| poll(pin!(call.permit(None))))
            .collect();
        let ready: Vec<bool> = ready.iter().map(Poll::is_ready).collect();
        assert_eq!(ready, [true, true, false]);
    });
}

/// A stream that gives these items, and then is at its end.
struct Items(Vec<Result<u8, &'static str>>);

impl Stream for Items {
    type Item = Result<u8, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready((!self.0.is_empty()).then(|| self.0.remove(0)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

site!(STREAM = "stream", streaming: true);

/// Takes so many items of a stream, and drops it; says what was counted while it was there, and after.
fn stream(items: &[Result<u8, &'static str>], take: usize) -> (u64, Vec<String>, StreamItems) {
    let monitor = monitor(|_| ());
    let in_flight = monitor.scope_sync(|| {
        let stream = rt::run_stream::<Result<u8, &'static str>, _, _, _>(
            &STREAM,
            Items(items.to_vec()),
            |item, _| rt::Probe::new(item).outcome(),
        );
        let mut stream = pin!(stream);
        assert_eq!(stream.size_hint(), (items.len(), Some(items.len())));
        for _ in 0..take {
            let _ = stream
                .as_mut()
                .poll_next(&mut Context::from_waker(Waker::noop()));
        }
        monitor.in_flight()
    });
    let snapshot = monitor.snapshot();
    let items = one(&snapshot, "stream").items.expect("a stream");
    (in_flight, of(&snapshot, "stream"), items)
}

#[test]
fn a_stream_is_in_flight_until_its_end_or_its_drop() {
    let items = |ok, failed| StreamItems { ok, failed };
    let calls = |text: &str| vec![text.to_owned()];
    assert_eq!(stream(&[Ok(1)], 0), (0, calls(": 0 0 0"), items(0, 0)));
    assert_eq!(
        stream(&[Ok(1), Ok(2)], 1),
        (1, calls(": 1 0 1"), items(1, 0))
    );
    assert_eq!(
        stream(&[Ok(1), Ok(2)], 3),
        (0, calls(": 1 1 0"), items(2, 0))
    );
    assert_eq!(
        stream(&[Ok(1), Err("e")], 2),
        (1, calls(": 1 0 1"), items(1, 1))
    );
    assert_eq!(stream(&[Err("e")], 2), (0, calls(": 1 0 1"), items(0, 1)));
    assert_eq!(
        stream(&[Err("e"), Ok(1)], 3),
        (0, calls(": 1 1 0"), items(1, 1))
    );
}

site!(SIZED = "sized");

#[test]
fn sizes_and_deadlines_are_noted_at_both_ends() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        let start = rt::CallArgs::new(&SIZED)
            .request_size(&Some(1_024_u32))
            .deadline(&Some(std::time::Duration::from_hours(1)));
        let answer = rt::run_sync(
            start,
            |_| Ok::<&str, ()>("four"),
            |answer, call| {
                rt::response_size(call, rt::Probe::new(answer).get(), |text| text.len());
                rt::Probe::new(answer).outcome()
            },
        );
        assert_eq!(answer, Ok("four"));
    });
    let snapshot = monitor.snapshot();
    let values = one(&snapshot, "sized").values.iter();
    let values: Vec<_> = values.map(|one| (&*one.key.raw, one.means.last)).collect();
    assert_eq!(values[0], ("request_size", Some(1_024.0)));
    assert_eq!(values[1], ("time_remaining_time", Some(3_600.0)));
    assert_eq!(values[2].0, "time_remaining_after_time");
    assert_eq!(values[3], ("response_size", Some(4.0)));
}

site!(PLANNED = "planned future");

#[test]
fn a_future_takes_its_plan_along_and_begins_at_its_first_poll() {
    fn planned() -> Pin<Box<dyn Future<Output = u8>>> {
        let start = rt::CallArgs::new(&PLANNED).request_size(&7_u8);
        Box::pin(rt::run_async::<u8, _, _, _>(
            start,
            ready(1),
            |answer, _| rt::Probe::new(answer).outcome(),
        ))
    }
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        drop(planned());
        assert_eq!(poll(pin!(planned())), Poll::Ready(1));
    });
    let snapshot = monitor.snapshot();
    assert_eq!(of(&snapshot, "planned future"), [": 1 1 0"]);
    assert_eq!(one(&snapshot, "planned future").values.len(), 1);
}

#[test]
fn outcomes_follow_predicates_and_names() {
    let judged = |outcome: Outcome<'_>| match outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::ErrorType(name) => name.to_owned(),
        Outcome::Error(_) => "by rules".to_owned(),
        other => format!("{other:?}"),
    };
    let failed: Result<u8, String> = Err("text".to_owned());
    let probe = || rt::Probe::new(&failed).outcome();
    assert_eq!(judged(probe()), "by rules");
    assert_eq!(judged(probe().named("mine")), "mine");
    assert_eq!(judged(probe().ok_if(true)), "success");
    assert_eq!(judged(probe().ok_if(false)), "by rules");
    assert_eq!(judged(rt::Probe::new(&5).outcome().ok_if(false)), "other");
    assert_eq!(
        judged(rt::Probe::new(&5).outcome().ok_if(true).named("mine")),
        "success"
    );
    assert_eq!(judged(rt::error_type(&failed, |_| "mine")), "mine");
    assert!(rt::holds(&5, |five| *five == 5));
}

#[test]
fn a_typed_error_is_asked_before_the_rules() {
    #[derive(Debug)]
    struct Typed(Option<&'static str>);
    impl monitor_core::MonitorError for Typed {
        fn error_type(&self) -> Option<&'static str> {
            self.0
        }
    }
    struct Bare;
    impl monitor_core::MonitorError for Bare {
        fn error_type(&self) -> Option<&'static str> {
            Some("bare")
        }
    }
    let name = |outcome: Outcome<'_>| match outcome {
        Outcome::ErrorType(name) => name.to_owned(),
        Outcome::Error(view) => format!(
            "rules: {}",
            view.type_name.rsplit("::").next().unwrap_or("")
        ),
        other => format!("{other:?}"),
    };
    let typed = |name| -> Result<(), Typed> { Err(Typed(name)) };
    assert_eq!(name(rt::Probe::new(&typed(Some("mine"))).outcome()), "mine");
    assert_eq!(name(rt::Probe::new(&typed(None)).outcome()), "rules: Typed");
    let boxed: Result<(), Box<Bare>> = Err(Box::new(Bare));
    assert_eq!(name(rt::Probe::new(&boxed).outcome()), "bare");
}
