//! The peers: for each library, how its users would record a call by hand, and the hand-written ideal.

pub(crate) mod attributes;
pub(crate) mod foundations_metrics;
pub(crate) mod ideal;
pub(crate) mod measured;
pub(crate) mod metrics;
pub(crate) mod metriken;
pub(crate) mod prometheus;
pub(crate) mod prometheus_client;
pub(crate) mod steps;

pub(crate) use crate::recorded::{duration, method};
use crate::work::Answer;

/// How a library records a call, by hand: requests begun, tasks in flight, results by status, errors by type,
/// durations.
pub(crate) trait Recorder: 'static {
    /// The state kept from start to end.
    type Call;

    /// A call starts.
    fn start() -> Self::Call;

    /// It ended so.
    fn end(call: Self::Call, answer: &Answer);
}

/// A library with handles for many methods; there are [`METHODS`].
pub(crate) trait Many: Recorder {
    /// A call of a method starts.
    fn start_of(method: usize) -> Self::Call;
}

/// Methods of the rows that call many.
pub(crate) const METHODS: usize = 100;

/// A library with so many methods recorded, whose page can be rendered again and again into memory it keeps.
pub(crate) trait Render {
    /// The page as it is now.
    fn render(&mut self) -> &[u8];
}
