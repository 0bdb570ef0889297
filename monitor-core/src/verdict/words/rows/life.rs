//! The rows about the life of the service: `Left`, `Probes`, `Ready`, `Known`.

use crate::history::Phase;
use crate::verdict::numbers::NumberStyle::Prose;
use crate::verdict::numbers::{count, duration, span};
use crate::verdict::words::rows::row;
use crate::verdict::words::sentence::{are, clause, list, things};
use crate::verdict::words::{LeftCalls, VerdictRow, Words, quoted};

/// Most methods named in the row `Left`.
const NAMES: usize = 4;

/// The calls that a drain waits for.
pub(super) fn left(input: &Words<'_>) -> Option<VerdictRow> {
    let oldest = input
        .left
        .iter()
        .max_by(|a, b| a.oldest.total_cmp(&b.oldest))?;
    let of = |left: &LeftCalls| {
        let calls = count(left.calls, Prose);
        Some(format!("{} {calls}", quoted(input.method(left.method)?)))
    };
    let calls = list(input.left.iter().filter_map(of).collect(), NAMES)?;
    let usual = oldest.usual.map(|[p50, _]| duration(p50, Prose));
    let usual = clause(", and usually takes ", usual);
    let age = span(oldest.oldest, Prose);
    let method = input.method(oldest.method);
    Some(VerdictRow {
        since: Some(input.wall(input.now - oldest.oldest)),
        link: "#/inflight".to_owned(),
        method: method.cloned(),
        value: Some(oldest.oldest),
        usual: oldest.usual,
        promql: method.map(|method| input.service.families.in_flight(method)),
        ..row(
            "Left",
            format!("{calls}; the oldest has run for {age}{usual}."),
        )
    })
}

/// What probes are told while the service takes no requests.
pub(super) fn probes(input: &Words<'_>) -> Option<VerdictRow> {
    let (label, text) = match input.phase {
        Phase::Draining => (
            "Probes",
            "`/readyz` is 503 since then; `/livez` and `/metrics` answer until the end.",
        ),
        Phase::Starting => (
            "Ready",
            "`/readyz` and `/startupz` are 503 until the service calls `started()`.",
        ),
        Phase::Ready => return None,
    };
    Some(VerdictRow {
        link: "#/health".to_owned(),
        ..row(label, text.to_owned())
    })
}

/// What there is before the first call.
pub(super) fn known(input: &Words<'_>) -> Option<VerdictRow> {
    if input.last_call.or(input.seen_since).is_some() || input.phase == Phase::Draining {
        return None;
    }
    let methods = input.book.methods.len() as u64;
    let known = match input.checks.len() as u64 {
        0 => format!("{} {}", things(methods, "method"), are(methods)),
        checks => format!(
            "{} and {} are",
            things(methods, "method"),
            things(checks, "check")
        ),
    };
    Some(VerdictRow {
        link: "#/methods".to_owned(),
        ..row(
            "Known",
            format!("{known} known; all series of methods are at zero."),
        )
    })
}
