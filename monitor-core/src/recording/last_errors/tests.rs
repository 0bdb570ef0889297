use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use super::*;
use crate::data::snapshot::LastError;
use crate::errors::{ErrorView, NamedView, Outcome};
use crate::{Clock, ManualClock, Monitor, StorageConfig};

/// An error with a text, and maybe a source.
#[derive(Debug)]
struct Text(&'static str, Option<Box<Self>>);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        assert_ne!(self.0, "half ", "the rest");
        Ok(())
    }
}

impl Error for Text {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.1.as_deref()?;
        Some(source)
    }
}

fn chain(texts: &[&'static str]) -> Text {
    let (first, rest) = texts.split_first().expect("a text");
    let source = (!rest.is_empty()).then(|| Box::new(chain(rest)));
    Text(first, source)
}

fn written(text: ErrorText<'_>) -> String {
    let mut buffer = TextBuffer::default();
    buffer.write_error(text);
    buffer.as_str().replace(CAUSE_MARK, ": ")
}

fn of_chain(texts: &[&'static str]) -> String {
    written(ErrorText::Error(&chain(texts)))
}

#[test]
fn a_text_has_the_causes_once_each_in_one_line() {
    assert_eq!(of_chain(&["load", "open", "denied"]), "load: open: denied");
    assert_eq!(of_chain(&["load: denied", "denied"]), "load: denied");
    assert_eq!(of_chain(&["two\nlines\u{1b}[2J"]), "two lines [2J");
    assert_eq!(of_chain(&["half ", "denied"]), "half : denied");
}

#[test]
fn causes_are_told_from_a_colon_in_a_text() {
    let errors = LastErrors::new(1);
    let enter = |texts: &[&'static str]| errors.read(ErrorText::Error(&chain(texts)), 0, 1);
    enter(&["load: x", "open", "denied: no"]);
    enter(&["load", "load"]);
    enter(&["a\u{1f} b"]);
    let mut kept = errors.kept(0);
    kept.sort_by(|a, b| a.text.cmp(&b.text));
    let rows: Vec<_> = kept
        .iter()
        .map(|kept| (&*kept.text, &kept.causes[..]))
        .collect();
    let causes = ["open", "denied: no"].map(str::to_owned);
    let expected: [(&str, &[String]); 3] = [
        ("a  b", &[]),
        ("load", &[]),
        ("load: x: open: denied: no", &causes),
    ];
    assert_eq!(rows, expected);
    let shown = LastError {
        method: "Load".into(),
        task: None,
        error_type: "other".into(),
        text: kept[2].text.clone(),
        causes: kept[2].causes.clone(),
        first: 0.0,
        last: 0.0,
        count: 1,
    };
    assert_eq!(shown.own_text(), "load: x");
}

#[test]
fn a_text_is_cut_between_characters() {
    let long: &'static str = "ä".repeat(300).leak();
    assert_eq!(of_chain(&["x", long]), format!("x: {}", "ä".repeat(254)));
    assert_eq!(of_chain(&[long, "y"]), "ä".repeat(256));
    // There is room for the next error, and not for the character before it.
    let long: &'static str = format!("{}🦀", "x".repeat(509)).leak();
    assert_eq!(of_chain(&[long, "r"]), "x".repeat(509));
    assert_eq!(
        of_chain(&["a", long, "r"]),
        format!("a: {}", "x".repeat(509))
    );
}

#[test]
fn of_a_debug_the_fields_are_left_out() {
    #[derive(Debug)]
    struct Denied {
        #[expect(dead_code, reason = "it is printed by Debug")]
        password: &'static str,
    }
    let error = Denied { password: "secret" };
    assert_eq!(written(ErrorText::Debug(&error)), "Denied");
    assert_eq!(written(ErrorText::Display(&"text")), "text");
    assert_eq!(written(ErrorText::Opaque), "");
}

#[test]
fn a_text_is_counted_and_the_one_that_came_up_longest_ago_gives_way() {
    let errors = LastErrors::new(1);
    for now in 0..MAX_TEXTS as u64 {
        errors.enter(&format!("text {now}"), 0, now);
    }
    errors.enter("text 0", 0, 100);
    errors.enter("text 0", 1, 101);
    let kept = errors.kept(0);
    assert_eq!(kept.len(), MAX_TEXTS);
    let row = |text: &KeptText| {
        (
            text.text.clone(),
            text.error_type,
            text.count,
            text.first,
            text.last,
        )
    };
    assert_eq!(row(&kept[0]), ("text 0".to_owned(), 1, 1, 101, 101));
    assert_eq!(row(&kept[1]), ("text 0".to_owned(), 0, 2, 0, 100));
    // `text 1` gave way.
    assert_eq!(
        kept.last().map(row),
        Some(("text 2".to_owned(), 0, 1, 2, 2))
    );
}

#[test]
fn a_rare_type_keeps_its_text_beside_a_frequent_one() {
    let errors = LastErrors::new(1);
    errors.enter("the database is gone", 7, 0);
    for now in 1..=1000 {
        errors.enter(&format!("no answer to {now}"), 1, now);
    }
    let kept = errors.kept(0);
    let of_type = |one| kept.iter().filter(|text| text.error_type == one).count();
    assert_eq!((of_type(7), of_type(1)), (1, MAX_TEXTS - 1));
    assert_eq!(
        (kept[0].last, kept[18].last),
        (1000, 982),
        "the oldest went"
    );

    let newest = errors.newest_of_types(0).into_iter();
    let newest: Vec<_> = newest.map(|text| (text.error_type, text.last)).collect();
    assert_eq!(newest, [(1, 1000), (7, 0)]);
    assert_eq!(errors.newest_of_types(1)[..], errors.kept(1)[..1]);
    assert_eq!(errors.kept(999).len(), 2);

    // More types than slots: the oldest of all goes.
    for now in 0..40 {
        errors.enter("text", 100 + now, 2000 + u64::from(now));
    }
    let newest = errors.kept(0).iter().map(|text| text.error_type).max();
    assert_eq!(newest, Some(139));
}

#[test]
fn texts_are_read_in_a_burst_and_then_one_by_one() {
    let rate = Rate::new(10);
    let allowed = |now, calls| (0..calls).filter(|_| rate.allows(0, now)).count() as u64;
    assert_eq!(allowed(1000, 1000), BURST);
    assert_eq!(allowed(1009, 1000), 0);
    assert_eq!(allowed(1010, 1000), 1);
    assert_eq!(allowed(1050, 1000), 4);
    assert_eq!(allowed(100_000, 1000), BURST);
    // A rare type beside a frequent one.
    assert!(rate.allows(1, 100_000) && !rate.allows(0, 100_000));
}

fn monitor(config: StorageConfig) -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1000.0);
    (Monitor::with_clock(config, clock), hand)
}

fn fail(monitor: Monitor, method: &str, text: &'static str) {
    let error = Text(text, None);
    let view = ErrorView {
        type_name: "",
        text: ErrorText::Error(&error),
    };
    let method = monitor.method(method).expect("a name");
    method.start().finish(Outcome::Error(view));
}

#[test]
fn failures_of_a_method_are_told_with_their_times() {
    let (monitor, hand) = monitor(StorageConfig::default());
    fail(monitor, "Get", "refused");
    hand.advance(Duration::from_secs(5));
    fail(monitor, "Get", "timeout");
    fail(monitor, "Get", "refused");
    hand.advance(Duration::from_secs(5));
    fail(monitor, "Add", "full");
    let of = |within| {
        let errors = monitor.last_errors(within).into_iter();
        let rows = errors.map(|one| {
            (
                one.method.to_string(),
                one.text,
                one.count,
                one.first,
                one.last,
            )
        });
        rows.collect::<Vec<_>>()
    };
    let row = |method: &str, text: &str, count, first, last| {
        (method.to_owned(), text.to_owned(), count, first, last)
    };
    let add = row("Add", "full", 1, 1010.0, 1010.0);
    let get = [
        row("Get", "timeout", 1, 1005.0, 1005.0),
        row("Get", "refused", 2, 1000.0, 1005.0),
    ];
    let [timeout, refused] = get;
    assert_eq!(of(Duration::MAX), [add.clone(), timeout, refused]);
    assert_eq!(of(Duration::from_secs(4)), [add]);
    let first = &monitor.last_errors(Duration::MAX)[0];
    assert_eq!(
        (&*first.error_type, first.task.as_deref()),
        ("other", Some("Add"))
    );
}

#[test]
fn texts_are_kept_only_where_they_are_wanted_and_calls_fail_with_one() {
    let config = StorageConfig {
        error_texts: false,
        ..StorageConfig::default()
    };
    let (off, _hand) = monitor(config);
    fail(off, "Get", "refused");
    assert_eq!(off.last_errors(Duration::MAX), []);

    let (monitor, _hand) = monitor(StorageConfig::default());
    let call = || monitor.method("Get").expect("a name").start();
    for outcome in [
        Outcome::Success,
        Outcome::Panic,
        Outcome::ErrorType("other"),
        Outcome::Expected("other"),
    ] {
        call().finish(outcome);
    }
    drop(call());
    assert_eq!(monitor.last_errors(Duration::MAX), []);
}

#[test]
fn a_type_that_is_listed_while_texts_are_read_has_its_name() {
    for _ in 0..20 {
        let monitor = Monitor::new(StorageConfig::default());
        for number in 0..200 {
            fail(monitor, &format!("M{number}"), "refused");
        }
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let last = monitor.method("M199").expect("a name");
                for status in 500..512 {
                    let text = ErrorText::Display(&"full");
                    let error_type = crate::errors::http_type(status);
                    last.start()
                        .finish(Outcome::Named(NamedView { error_type, text }));
                    thread::yield_now();
                }
                is_over.store(true, SeqCst);
            });
            while !is_over.load(SeqCst) {
                for error in monitor.last_errors(Duration::MAX) {
                    assert_ne!(&*error.error_type, "", "{error:?}");
                }
            }
        });
    }
}

