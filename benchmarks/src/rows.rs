//! The rows about recording: which call, in which surroundings, recorded by which library.

use monitor_core::{
    ErrorRules, ErrorText, Method, Monitor, NamedView, Outcome, StatusRule, monitored,
};

use crate::harness::{Batch, Row, Threads, batch, chain};
use crate::labelled;
use crate::peers::attributes::{Metered, autometrics_call, hotpath_call, profiled};
use crate::peers::ideal::{Ideal, Ticks};
use crate::peers::steps::{PARTS, Steps};
use crate::peers::{
    Recorder, foundations_metrics, measured, metrics, metriken, prometheus, prometheus_client,
};
use crate::sampled;
use crate::surroundings;
use crate::values;
use crate::work::{
    Answer, Chained, REFUSE, Refused, Request, drive, drive_task, handler, handler_yielding,
    other_work, work, work_async, work_on, work_on_yielding, work_yielding,
};

pub(crate) const SYNC_OK: &str = "sync ok";
pub(crate) const TYPED_ERROR: &str = "typed error";
pub(crate) const TEXT_ERROR: &str = "text error, 16 rules";
pub(crate) const ASYNC_READY: &str = "async ready";
pub(crate) const ASYNC_YIELDS: &str = "async yields once";
/// A handler with a `?` in its body, which is then a future of its own inside of the call.
pub(crate) const QUESTION_MARK_READY: &str = "async with ?, ready";
pub(crate) const QUESTION_MARK_YIELDS: &str = "async with ?, yields once";
pub(crate) const TWO_THREADS: &str = "2 threads, one method";
pub(crate) const BETWEEN: &str = "between other work";
pub(crate) const ALTERNATES: &str = "every 2nd call fails";
pub(crate) const STORM: &str = "2 threads, all errors";
pub(crate) const MIXED_1: &str = "2 threads, 1 % errors";
pub(crate) const MIXED_50: &str = "2 threads, 50 % errors";

pub(crate) const MONITORED: &str = "monitored";
/// The same body without its `?`.
pub(crate) const IN_PLACE: &str = "monitored, without ?";
pub(crate) const IDEAL: &str = "ideal";
pub(crate) const TICKS: &str = "two tick reads";
pub(crate) const PROMETHEUS: &str = "prometheus cached";
pub(crate) const PROMETHEUS_LOOKUP: &str = "prometheus look-up";
const MEASURED: &str = "measured";
const METRICS: &str = "metrics macros";
const AUTOMETRICS: &str = "autometrics";
const METERED: &str = "metered";
/// Neither errors nor calls in flight.
const HOTPATH: &str = "hotpath";
const METRIKEN: &str = "metriken";
const FOUNDATIONS_METRICS: &str = "foundations-metrics";
pub(crate) const PROMETHEUS_CLIENT: &str = "prometheus-client cached";

#[monitored]
fn sync(x: u64) -> Answer {
    work(x)
}

#[monitored]
fn chained(x: u64) -> Result<u64, Chained> {
    work(x).map_err(|_| Chained)
}

#[monitored]
async fn ready(x: u64) -> Answer {
    work_async(x).await
}

#[monitored]
async fn yielding(x: u64) -> Answer {
    work_yielding(x).await
}

#[monitored]
async fn with_question_mark(request: Request) -> Answer {
    let answer = work_on(&request).await?;
    Ok(answer ^ request.length())
}

#[monitored]
async fn without_question_mark(request: Request) -> Answer {
    let answer = work_on(&request).await;
    answer.map(|answer| answer ^ request.length())
}

#[monitored]
async fn with_question_mark_yielding(request: Request) -> Answer {
    let answer = work_on_yielding(&request).await?;
    Ok(answer ^ request.length())
}

#[monitored]
async fn without_question_mark_yielding(request: Request) -> Answer {
    let answer = work_on_yielding(&request).await;
    answer.map(|answer| answer ^ request.length())
}

/// An error of a known type, through the call API.
#[inline]
pub(crate) fn typed(method: Method, x: u64) -> Answer {
    let call = method.start();
    let answer = work(x);
    call.finish(match &answer {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::ErrorType(Refused::TYPE),
    });
    answer
}

