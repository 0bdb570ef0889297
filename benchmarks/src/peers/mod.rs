//! The peers: for each library, how its users would record a call by hand, and the hand-written ideal.

pub(crate) mod ideal;
pub(crate) mod prometheus;
pub(crate) mod prometheus_client;

use crate::work::Answer;

/// How a library records a call, by hand: requests begun, tasks in flight, results by status, errors by type, durations.
pub(crate) trait Recorder: 'static {
    /// What must be kept from start to end.
    type Call;

    /// A call starts.
    fn start() -> Self::Call;

    /// It ended so.
    fn end(call: Self::Call, answer: &Answer);
}
