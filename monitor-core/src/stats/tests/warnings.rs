//! What is logged: once a key, once a family, and only when a snapshot is taken.

use std::fmt;
use std::sync::Mutex as StdMutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<StdMutex<Vec<String>>>);

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            lock(&self.0).push(format!("{value:?}"));
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn logged(run: impl FnOnce() -> Tested) -> Vec<String> {
    let lines = Lines::default();
    let ran = tracing::subscriber::with_default(lines.clone(), run);
    assert_eq!(ran, Ok(()));
    std::mem::take(&mut lock(&lines.0))
}

#[test]
fn a_malformed_key_is_warned_about_once() {
    let values = values();
    let recorded = logged(|| {
        values.inc("jobs___fast", 1)?;
        values.inc("good___a__b", 1)?;
        values.set("text___fast", "no gauge, no warning".into())?;
        values.append("wait_time___x", 1.into(), Keep::Default)?;
        values.append("stats", map([("tokens___y", 1.into())]), Keep::Default)
    });
    assert_eq!(recorded, [""; 0], "recording does not log");
    let mut first = logged(|| {
        values.snapshot();
        Ok(())
    });
    first.sort();
    let expected = [
        "Label fast has bad format. Must be <label2name__label2value>.",
        "Label y has bad format. Must be <label2name__label2value>.",
        "The label x is not in the correct format. It should be <label2name__label2value>.",
    ];
    assert_eq!(first, expected);
    let second = logged(|| {
        values.inc("jobs___fast", 1)?;
        values.exported();
        Ok(())
    });
    assert_eq!(second, [""; 0]);
}

#[test]
fn a_full_family_is_warned_about_once() {
    let values = limited(1);
    let lines = logged(|| {
        for n in 0..10 {
            values.inc(&format!("jobs___id__{n}"), 1)?;
            values.snapshot();
        }
        Ok(())
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}