#[test]
fn the_last_calls_know_their_outcome_however_often_the_ring_is_overwritten() {
    let (monitor, hand) = monitor(StorageConfig::default());
    let get = monitor.method("Get").expect("a name");
    let outcome = |call: u64| match call % 3 {
        0 => Outcome::Success,
        1 => Outcome::ErrorType("other"),
        _ => Outcome::Panic,
    };
    for call in 0..1000 {
        let guard = get.start();
        hand.advance(Duration::from_secs(1));
        guard.finish(outcome(call));
    }
    let calls = monitor.last_calls("Get");
    assert_eq!(calls.len(), 100);
    for (call, number) in calls.iter().zip(900_usize..) {
        let expected = [None, Some("other"), Some("panic")][number % 3];
        assert_eq!(call.error_type.as_deref(), expected, "call {number}");
        assert!((call.seconds - 1.0).abs() < 1e-9, "{call:?}");
    }
    assert_eq!(monitor.last_calls("Put"), []);
}

/// Different texts of the threads of a stress test: more than are kept.
const STRESSED: u64 = 60;

/// A text that says its number, with a length of its own.
fn self_describing(number: u64) -> String {
    let length = usize::try_from(number).expect("a small number") * 8;
    let number = char::from_u32(u32::try_from(number).expect("a small number") + 0x400);
    number.into_iter().cycle().take(1 + length / 2).collect()
}