/// The same with the error, whose text is kept: the expansion of a typed error.
#[inline]
fn typed_with_text(method: Method, x: u64) -> Answer {
    let call = method.start();
    let answer = work(x);
    call.finish(match &answer {
        Ok(_) => Outcome::Success,
        Err(error) => Outcome::Named(NamedView {
            error_type: Refused::TYPE,
            text: ErrorText::Error(error),
        }),
    });
    answer
}

/// The same by a library by hand.
#[inline]
pub(crate) fn by_hand<R: Recorder>(x: u64) -> Answer {
    let call = R::start();
    let answer = work(x);
    R::end(call, &answer);
    answer
}

async fn by_hand_async<R: Recorder>(x: u64) -> Answer {
    let call = R::start();
    let answer = work_async(x).await;
    R::end(call, &answer);
    answer
}

async fn by_hand_yielding<R: Recorder>(x: u64) -> Answer {
    let call = R::start();
    let answer = work_yielding(x).await;
    R::end(call, &answer);
    answer
}

async fn by_hand_with_question_mark<R: Recorder>(request: Request) -> Answer {
    let call = R::start();
    let answer = handler(request).await;
    R::end(call, &answer);
    answer
}

async fn by_hand_with_question_mark_yielding<R: Recorder>(request: Request) -> Answer {
    let call = R::start();
    let answer = handler_yielding(request).await;
    R::end(call, &answer);
    answer
}

/// How much larger an instrumented future is than the bare one, bytes.
pub(crate) fn future_growth() -> usize {
    size_of_val(&ready(0)).saturating_sub(size_of_val(&work_async(0)))
}

/// The same for one with a `?`.
pub(crate) fn question_mark_growth() -> usize {
    let request = || Request::new(0);
    size_of_val(&with_question_mark(request())).saturating_sub(size_of_val(&handler(request())))
}

/// The words of the rules in force, by status; the rows' errors are of the type that is searched last.
const WORDS: [(&str, [&str; 4]); 4] = [
    (
        "CONNECTION_ERROR",
        [
            "timed out",
            "connection reset",
            "broken pipe",
            "host unreachable",
        ],
    ),
    (
        "FATAL",
        ["out of memory", "no space left", "corrupted", "poisonerror"],
    ),
    (
        "INTERNAL",
        [
            "zerodivision",
            "index out of range",
            "parseinterror",
            "utf8error",
        ],
    ),
    (
        "UNKNOWN",
        ["mystery", "not implemented", "deadline", Refused::TYPE],
    ),
];

/// Puts the rules in force.
pub(crate) fn configure() {
    let monitor = Monitor::global();
    let mut config = monitor.config();
    let rules = WORDS.map(|(status, words)| StatusRule {
        status: status.to_owned(),
        service_errors: words.map(str::to_owned).into(),
        unhealthy: -1,
    });
    config.errors = ErrorRules::try_new(rules).expect("good rules");
    monitor.configure(config);
}

pub(crate) fn method(name: &str) -> Method {
    Monitor::global().method(name).expect("a good name")
}

/// Which inputs are refused.
#[derive(Clone, Copy)]
enum Refuse {
    None,
    All,
    OneIn(u64),
}

impl Refuse {
    #[inline]
    fn mark(self, x: u64) -> u64 {
        match self {
            Self::All => x | REFUSE,
            Self::OneIn(n) if x.is_multiple_of(n) => x | REFUSE,
            Self::None | Self::OneIn(_) => x,
        }
    }
}

/// A row of plain calls; `ours` is the monitored candidate.
fn calls(
    name: &'static str,
    threads: Threads,
    refuse: Refuse,
    ours: impl Fn(u64) -> Answer + Send + Sync + 'static,
) -> Row {
    Row {
        name,
        threads,
        base: batch(move |x| work(refuse.mark(x))),
        candidates: vec![
            (MONITORED, batch(move |x| ours(refuse.mark(x)))),
            (IDEAL, plain::<Ideal>(refuse)),
            (TICKS, plain::<Ticks>(refuse)),
            (PROMETHEUS, plain::<prometheus::Cached>(refuse)),
            (
                PROMETHEUS_CLIENT,
                plain::<prometheus_client::Cached>(refuse),
            ),
        ],
    }
}

