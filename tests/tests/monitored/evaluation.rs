//! Expressions run once, before the body, see arguments by reference, and leave nothing behind.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::time::Duration;

use monitor_core::testing::{self, Recorder, call};
use monitor_core::{MonitorLabel, monitored};

use crate::drive::{pause, poll, ready};

thread_local! {
    static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn log<T>(what: &'static str, value: T) -> T {
    LOG.with_borrow_mut(|log| log.push(what));
    value
}

fn logged(run: impl FnOnce()) -> (Vec<&'static str>, testing::Recorded) {
    LOG.take();
    let ((), recorded) = testing::record(run);
    (LOG.take(), recorded)
}

fn sorted(mut words: Vec<&'static str>) -> Vec<&'static str> {
    words.sort_unstable();
    words
}

macro_rules! all_arguments {
    ($(#[$extra:meta])* $($item:tt)*) => {
        #[monitored(
            labels(bounded = log("label", true), capped(text = log("capped", "x"), max = 2)),
            request_size = log("request", 1_u8),
            deadline = log("deadline", Duration::from_secs(1)),
            ok_if = |_| log("ok_if", true),
            response_size = |_| log("response", 1_u8),
        )]
        $($item)*
    };
}

all_arguments! {
    fn sync_call() -> u8 {
        log("body", 1)
    }
}

all_arguments! {
    async fn async_call() -> u8 {
        log("body", ());
        pause().await;
        1
    }
}

all_arguments! {
    async fn async_early(early: bool) -> u8 {
        log("body", ());
        if early {
            return 0;
        }
        pause().await;
        1
    }
}

all_arguments! {
    fn future_call() -> impl Future<Output = u8> {
        async {
            log("body", ());
            pause().await;
            1
        }
    }
}

fn exactly_once(name: &str, run: impl FnOnce() -> u8) {
    let (log, recorded) = logged(|| {
        run();
    });
    let body = log
        .iter()
        .position(|word| *word == "body")
        .expect("the body ran");
    assert_eq!(
        sorted(log[..body].to_vec()),
        ["capped", "deadline", "label", "request"],
        "{name}: before the body"
    );
    assert_eq!(
        sorted(log[body + 1..].to_vec()),
        ["ok_if", "response"],
        "{name}: after it"
    );
    let with = || call(name).label("bounded", "true").label("text", "x");
    recorded.assert_exactly([
        with().success(),
        with().request_size(1),
        with().response_size(1),
        with().deadline(Duration::from_secs(1)),
        with().deadline_at_end(Duration::from_secs(1)),
    ]);
}

#[test]
fn each_expression_runs_once_before_or_after_the_body() {
    exactly_once("sync_call", sync_call);
    exactly_once("async_call", || ready(async_call()));
    exactly_once("async_early", || ready(async_early(true)));
    exactly_once("async_early", || ready(async_early(false)));
    exactly_once("future_call", || ready(future_call()));
}

#[test]
fn an_async_fn_runs_none_before_its_first_poll() {
    let (log, recorded) = logged(|| {
        drop(async_call());
        drop(async_early(false));
    });
    assert!(log.is_empty(), "{log:?}");
    recorded.assert_nothing();
    let (log, _) = logged(|| assert!(poll(Box::pin(async_call()).as_mut()).is_pending()));
    assert_eq!(log.len(), 5, "no ok_if, no response: {log:?}");
}

static STATE: Mutex<String> = Mutex::new(String::new());

#[monitored(labels(capped(state = STATE.lock().expect("no poison").clone(), max = 9)))]
fn locks_in_its_body() {
    STATE
        .try_lock()
        .expect("no guard is left of the expressions")
        .push('x');
}

#[monitored(labels(empty = STATE.lock().expect("no poison").is_empty()))]
async fn locks_in_its_future(early: bool) -> bool {
    let first = STATE.try_lock().is_ok();
    if early {
        return first;
    }
    pause().await;
    first && STATE.try_lock().is_ok()
}

#[monitored(max_concurrency = *LIMIT.lock().expect("no poison"))]
async fn locks_its_limit() -> bool {
    pause().await;
    LIMIT.try_lock().is_ok()
}

static LIMIT: Mutex<usize> = Mutex::new(1);

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn temporaries_are_gone_before_the_body() {
    let (_, recorded) = testing::record(|| {
        locks_in_its_body();
        assert!(ready(is_send(locks_in_its_future(true))));
        assert!(ready(is_send(locks_in_its_future(false))));
        assert!(ready(is_send(locks_its_limit())));
    });
    recorded.assert_includes([
        call("locks_in_its_body").label("state", "").success(),
        call("locks_in_its_future")
            .label("empty", "false")
            .success()
            .times(2),
        call("locks_its_limit").success(),
    ]);
}

static TWICE: Mutex<String> = Mutex::new(String::new());

/// Counts instead of waiting for ever.
fn twice() -> Option<std::sync::MutexGuard<'static, String>> {
    TWICE.try_lock().ok()
}

