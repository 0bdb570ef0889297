//! The records of `#[monitored]`, and the behaviour that it leaves alone: types of errors, callers, drops, sizes of futures,
//! nesting. How calls end is in `endings`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use monitor_core::snapshot::MethodSnapshot;
use monitor_core::{Monitor, StorageConfig, monitored};
use tokio::task::yield_now;

/// The counts of a method, in one line: `started success failure in-flight`, then the error types.
fn counted(monitor: Monitor, method: &str) -> String {
    let snapshot = monitor.snapshot();
    let found = snapshot.methods.iter().find(|m| &*m.name == method);
    let Some(MethodSnapshot {
        started,
        success,
        failure,
        in_flight,
        errors,
        ..
    }) = found
    else {
        return "unknown".to_owned();
    };
    let (success, failure) = (success.count(), failure.count());
    let types = snapshot.error_types.iter().zip(errors);
    let types = types.filter(|(_, count)| **count > 0);
    types.fold(
        format!("{started} {success} {failure} {in_flight}"),
        |line, (name, count)| format!("{line} {name}={count}"),
    )
}

/// A storage of its own with all methods of this program. Its rules search for words that none of these errors has.
fn monitor() -> Monitor {
    let mut config = StorageConfig::default();
    config.preregister = true;
    Monitor::new(config)
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn run<F: Future>(future: F) -> F::Output {
    match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// Runs a monitored call in a storage of its own and returns the counts.
fn sync<R>(method: &str, call: impl FnOnce() -> R) -> String {
    let monitor = monitor();
    monitor.scope_sync(|| drop(call()));
    counted(monitor, method)
}

fn future<F: Future>(method: &str, call: impl FnOnce() -> F) -> String {
    let monitor = monitor();
    run(monitor.scope(async { drop(call().await) }));
    counted(monitor, method)
}

struct Refused;

type Answer<T> = Result<T, Refused>;

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}

/// Errors of every type, and none.
mod outcomes {
    use super::*;

    #[monitored]
    fn alias() -> Answer<u32> {
        Err(Refused)
    }

    #[monitored]
    fn question_mark() -> std::io::Result<u32> {
        Err(std::io::ErrorKind::NotFound)?;
        Ok(1)
    }

    #[monitored]
    fn bail() -> anyhow::Result<()> {
        anyhow::bail!("no")
    }

    #[monitored]
    fn boxed() -> Result<(), Box<dyn Error>> {
        Err(Box::new(Broken))
    }

    #[monitored]
    fn text() -> Result<(), String> {
        Err("text".to_owned())
    }

    #[monitored]
    fn hidden(fail: bool) -> Result<impl ToString, Refused> {
        if fail { Err(Refused) } else { Ok(1) }
    }

    #[monitored]
    async fn hidden_later() -> Result<impl ToString, Refused> {
        yield_now().await;
        if std::env::args().count() > 0 {
            return Err(Refused);
        }
        Ok(1)
    }

    #[test]
    fn an_err_is_a_failure_whatever_its_type() {
        let failure = "1 0 1 0 other=1";
        assert_eq!(sync("alias", alias), failure);
        assert_eq!(sync("question_mark", question_mark), failure);
        assert_eq!(sync("bail", bail), failure);
        assert_eq!(sync("boxed", boxed), failure);
        assert_eq!(sync("text", text), failure);
        assert_eq!(sync("hidden", || hidden(true)), failure);
        assert_eq!(future("hidden_later", hidden_later), failure);
        assert_eq!(sync("hidden", || hidden(false)), "1 1 0 0");
    }
}

mod track_caller {
    use super::*;

    #[monitored]
    #[track_caller]
    fn place(fail: bool) -> u32 {
        assert!(!fail);
        std::panic::Location::caller().line()
    }

    #[test]
    fn the_caller_is_kept_and_the_call_counted() {
        assert_eq!(place(false), line!());
        assert_eq!(sync("place", || place(false)), "1 1 0 0");
        let call = || {
            let _caught = catch_unwind(|| place(true));
        };
        assert_eq!(sync("place", call), "1 0 1 0 panic=1");
    }
}

mod order {
    use super::*;

    thread_local! {
        static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    struct Logs(&'static str);

    impl Drop for Logs {
        fn drop(&mut self) {
            LOG.with_borrow_mut(|log| log.push(self.0));
        }
    }

    #[monitored]
    async fn drops_apart(_first: Logs, second: (Logs, Logs), third: Logs, fourth: Logs) {
        let _ = &fourth;
        let _local = Logs("local");
        let part = second.0;
        yield_now().await;
        drop((third, part));
    }

    #[test]
    fn arguments_that_are_taken_apart_are_dropped_in_the_usual_order() {
        run(drops_apart(
            Logs("first"),
            (Logs("part"), Logs("rest")),
            Logs("third"),
            Logs("fourth"),
        ));
        let expected = ["third", "part", "local", "fourth", "rest", "first"];
        assert_eq!(LOG.take(), expected);
    }
}

mod size {
    use super::*;

    /// The promise: the future of an instrumented async fn is at most this many bytes larger.
    const LIMIT: usize = 48;

    macro_rules! pair {
        ($bare:ident $(<$life:lifetime>)?, $monitored:ident, ($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
            async fn $bare $(<$life>)? ($($arg: $ty),*) -> $ret $body
            #[monitored]
            async fn $monitored $(<$life>)? ($($arg: $ty),*) -> $ret $body
        };
    }

    pair!(bare, watched, () -> u32 { yield_now().await; 1 });
    pair!(bare_ready, watched_ready, () -> u32 { 1 });
    pair!(bare_large, watched_large, (data: [u8; 1024]) -> usize { yield_now().await; data.len() });
    pair!(bare_used, watched_used, (data: Vec<u8>, more: [u8; 1024]) -> Answer<usize> {
        yield_now().await;
        if more.iter().any(|byte| *byte > 0) { Err(Refused) } else { Ok(data.len()) }
    });

    pair!(bare_early, watched_early, (data: [u8; 1024]) -> u8 { let first = data[0]; yield_now().await; first });
    pair!(bare_sum, watched_sum, (data: [u8; 1024]) -> usize { let n = data.iter().count(); yield_now().await; n });

    pair!(bare_try, watched_try, (data: [u8; 1024]) -> Answer<usize> {
        let length = bare_used(vec![], data).await?;
        yield_now().await;
        Ok(length + data.len())
    });
    pair!(bare_on, watched_on, (data: [u8; 1024]) -> usize { bare_large(data).await });

    /// A future that yields, and that a chain of awaits starts from.
    struct Link;

    impl Link {
        async fn next(self) -> Self {
            yield_now().await;
            self
        }
    }

    pair!(bare_chain, watched_chain, () -> u8 {
        let _ = Link.next().await.next().await.next().await.next().await.next().await;
        1
    });

    macro_rules! larger {
        ($bare:ident, $watched:ident $(, $arg:expr)*) => {{
            let bare = size_of_val(&$bare($($arg),*));
            let watched = size_of_val(&$watched($($arg),*));
            (stringify!($watched), watched.saturating_sub(bare))
        }};
    }

    /// A large part that is read, and one that is moved out.
    struct Parts {
        data: [u8; 512],
        text: String,
    }

    fn parts() -> Parts {
        Parts {
            data: [0; 512],
            text: String::new(),
        }
    }

    pair!(bare_field, watched_field, (parts: Parts) -> usize { let text = parts.text; yield_now().await; text.len() });
    pair!(bare_pattern, watched_pattern, (parts: Parts) -> usize {
        let Parts { text, .. } = parts;
        yield_now().await;
        text.len()
    });
    pair!(bare_apart, watched_apart, (parts: Parts) -> usize {
        let Parts { data, text } = parts;
        yield_now().await;
        data.len() + text.len()
    });
    pair!(bare_tuple, watched_tuple, (both: (String, [u8; 512])) -> usize {
        let (text, data) = both;
        yield_now().await;
        data.len() + text.len()
    });
    pair!(bare_match, watched_match, (some: Option<Parts>) -> usize {
        let text = match some { Some(parts) => parts.text, None => String::new() };
        yield_now().await;
        text.len()
    });
    pair!(bare_closure, watched_closure, (parts: Parts) -> usize {
        let length = move || parts.text.len();
        yield_now().await;
        length()
    });
    pair!(bare_two, watched_two, (one: Parts, other: Parts, last: String) -> usize {
        let (text, more) = (one.text, other.text);
        yield_now().await;
        text.len() + more.len() + last.len()
    });
    pair!(bare_borrow, watched_borrow, (parts: Parts) -> usize { let text = &parts.text; yield_now().await; text.len() });
    pair!(bare_read, watched_read, (parts: Parts) -> usize { let n = parts.text.len(); yield_now().await; n });
    pair!(bare_later, watched_later, (parts: Parts) -> usize { yield_now().await; let text = parts.text; text.len() });
    pair!(bare_whole, watched_whole, (parts: Parts) -> usize { let all = parts; yield_now().await; all.text.len() });
    pair!(bare_dropped, watched_dropped, (parts: Parts) -> usize { drop(parts); yield_now().await; 1 });
    pair!(bare_on_first, watched_on_first, (parts: Parts) -> usize { bare_field(parts).await });
    pair!(bare_awaits, watched_awaits, (parts: Parts) -> usize {
        yield_now().await;
        let one = bare_field(parts).await;
        yield_now().await;
        one + bare().await as usize
    });

    async fn bare_mut(mut parts: Parts) -> usize {
        parts.data = [1; 512];
        let text = parts.text;
        yield_now().await;
        text.len()
    }

    #[monitored]
    async fn watched_mut(mut parts: Parts) -> usize {
        parts.data = [1; 512];
        let text = parts.text;
        yield_now().await;
        text.len()
    }

    #[monitored(call = call)]
    async fn asked(parts: Parts) -> usize {
        let text = parts.text;
        yield_now().await;
        call.observe("tokens", 1.0);
        text.len()
    }

    #[test]
    fn the_future_grows_no_more_where_an_argument_is_taken_apart() {
        let both = || (String::new(), [0; 512]);
        let mut sizes = vec![
            larger!(bare_chain, watched_chain),
            larger!(bare_field, watched_field, parts()),
            larger!(bare_pattern, watched_pattern, parts()),
            larger!(bare_apart, watched_apart, parts()),
            larger!(bare_tuple, watched_tuple, both()),
            larger!(bare_match, watched_match, None),
            larger!(bare_closure, watched_closure, parts()),
            larger!(bare_two, watched_two, parts(), parts(), String::new()),
            larger!(bare_borrow, watched_borrow, parts()),
            larger!(bare_read, watched_read, parts()),
            larger!(bare_later, watched_later, parts()),
            larger!(bare_whole, watched_whole, parts()),
            larger!(bare_dropped, watched_dropped, parts()),
            larger!(bare_on_first, watched_on_first, parts()),
            larger!(bare_awaits, watched_awaits, parts()),
            larger!(bare_mut, watched_mut, parts()),
        ];
        sizes.push(larger!(bare_field, asked, parts()));
        println!("{sizes:?}");
        assert!(sizes.iter().all(|(_, size)| *size <= LIMIT), "{sizes:?}");
    }

    #[test]
    fn the_future_grows_by_no_more_than_promised() {
        let sizes = [
            larger!(bare, watched),
            larger!(bare_ready, watched_ready),
            larger!(bare_large, watched_large, [0; 1024]),
            larger!(bare_early, watched_early, [0; 1024]),
            larger!(bare_sum, watched_sum, [0; 1024]),
            larger!(bare_on, watched_on, [0; 1024]),
            larger!(bare_try, watched_try, [0; 1024]),
            larger!(bare_used, watched_used, vec![], [0; 1024]),
        ];
        println!("{sizes:?}");
        assert!(sizes.iter().all(|(_, size)| *size <= LIMIT), "{sizes:?}");
    }
}

/// Each function awaits the one before: futures in futures, as deep as the documentation of the attribute states.
mod nested {
    use super::monitored;

    macro_rules! functions {
        ($first:ident) => {};
        ($first:ident $second:ident $($rest:ident)*) => {
            #[monitored]
            pub(super) async fn $second() -> Result<u8, String> {
                let depth = $first().await?;
                Ok(depth + 1)
            }

            functions!($second $($rest)*);
        };
    }

    #[monitored]
    async fn first() -> Result<u8, String> {
        std::future::ready(Ok(1)).await
    }

    functions!(first f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21);
}

#[test]
fn twenty_one_functions_nest_under_the_compilers_own_limit() {
    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }
    assert_eq!(run(sendable(nested::f21())), Ok(21));
}

/// Bodies that are the end of their function: only a guard can record how they end.
mod ends {
    use super::*;

    #[monitored]
    async fn filter(size: usize) -> impl Fn(&str) -> bool {
        yield_now().await;
        if size > 3 {
            return move |text| text.len() > size;
        }
        panic!("small")
    }

    #[monitored(max_concurrency = 1, call = call)]
    async fn pair(size: usize) -> (impl Fn(&str) -> bool, usize) {
        call.observe("size", 1.0);
        (move |text| text.len() > size, ready(size).await)
    }

    #[monitored]
    async fn beside_a_panic() -> (impl Fn(&str) -> usize, u8) {
        yield_now().await;
        (|text| text.len(), 1)
    }

    macro_rules! wait_for {
        ($future:expr) => {
            $future.await
        };
    }

    #[monitored]
    async fn behind_a_macro(size: usize) -> impl Fn(&str) -> bool {
        wait_for!(yield_now());
        move |text: &str| text.len() > size
    }

    #[test]
    fn one_that_gives_its_value_is_a_success() {
        assert_eq!(future("filter", || filter(4)), "1 1 0 0");
        assert_eq!(future("pair", || pair(4)), "1 1 0 0");
    }

    #[test]
    fn one_that_is_dropped_is_cancelled() {
        let monitor = monitor();
        monitor.scope_sync(|| {
            let mut future = Box::pin(filter(4));
            assert!(poll_once(future.as_mut()).is_pending());
        });
        assert_eq!(counted(monitor, "filter"), "1 0 1 0 cancelled=1");
    }

    #[test]
    fn one_that_is_dropped_in_a_macro_is_cancelled() {
        let monitor = monitor();
        monitor.scope_sync(|| {
            let mut future = Box::pin(behind_a_macro(4));
            assert!(poll_once(future.as_mut()).is_pending());
        });
        assert_eq!(counted(monitor, "behind_a_macro"), "1 0 1 0 cancelled=1");
    }

    #[test]
    fn one_that_panics_is_a_panic_and_its_neighbour_is_cancelled() {
        let monitor = monitor();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            run(monitor.scope(async { tokio::join!(beside_a_panic(), filter(1)) }))
        }));
        assert!(caught.is_err());
        let monitor_of = |method| counted(monitor, method);
        assert_eq!(monitor_of("filter"), "1 0 1 0 panic=1");
        assert_eq!(monitor_of("beside_a_panic"), "1 0 1 0 cancelled=1");
    }
}