/// The same with all other peers: those that look labels up, attributes, and cached handles that stand in these rows alone.
fn all_peers(mut row: Row, refuse: Refuse) -> Row {
    let metered = Metered::default();
    row.candidates.extend([
        (PROMETHEUS_LOOKUP, plain::<prometheus::LookUp>(refuse)),
        (MEASURED, plain::<measured::Interned>(refuse)),
        (METRICS, metrics::drained(plain::<metrics::Macros>(refuse))),
        (
            AUTOMETRICS,
            batch(move |x| autometrics_call(refuse.mark(x))),
        ),
        (METERED, batch(move |x| metered.call(refuse.mark(x)))),
        (
            HOTPATH,
            profiled(batch(move |x| hotpath_call(refuse.mark(x)))),
        ),
        (METRIKEN, plain::<metriken::Statics>(refuse)),
        (
            FOUNDATIONS_METRICS,
            plain::<foundations_metrics::Cached>(refuse),
        ),
    ]);
    row
}

fn plain<R: Recorder>(refuse: Refuse) -> Batch {
    batch(move |x| by_hand::<R>(refuse.mark(x)))
}

/// An error of which only the text is known; the peers are told its type.
fn text_error() -> Row {
    let ours = batch(|x| chained(Refuse::All.mark(x)));
    let mut row = calls(TEXT_ERROR, Threads::One, Refuse::All, sync);
    row.candidates[0] = (MONITORED, ours);
    row
}

fn async_ready() -> Row {
    fn peer<R: Recorder>() -> Batch {
        batch(|x| drive(by_hand_async::<R>(x)))
    }
    Row {
        name: ASYNC_READY,
        threads: Threads::One,
        base: batch(|x| drive(work_async(x))),
        candidates: vec![
            (MONITORED, batch(|x| drive(ready(x)))),
            (IDEAL, peer::<Ideal>()),
            (TICKS, peer::<Ticks>()),
            (PROMETHEUS, peer::<prometheus::Cached>()),
            (PROMETHEUS_CLIENT, peer::<prometheus_client::Cached>()),
        ],
    }
}

fn async_yields() -> Row {
    fn peer<R: Recorder>() -> Batch {
        batch(|x| drive(by_hand_yielding::<R>(x)))
    }
    Row {
        name: ASYNC_YIELDS,
        threads: Threads::One,
        base: batch(|x| drive(work_yielding(x))),
        candidates: vec![
            (MONITORED, batch(|x| drive(yielding(x)))),
            (IDEAL, peer::<Ideal>()),
            (TICKS, peer::<Ticks>()),
            (PROMETHEUS, peer::<prometheus::Cached>()),
            (PROMETHEUS_CLIENT, peer::<prometheus_client::Cached>()),
        ],
    }
}

/// A handler of requests, each polled as a task.
fn handles<F: Future<Output = Answer> + 'static>(
    handler: impl Fn(Request) -> F + Send + Sync + 'static,
) -> Batch {
    batch(move |x| drive_task(handler(Request::new(x))))
}

fn question_mark_ready() -> Row {
    Row {
        name: QUESTION_MARK_READY,
        threads: Threads::One,
        base: handles(handler),
        candidates: vec![
            (MONITORED, handles(with_question_mark)),
            (IN_PLACE, handles(without_question_mark)),
            (IDEAL, handles(by_hand_with_question_mark::<Ideal>)),
            (TICKS, handles(by_hand_with_question_mark::<Ticks>)),
            (
                PROMETHEUS,
                handles(by_hand_with_question_mark::<prometheus::Cached>),
            ),
            (
                PROMETHEUS_CLIENT,
                handles(by_hand_with_question_mark::<prometheus_client::Cached>),
            ),
        ],
    }
}