#[monitored(labels(free = twice().is_some()), request_size = twice().map(|text| text.len()))]
fn locks_twice() {}

#[monitored(labels(first = twice().as_deref().is_some(), second = twice().as_deref().is_some()))]
fn locks_for_two_labels() {}

#[test]
fn temporaries_are_gone_before_the_next_expression() {
    let ((), recorded) = testing::record(|| {
        locks_twice();
        locks_for_two_labels();
    });
    recorded.assert_exactly([
        call("locks_twice").label("free", "true").success(),
        call("locks_twice").label("free", "true").request_size(0),
        call("locks_for_two_labels")
            .label("first", "true")
            .label("second", "true")
            .success(),
    ]);
}

struct NotClone(String);

#[monitored(labels(capped(name = arg.0, max = 9)), request_size = arg.0.len(), deadline = other.1)]
fn moved_in_the_body(arg: NotClone, other: (NotClone, Option<Duration>)) -> [NotClone; 2] {
    let (second, _) = other;
    [arg, second]
}

#[monitored(labels(capped(name = arg.0, max = 9)), request_size = arg.0.len())]
async fn moved_in_the_future(arg: NotClone) -> Result<NotClone, ()> {
    pause().await;
    if arg.0.is_empty() {
        return Err(());
    }
    Ok(arg)
}

#[monitored(request_size = text.len())]
fn changed(text: &mut String, mut number: u8) -> u8 {
    text.push('!');
    number += 1;
    number
}

#[test]
fn arguments_are_seen_by_reference() {
    let (_, recorded) = testing::record(|| {
        let name = |text: &str| NotClone(text.to_owned());
        let [one, two] = moved_in_the_body(name("a"), (name("b"), None));
        assert_eq!((one.0, two.0), ("a".to_owned(), "b".to_owned()));
        assert_eq!(
            ready(moved_in_the_future(name("c"))).map(|one| one.0),
            Ok("c".to_owned())
        );
        let mut text = "ab".to_owned();
        assert_eq!(changed(&mut text, 1), 2);
        assert_eq!(text, "ab!");
    });
    recorded.assert_exactly([
        call("moved_in_the_body").label("name", "a").success(),
        call("moved_in_the_body").label("name", "a").request_size(1),
        call("moved_in_the_future").label("name", "c").success(),
        call("moved_in_the_future")
            .label("name", "c")
            .request_size(1),
        call("changed").success(),
        call("changed").request_size(2),
    ]);
}

/// Counts how often it is called.
struct Asked(Cell<u8>);

impl MonitorLabel for Asked {
    const VALUES: &'static [&'static str] = &["first", "second"];

    fn index(&self) -> usize {
        self.0.replace(self.0.get() + 1).into()
    }
}

#[monitored(labels(asked = asked))]
fn asks(asked: &Asked) {}

#[test]
fn a_label_is_asked_once_and_one_past_the_end_is_overflow() {
    let asked = Asked(Cell::new(0));
    let ((), recorded) = testing::record(|| (0..3).for_each(|_| asks(&asked)));
    assert_eq!(asked.0.get(), 3);
    let of = |value| call("asks").label("asked", value).success();
    recorded.assert_exactly([
        of("first"),
        of("second"),
        of("overflow"),
        testing::overflowed_updates(1),
    ]);
}

#[monitored(labels(capped(name = panics(name), max = 2)))]
fn with_an_expression_that_panics(name: &str) {}

fn panics(name: &str) -> &str {
    assert!(!name.is_empty(), "an expression's panic");
    name
}

#[test]
fn the_panic_of_an_expression_passes() {
    let probe = Recorder::new();
    let payload = probe
        .catch(|| with_an_expression_that_panics(""))
        .expect_err("a panic");
    assert_eq!(
        payload.downcast_ref::<&str>(),
        Some(&"an expression's panic")
    );
    probe.scope_sync(|| with_an_expression_that_panics("x"));
    probe
        .recorded()
        .assert_includes([call("with_an_expression_that_panics")
            .label("name", "x")
            .success()]);
}
