//! What is found in errors as they are met in the wild, and what must not be.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use monitor_core::{ErrorParser, ErrorRules, ErrorText, ErrorView, StatusRule, TaskStatus};

/// Words as services have them, and words that only dumps, paths and backtraces have.
#[rustfmt::skip]
const WORDS: [(&str, &[&str]); 4] = [
    ("CONNECTION_ERROR", &["Connection Refused", "timedout", "unreachable"]),
    ("FATAL", &["OutOfMemory", "poolexhausted"]),
    ("INTERNAL", &["parseint", "invalid digit"]),
    ("UNKNOWN", &["backtrace", "src/", ".rs", "monitor_core", "error_matching", "secret", "{", "core::"]),
];

fn parser() -> ErrorParser {
    let rules = WORDS.map(|(status, words)| StatusRule {
        status: status.to_owned(),
        service_errors: words.iter().map(|&word| word.to_owned()).collect(),
        unhealthy: -1,
    });
    ErrorParser::new(&ErrorRules::try_new(rules).expect("the rules are valid"))
}

fn refused() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused")
}

#[derive(Debug, thiserror::Error)]
enum PoolError {
    #[error("no connection left in the pool")]
    PoolExhausted,
    #[error("request to the database failed")]
    Io(#[from] std::io::Error),
    #[error("row {row} is malformed")]
    Row {
        row: u64,
        secret: &'static str,
        source: std::num::ParseIntError,
    },
    #[error(transparent)]
    Any(#[from] anyhow::Error),
}

#[derive(Debug, thiserror::Error)]
#[error("the job failed")]
struct JobError {
    source: PoolError,
    file: &'static str,
}

/// The kind of error that only its type's name tells.
#[derive(Debug, thiserror::Error)]
#[error("limit reached")]
struct OutOfMemoryError<T: fmt::Debug>(T);

/// Its generics are not part of its name, nor is its path, which has `error_matching`.
#[derive(Debug, thiserror::Error)]
#[error("plain")]
struct Generic<T: fmt::Debug>(T);

fn job(source: PoolError) -> JobError {
    JobError {
        source,
        file: "monitor_core/src/error_matching.rs",
    }
}

fn not_a_number() -> std::num::ParseIntError {
    "x".parse::<u8>().expect_err("it is no number")
}

fn row() -> PoolError {
    PoolError::Row {
        row: 3,
        secret: "hidden",
        source: not_a_number(),
    }
}

#[test]
fn errors_are_typed_by_what_they_say_and_not_by_what_they_hold() {
    use PoolError::PoolExhausted;
    let context = || {
        let error = anyhow::Error::from(refused()).context("loading");
        error.context("starting")
    };
    let named = anyhow::Error::from(not_a_number()).context("x");
    let no = || anyhow::anyhow!("no");
    #[rustfmt::skip]
    let cases: Vec<(&str, Box<dyn Error>, &str)> = vec![
        ("its Display", refused().into(), "Connection Refused"),
        ("an OS error", std::io::Error::from_raw_os_error(111).into(), "Connection Refused"),
        ("a text as an error", "host unreachable".into(), "unreachable"),
        ("a source", job(refused().into()).into(), "Connection Refused"),
        ("a source's variant", job(PoolExhausted).into(), "poolexhausted"),
        ("a source's struct", job(row()).into(), "parseint"),
        ("a boxed error's variant", PoolExhausted.into(), "poolexhausted"),
        ("a chain of contexts", context().into(), "Connection Refused"),
        ("anyhow in thiserror", PoolError::from(context()).into(), "Connection Refused"),
        ("a struct under a context", named.into(), "parseint"),
        ("two boxes", Box::new(Box::new(PoolExhausted)), "poolexhausted"),
        ("a shared error", Box::new(Arc::new(PoolExhausted)), "poolexhausted"),
        ("fields of a Debug", job(PoolError::from(no())).into(), "other"),
        ("nothing known", no().into(), "other"),
        ("the word other", "other".into(), "other"),
        ("an empty text", "".into(), "other"),
        ("a panic whose payload panics", DoublePanic.into(), "other"),
        ("a cycle of sources", Endless.into(), "other"),
        ("its Display uses the parser", Reentrant(parser()).into(), "unreachable"),
    ];
    let parser = parser();
    for (what, error, expected) in &cases {
        assert_eq!(parser.parse(&**error), *expected, "{what}");
    }
}

#[test]
fn a_concrete_type_is_known_by_its_name_however_it_is_wrapped() {
    let (parser, error) = (parser(), || OutOfMemoryError("x"));
    assert_eq!(parser.parse(&error()), "OutOfMemory");
    assert_eq!(parser.parse(&&error()), "OutOfMemory");
    assert_eq!(parser.parse(&Box::new(error())), "OutOfMemory");
    assert_eq!(parser.parse(&Arc::new(error())), "OutOfMemory");
    assert_eq!(parser.parse(&Generic(error())), "other");
}

#[test]
fn e2_no_path_or_field_in_a_debug_is_searched() {
    let parser = parser();
    let error = job(PoolError::from(anyhow::anyhow!("no")));
    let debug = format!("{error:?}");
    assert!(
        debug.contains("src/") && debug.contains(error.file),
        "{debug}"
    );
    assert_eq!(parser.parse(&error), "other");

    let error = Err::<(), _>(job(row())).context("loading");
    let error = error.expect_err("it fails");
    let type_name = std::any::type_name_of_val(&error);
    let id = parser.parse_view(&ErrorView {
        type_name,
        text: ErrorText::Error(&*error),
    });
    assert_eq!(&**parser.name(id), "parseint");
}

#[test]
fn values_that_are_no_errors_are_read_as_far_as_they_can_be() {
    use ErrorText::{Debug, Display, Opaque};
    #[derive(Debug)]
    enum Plain {
        TimedOut {
            #[expect(dead_code, reason = "only Debug reads it")]
            secret: u8,
        },
    }
    let parser = parser();
    let timed_out = Plain::TimedOut { secret: 1 };
    let report = anyhow::Error::from(refused()).context("starting");
    #[rustfmt::skip]
    let cases = [
        ("alloc::string::String", Display(&"Host UNREACHABLE"), "unreachable"),
        // A report prints its causes in the alternate form only.
        ("my::Report", Display(&report), "Connection Refused"),
        ("a::OutOfMemory", Opaque, "OutOfMemory"),
        ("a::Plain", Debug(&timed_out), "timedout"),
        ("a::Plain", Debug(&"secret"), "other"),
        ("a::OutOfMemory::Plain<a::TimedOut>", Opaque, "other"),
        ("", Opaque, "other"),
    ];
    for (type_name, text, expected) in cases {
        let id = parser.parse_view(&ErrorView { type_name, text });
        assert_eq!(&**parser.name(id), expected, "{type_name} {text:?}");
    }
}

/// An error that panics in one of its functions.
#[derive(Default)]
struct Panicking {
    display: &'static str,
    place: &'static str,
    source: Option<Box<Panicking>>,
}

impl Panicking {
    fn at(place: &'static str, display: &'static str) -> Self {
        Self {
            display,
            place,
            source: None,
        }
    }

    /// One whose Display panics, with a source that panics at this place.
    fn of(place: &'static str, display: &'static str) -> Self {
        Self {
            source: Some(Box::new(Self::at(place, display))),
            ..Self::at("display", "")
        }
    }

    fn panics_in(&self, place: &str) {
        assert!(self.place != place, "told to panic in {place}");
    }
}

impl fmt::Display for Panicking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.display)?;
        self.panics_in("display");
        Ok(())
    }
}

