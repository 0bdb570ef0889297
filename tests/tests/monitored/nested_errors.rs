//! An error that names its type has that type wherever it is inside of another: boxed, shared, as a source, in `anyhow`.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use monitor_core::testing::{Recorder, call};
use monitor_core::{MonitorError, monitored};

type Boxed = Box<dyn Error + Send + Sync>;

/// Names its type, unless it is `Silent`; its text would be another one by the rules.
#[derive(Debug, thiserror::Error, MonitorError)]
enum Disk {
    #[error("timeout")]
    #[monitor(error_type = "DISK")]
    Full,
    #[error("timeout")]
    Silent(#[source] Option<Net>),
}

#[derive(Debug, thiserror::Error, MonitorError)]
#[error("timeout")]
#[monitor(error_type = "NET")]
struct Net;

/// Names none, and has one as its source.
#[derive(Debug, thiserror::Error)]
#[error("timeout")]
struct Outer<E: Error + 'static>(#[source] E);

/// Names its own, and has one as its source.
#[derive(Debug, thiserror::Error, MonitorError)]
#[error("timeout")]
#[monitor(error_type = "SERVICE")]
struct Service(#[source] Disk);

/// No std error: known where it is returned itself.
#[derive(Debug, MonitorError)]
#[monitor(error_type = "BARE")]
struct Bare;

/// Panics where it is asked.
#[derive(Debug)]
struct Rude;

impl fmt::Display for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timeout")
    }
}

impl Error for Rude {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("no source today")
    }
}

/// An endless chain.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timeout")
    }
}

impl Error for Endless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Self)
    }
}

#[monitored(method = "f")]
fn boxed(error: Boxed) -> Result<(), Boxed> {
    Err(error)
}

#[monitored(method = "f")]
fn boxed_alone(error: Boxed) -> Result<(), Box<dyn Error>> {
    Err(error)
}

#[monitored(method = "f")]
fn anyhowed(error: anyhow::Error) -> anyhow::Result<()> {
    Err(error)
}

#[monitored(method = "f")]
async fn later(error: anyhow::Error) -> anyhow::Result<()> {
    std::future::ready(()).await;
    Err(error)
}

#[monitored(method = "f")]
fn shared(error: Arc<dyn Error + Send + Sync>) -> Result<(), Arc<dyn Error + Send + Sync>> {
    Err(error)
}

#[monitored(method = "f")]
fn io(error: io::Error) -> io::Result<()> {
    Err(error)
}

#[monitored(method = "f")]
fn concrete<E: Error>(error: E) -> Result<(), E> {
    Err(error)
}

#[monitored(method = "f")]
fn outer<E: Error + 'static>(error: E) -> Result<(), Outer<E>> {
    Err(Outer(error))
}

#[monitored(method = "f")]
fn service(error: Disk) -> Result<(), Service> {
    Err(Service(error))
}

#[monitored(method = "f")]
fn disk(error: Disk) -> Result<(), Disk> {
    Err(error)
}

#[monitored(method = "f")]
fn bare() -> Result<(), Bare> {
    Err(Bare)
}

/// An error that borrows.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Borrowed<'a>(&'a str, #[source] Option<Disk>);

#[monitored(method = "f")]
fn borrowed<'a>(text: &'a str, below: Option<Disk>) -> Result<&'a str, Box<dyn Error + 'a>> {
    Err(Box::new(Borrowed(text, below)))
}

#[monitored(method = "f")]
fn elided(text: &str) -> Result<&str, Box<dyn Error + '_>> {
    Err(Box::new(Borrowed(text, None)))
}

#[expect(
    clippy::needless_lifetimes,
    reason = "the lifetime of a reference says nothing of the error"
)]
#[monitored(method = "f")]
fn of_a_reference<'a>(text: &'a str, error: Disk) -> Result<&'a str, Boxed> {
    let _ = text;
    Err(error.into())
}

/// Two wrappers that hide both their inner error and their own type: a transparent variant returns its field's source, and so does
/// the error that `anyhow` makes of a box.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Transparent(Disk);

#[monitored(method = "f")]
fn transparent() -> Result<(), Transparent> {
    Err(Transparent(Disk::Full))
}

#[test]
fn what_hides_an_error_hides_its_type() {
    let boxed: Boxed = Disk::Full.into();
    assert_eq!(
        type_of(|| anyhowed(anyhow::Error::from_boxed(boxed))),
        "timeout"
    );
    assert_eq!(type_of(transparent), "timeout");
}

/// The error type that a call counts as.
fn type_of<T>(call_it: impl FnOnce() -> T) -> String {
    let probe = Recorder::builder()
        .errors("ERROR", ["timeout", "DISK", "NET", "SERVICE", "BARE"])
        .build();
    drop(probe.scope_sync(call_it));
    let recorded = probe.recorded();
    let types = ["timeout", "DISK", "NET", "SERVICE", "BARE", "other"];
    let found = types
        .iter()
        .find(|name| recorded.count(call("f").failure(name)) == 1);
    (*found.expect("a failure")).to_owned()
}

