//! The state of a call in flight, as `/top` and the API have it: one meaning for both.
//!
//! | name | |
//! |---|---|
//! | `running` | a thread executes its code, or that of a call below it, or is blocked in it |
//! | `permit` | it waits for a permit of its method ([`RunningCall::waits_for_permit`]) |
//! | `in_flight` | neither: an async body that is suspended, whatever it waits for |
//!
//! Whether a thread is blocked, or makes progress, is not known: nothing that a call leaves behind tells a sync function from
//! the poll of an async one.

use std::fmt;

use monitor_core::snapshot::RunningCall;

/// The state of a call in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallState<'c> {
    /// On the thread of this name.
    Running(&'c str),
    Permit,
    InFlight,
}

impl<'c> CallState<'c> {
    pub(crate) fn of(call: &'c RunningCall) -> Self {
        match &call.thread {
            Some(thread) => Self::Running(thread),
            None if call.waits_for_permit => Self::Permit,
            None => Self::InFlight,
        }
    }

    /// The word in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Permit => "permit",
            Self::InFlight => "in_flight",
        }
    }
}

/// As a table for readers has it.
impl fmt::Display for CallState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(thread) => write!(f, "running on {thread}"),
            Self::Permit => f.write_str("for a permit"),
            Self::InFlight => f.write_str("in flight"),
        }
    }
}
