//! What the rules have learned of a method, and what they find of it now, as cells of a row.

use monitor_core::verdict::{Change, Level, MethodState, Number, Numbers, Usual};
use serde_json::{Value, json};

use super::envelope::Look;
use super::json;
use super::short::Short;

/// What the rules find of one method.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// `f` failing, `s` slow, `k` stuck, `i` idle, `o` as usual.
    pub(super) state: &'static str,
    /// `[kind, type, since, through, ratio, score]`, or 0.
    pub(super) change: Value,
    /// Levels of the numbers that are not as usual, by name, or 0.
    pub(super) level: Value,
    /// When it was called last, seconds since 1970, where that is long ago.
    pub(super) last_call: Option<f64>,
}

/// What is found of a method with these numbers.
pub(super) fn found(look: &Look<'_>, method: u32, numbers: &Numbers) -> Found {
    let of = look.watch.found(method, numbers);
    let last_call = of.last_active.filter(|_| of.state == MethodState::Idle);
    Found {
        state: match of.state {
            MethodState::Failing => "f",
            MethodState::Slow => "s",
            MethodState::Stuck => "k",
            MethodState::Idle => "i",
            _ => "o",
        },
        change: of.change.map_or(0.into(), |change| cell_of(look, &change)),
        level: if of.levels.is_empty() {
            0.into()
        } else {
            level_object(&of.levels)
        },
        last_call: last_call.map(|since| look.unix(since)),
    }
}

/// The word of a state.
pub(super) fn state_word(state: MethodState) -> &'static str {
    match state {
        MethodState::Failing => "failing",
        MethodState::Slow => "slow",
        MethodState::Stuck => "stuck",
        MethodState::Idle => "idle",
        _ => "ok",
    }
}

/// Levels by the names of their numbers.
pub(super) fn level_object(levels: &[(Number, Level)]) -> Value {
    let levels = levels.iter();
    json::collected(levels.map(|(number, level)| (number.name().to_owned(), level.name())))
}

fn cell_of(look: &Look<'_>, change: &Change) -> Value {
    json!([
        change.rule.name(),
        json::optional_text(change.error_type.as_deref()),
        json::time(look.unix(change.since)),
        json::optional_text(change.through.as_deref()),
        Short::duration(change.ratio).json(),
        // In hundredths: rows are put in its order.
        json::number((change.score * 100.0).round() / 100.0),
    ])
}

/// The usual ranges by name.
pub(super) fn usual_object(usual: &Usual) -> Value {
    json!({
        "p50": json::pair(usual.p50),
        "p95": json::pair(usual.p95),
        "p99": json::pair(usual.p99),
        "rate": json::pair(usual.rate),
        "failed": json::pair(usual.failed),
        "in_flight": json::pair(usual.in_flight),
    })
}