/// Its type, and each of its times, follow from its number.
fn assert_self_described(kept: &KeptText) {
    let first = kept.text.chars().next().expect("a text");
    let number = u64::from(u32::from(first)) - 0x400;
    assert_eq!(kept.text, self_describing(number));
    assert_eq!(u64::from(kept.error_type), number % 7, "{kept:?}");
    assert_eq!(
        (kept.first % STRESSED, kept.last % STRESSED),
        (number, number),
        "{kept:?}"
    );
    assert!(kept.count > 0 && kept.first <= kept.last, "{kept:?}");
}

#[test]
fn texts_that_threads_enter_and_replace_at_once_are_read_whole() {
    let errors = LastErrors::new(1);
    let is_over = AtomicBool::new(false);
    let read = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !is_over.load(SeqCst) || read == 0 {
                let kept = errors.kept(0);
                assert!(kept.len() <= MAX_TEXTS);
                kept.iter().for_each(assert_self_described);
                read += kept.len();
            }
            read
        });
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for now in 0..20_000 {
                        let number = now % STRESSED;
                        let error_type = u32::try_from(number % 7).expect("a small number");
                        errors.enter(&self_describing(number), error_type, now);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("no panic");
        }
        is_over.store(true, SeqCst);
        reader.join().expect("each text is whole")
    });
    assert!(read > 0);
}

#[test]
fn of_calls_that_fail_at_once_each_is_counted_and_no_text_more_often_than_it_came() {
    let monitor = Monitor::new(StorageConfig::default());
    thread::scope(|scope| {
        for text in ["one", "two", "three", "four"] {
            scope.spawn(move || (0..5_000).for_each(|_| fail(monitor, "Get", text)));
        }
    });
    let failed: u64 = monitor.snapshot().methods[0].errors.iter().sum();
    assert_eq!(failed, 20_000);
    let kept = monitor.last_errors(Duration::MAX);
    assert!((1..=4).contains(&kept.len()));
    assert!(kept.iter().all(|kept| (1..=5_000).contains(&kept.count)));
}