fn question_mark_yields() -> Row {
    Row {
        name: QUESTION_MARK_YIELDS,
        threads: Threads::One,
        base: handles(handler_yielding),
        candidates: vec![
            (MONITORED, handles(with_question_mark_yielding)),
            (IN_PLACE, handles(without_question_mark_yielding)),
            (IDEAL, handles(by_hand_with_question_mark_yielding::<Ideal>)),
            (TICKS, handles(by_hand_with_question_mark_yielding::<Ticks>)),
            (
                PROMETHEUS,
                handles(by_hand_with_question_mark_yielding::<prometheus::Cached>),
            ),
            (
                PROMETHEUS_CLIENT,
                handles(by_hand_with_question_mark_yielding::<prometheus_client::Cached>),
            ),
        ],
    }
}

/// A call between other work, which goes on with its result.
fn among(call: impl Fn(u64) -> Answer + Send + Sync + 'static) -> Batch {
    chain(move |x| call(other_work(x)).unwrap_or_default())
}

fn between() -> Row {
    fn peer<R: Recorder>() -> Batch {
        among(by_hand::<R>)
    }
    Row {
        name: BETWEEN,
        threads: Threads::One,
        base: among(work),
        candidates: vec![
            (MONITORED, among(sync)),
            (IDEAL, peer::<Ideal>()),
            (TICKS, peer::<Ticks>()),
            (PROMETHEUS, peer::<prometheus::Cached>()),
            (PROMETHEUS_CLIENT, peer::<prometheus_client::Cached>()),
            (HOTPATH, profiled(among(hotpath_call))),
            (METRIKEN, peer::<metriken::Statics>()),
            (FOUNDATIONS_METRICS, peer::<foundations_metrics::Cached>()),
        ],
    }
}

/// All rows.
pub(crate) fn rows() -> Vec<Row> {
    let typed_error = method("typed");
    let mixed = method("mixed");
    vec![
        all_peers(
            calls(SYNC_OK, Threads::One, Refuse::None, sync),
            Refuse::None,
        ),
        labelled::bounded(),
        labelled::capped(),
        all_peers(
            calls(TYPED_ERROR, Threads::One, Refuse::All, move |x| {
                typed_with_text(typed_error, x)
            }),
            Refuse::All,
        ),
        text_error(),
        async_ready(),
        async_yields(),
        question_mark_ready(),
        question_mark_yields(),
        between(),
        all_peers(
            calls(TWO_THREADS, Threads::Two, Refuse::None, sync),
            Refuse::None,
        ),
        calls(ALTERNATES, Threads::One, Refuse::OneIn(2), move |x| {
            typed(mixed, x)
        }),
        calls(STORM, Threads::Two, Refuse::All, move |x| {
            typed(typed_error, x)
        }),
        calls(MIXED_1, Threads::Two, Refuse::OneIn(100), move |x| {
            typed(mixed, x)
        }),
        calls(MIXED_50, Threads::Two, Refuse::OneIn(2), move |x| {
            typed(mixed, x)
        }),
        surroundings::many(),
        surroundings::cold(),
        surroundings::first(),
        values::by_key(),
        values::by_handle(),
        values::append(),
        sampled::sample(),
    ]
}

/// The candidates of a build-up. A macro, so that each call keeps a type of its own and is inlined as in the other
/// rows.
macro_rules! steps {
    ($batch:ident, $($number:literal)*) => {
        vec![
            (TICKS, $batch(by_hand::<Ticks>)),
            $((PARTS[$number - 1], $batch(by_hand::<Steps<$number>>)),)*
            (MONITORED, $batch(sync)),
        ]
    };
}

/// A call by hand, part by part, up to the monitored one: in a tight loop, and between other work.
pub(crate) fn buildup() -> Vec<Row> {
    vec![
        Row {
            name: "build-up, tight loop",
            threads: Threads::One,
            base: batch(work),
            candidates: steps!(batch, 1 2 3 4 5 6 7),
        },
        Row {
            name: "build-up, between work",
            threads: Threads::One,
            base: among(work),
            candidates: steps!(among, 1 2 3 4 5 6 7),
        },
    ]
}
