//! The log lines of a test.

use std::fmt;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::base::sync::{Mutex, lock};

#[derive(Clone, Default)]
struct LoggedLines(Arc<Mutex<Vec<String>>>);

impl Visit for LoggedLines {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            lock(&self.0).push(format!("{value:?}"));
        }
    }
}

impl Subscriber for LoggedLines {
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

/// The messages logged by this thread meanwhile.
pub(crate) fn lines_of<R>(run: impl FnOnce() -> R) -> (R, Vec<String>) {
    let lines = LoggedLines::default();
    let ran = tracing::subscriber::with_default(lines.clone(), run);
    let lines = std::mem::take(&mut *lock(&lines.0));
    (ran, lines)
}