impl fmt::Debug for Panicking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimedOut")?;
        self.panics_in("debug");
        f.write_str(" { secret: 1 }")
    }
}

impl Error for Panicking {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.panics_in("source");
        self.source.as_deref().map(|source| source as _)
    }
}

#[test]
fn a_panicking_error_counts_as_far_as_it_got_and_the_search_goes_on() {
    let rows = [
        (Panicking::at("display", "unreachable"), "unreachable"),
        (Panicking::at("display", ""), "other"),
        (Panicking::at("source", "unreachable"), "unreachable"),
        (
            Panicking::of("", "connection refused"),
            "Connection Refused",
        ),
        // The Debug of the source wrote this before it panicked.
        (Panicking::of("debug", ""), "timedout"),
    ];
    let parser = parser();
    for (error, expected) in &rows {
        assert_eq!(parser.parse(error), *expected, "{}", error.place);
    }
}

/// Panics in Display, with a payload that panics when dropped.
#[derive(Debug)]
struct DoublePanic;

struct PanicsOnDrop(u8);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            std::panic::panic_any(PanicsOnDrop(left));
        }
    }
}

impl fmt::Display for DoublePanic {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::panic::panic_any(PanicsOnDrop(9))
    }
}

impl Error for DoublePanic {}

/// Prints nothing, and its source is itself.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Error for Endless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Endless)
    }
}

/// Counts how much of itself was written.
#[derive(Debug)]
struct Long {
    written: Cell<usize>,
}

impl fmt::Display for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..1_000_000 {
            f.write_str("0123456789")?;
            self.written.set(self.written.get() + 10);
        }
        Ok(())
    }
}

impl Error for Long {}

#[test]
fn a_long_display_is_ended_at_4_kib() {
    let error = Long {
        written: Cell::new(0),
    };
    assert_eq!(parser().parse(&error), "other");
    assert!(
        error.written.get() <= 4096,
        "{} bytes were written",
        error.written.get()
    );
}

/// Classifies another error while it is classified.
#[derive(Debug)]
struct Reentrant(ErrorParser);

impl fmt::Display for Reentrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.parse(&OutOfMemoryError(1));
        let found = inner == "OutOfMemory";
        write!(f, "un{}", if found { "reachable" } else { inner })
    }
}

impl Error for Reentrant {}

#[test]
fn nothing_is_allocated_to_classify_an_error() {
    let parser = parser();
    let found = job(refused().into());
    let row = job(row()).source;
    let boxed: Box<dyn Error> = Box::new(job(PoolError::PoolExhausted));
    let info = allocation_counter::measure(|| {
        assert_eq!(parser.parse(&found), "Connection Refused");
        assert_eq!(parser.parse(&row), "parseint");
        assert_eq!(parser.parse(&*boxed), "poolexhausted");
        assert_eq!(parser.parse(&Endless), "other");
        assert_eq!(
            parser
                .parse_parts("a::B", "ÜBER host unreachable", &["Ä"])
                .index(),
            2
        );
        assert!(parser.type_id("OutOfMemory").is_some());
        assert_eq!(parser.status_named(Some("parseint")), TaskStatus::Internal);
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    assert_ne!(
        allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1)))).count_total,
        0
    );
}