/// The wrapper of an error, the type it counted as, and the expected one.
type Row = (&'static str, String, &'static str);

/// Errors in wrappers that hide their type.
fn wrapped() -> Vec<Row> {
    let later = |error| {
        let mut future = std::pin::pin!(later(error));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_ready());
    };
    vec![
        (
            "Box<dyn Error + Send + Sync>",
            type_of(|| boxed(Disk::Full.into())),
            "DISK",
        ),
        (
            "Box<dyn Error>",
            type_of(|| boxed_alone(Disk::Full.into())),
            "DISK",
        ),
        ("anyhow", type_of(|| anyhowed(Disk::Full.into())), "DISK"),
        (
            "anyhow, async",
            type_of(|| later(Disk::Full.into())),
            "DISK",
        ),
        (
            "anyhow with context",
            type_of(|| {
                anyhowed(
                    anyhow::Error::from(Disk::Full)
                        .context("timeout")
                        .context("x"),
                )
            }),
            "DISK",
        ),
        (
            "Arc<dyn Error>",
            type_of(|| shared(Arc::new(Disk::Full))),
            "DISK",
        ),
        (
            "io::Error",
            type_of(|| io(io::Error::other(Disk::Full))),
            "DISK",
        ),
        (
            "io::Error boxed",
            type_of(|| boxed(io::Error::other(Disk::Full).into())),
            "DISK",
        ),
        (
            "io::Error in io::Error",
            type_of(|| io(io::Error::other(io::Error::other(Net)))),
            "NET",
        ),
        ("a source", type_of(|| outer(Disk::Full)), "DISK"),
    ]
}

/// Below others.
fn as_sources() -> Vec<Row> {
    vec![
        (
            "a source of a source",
            type_of(|| outer(Outer(Outer(Net)))),
            "NET",
        ),
        (
            "a boxed source",
            type_of(|| outer(Box::new(Disk::Full))),
            "DISK",
        ),
        (
            "a shared source",
            type_of(|| outer(Arc::new(Disk::Full))),
            "DISK",
        ),
        (
            "a source behind Arc<dyn>",
            type_of(|| outer(Arc::<Net>::new(Net) as Arc<dyn Error + Send + Sync>)),
            "NET",
        ),
        (
            "a source below io::Error",
            type_of(|| outer(io::Error::other(Net))),
            "NET",
        ),
        ("a generic error", type_of(|| concrete(Outer(Net))), "NET"),
        (
            "the outermost goes first",
            type_of(|| boxed(Service(Disk::Full).into())),
            "SERVICE",
        ),
        (
            "the outermost goes first, unboxed",
            type_of(|| service(Disk::Full)),
            "SERVICE",
        ),
        (
            "one that says nothing asks below",
            type_of(|| boxed(Disk::Silent(Some(Net)).into())),
            "NET",
        ),
    ]
}

/// Where others go first, or none names a type, and with lifetimes.
fn as_it_was() -> Vec<Row> {
    vec![
        (
            "so does one that is returned itself",
            type_of(|| disk(Disk::Silent(Some(Net)))),
            "NET",
        ),
        (
            "none says anything",
            type_of(|| boxed(Disk::Silent(None).into())),
            "timeout",
        ),
        (
            "no such error",
            type_of(|| boxed("timeout".into())),
            "timeout",
        ),
        (
            "another error",
            type_of(|| boxed(io::Error::other("nothing").into())),
            "other",
        ),
        ("no std error", type_of(bare), "BARE"),
        ("one that panics", type_of(|| boxed(Rude.into())), "timeout"),
        (
            "one without an end",
            type_of(|| boxed(Endless.into())),
            "timeout",
        ),
        (
            "below one that borrows",
            type_of(|| borrowed("x", Some(Disk::Full)).map(str::len).map_err(drop)),
            "DISK",
        ),
        (
            "one that borrows",
            type_of(|| borrowed("timeout", None).map(str::len).map_err(drop)),
            "timeout",
        ),
        (
            "one that borrows, elided",
            type_of(|| elided("timeout").map(str::len).map_err(drop)),
            "timeout",
        ),
        (
            "beside a reference",
            type_of(|| of_a_reference("x", Disk::Full).map(str::len).map_err(drop)),
            "DISK",
        ),
    ]
}

#[test]
fn an_error_has_its_type_wherever_it_is() {
    for (what, found, wanted) in [wrapped(), as_sources(), as_it_was()].concat() {
        assert_eq!(found, wanted, "{what}");
    }
}
