//! The rows of evidence: `Cause`, `Spread`, `Stuck`, `Slow`, `Growth`.

use std::sync::Arc;

use crate::data::slot::FailureKind;
use crate::history::EventKind;
use crate::verdict::numbers::NumberStyle::Prose;
use crate::verdict::numbers::{duration, moment, ratio, share};
use crate::verdict::words::rows::{TASK_TYPE, affected, error_type, method_link, numbers_of, row};
use crate::verdict::words::sentence::{
    are, capital, clause, fails_itself, growth as growth_of, is_longer, is_of_process, is_past,
    judged_quantile, list, names, older, part, slow_share, subject, things, waiting,
};
use crate::verdict::words::{VerdictRow, Words, quoted, said};
use crate::verdict::{Incident, Level, Rule, State};

/// A check may be down so many seconds later than a finding began, and still be its cause: checks run every few
/// seconds.
const CHECK_LATE: f64 = 60.0;

/// Late calls have a row in an incident of another rule from this age of the oldest on, seconds.
const OLD: f64 = 10.0;

/// Durations are named beside another rule's incident where they are so many times as long as usual.
const FAR_LONGER: f64 = 2.0;

/// The share of cancelled calls from which on it is named.
const CANCELLED: f64 = 0.01;

/// Of methods that are found at the same time, where nothing tells which of them calls which.
const SAME_TIME: &str = "since about the same time";

/// Most methods named in a row.
const NAMES: usize = 3;

/// The incident of the check that is down since about the beginning of another incident.
pub(super) fn cause_check<'a>(input: &Words<'a>, incident: &Incident) -> Option<&'a Incident> {
    if !matches!(
        incident.state,
        State::Failing | State::Stuck | State::Slow | State::Overloaded | State::Flapping
    ) || incident.method.is_none()
    {
        return None;
    }
    // That a task type is unhealthy follows from the failures, and is no cause of them.
    let is_cause = |name: &str| !name.starts_with(TASK_TYPE);
    let incidents = input.judgement.incidents.iter();
    let checks = incidents.filter(|other| {
        other.state == State::Down
            && other.since <= incident.since + CHECK_LATE
            && other.check.as_deref().is_some_and(is_cause)
    });
    let named = checks.clone().find(|other| other.check == incident.check);
    named.or_else(|| checks.clone().next())
}

/// Where it comes from.
pub(super) fn cause(
    input: &Words<'_>,
    incident: &Incident,
    check: Option<&Incident>,
) -> Option<VerdictRow> {
    if let Some((check, name)) = check.and_then(|check| Some((check, check.check.as_deref()?))) {
        return Some(cause_by_check(input, incident, check, name));
    }
    if let Some(row) = cause_that_is_over(input, incident) {
        return Some(row);
    }
    if !matches!(incident.rule, Rule::Failures | Rule::Panics) {
        return None;
    }
    let at = incident.method?;
    let method = input.method(at)?;
    let callees = input
        .recent
        .methods
        .iter()
        .filter(|one| one.callers.iter().any(|caller| caller.caller == at));
    let callees = callees.filter(|one| one.method != at).count() as u64;
    let text = if is_past(input, incident) {
        format!("No call of {} failed in the last 30 s.", quoted(method))
    } else if input.has_edges && !fails_itself(input, incident) {
        format!("{} does not fail, but is slow or stuck.", quoted(method))
    } else if callees == 0 {
        format!(
            "{} itself: it calls no other monitored method.",
            quoted(method)
        )
    } else {
        let callees = match callees {
            1 => "the method that it calls explains".to_owned(),
            many => format!("the {many} methods that it calls explain"),
        };
        format!("{} itself: {callees} less than half of it.", quoted(method))
    };
    let (value, usual) = numbers_of(input, incident);
    let error_type = error_type(input, incident);
    Some(VerdictRow {
        level: incident.state.level(),
        rule: incident.rule.name(),
        since: Some(input.wall(incident.since)),
        link: method_link(method),
        promql: Some(
            input
                .service
                .families
                .failure_share(method, error_type.as_deref()),
        ),
        next: Some(format!("Read the last error texts of {}.", quoted(method))),
        method: Some(method.clone()),
        error_type,
        value,
        usual,
        ..row("Cause", text)
    })
}

fn cause_by_check(
    input: &Words<'_>,
    incident: &Incident,
    check: &Incident,
    name: &str,
) -> VerdictRow {
    let output = check.evidence.output.as_deref().map(said);
    let output = output.filter(|output| !output.is_empty());
    let place = place_of(name);
    let text = format!("{place}: {} is DOWN{}.", part(name), clause(", ", output));
    let trouble = match incident.state {
        State::Failing => "to fail",
        State::Stuck => "to hang",
        _ => "to be slow",
    };
    let method = incident.method.and_then(|at| input.method(at));
    let next = method.map(|method| {
        let (part, method) = (part(name), quoted(method));
        format!("Look at {part}: it went down when calls of {method} began {trouble}.")
    });
    VerdictRow {
        level: Level::Bad,
        rule: Rule::Check.name(),
        since: Some(input.wall(check.since)),
        link: "#/health".to_owned(),
        promql: Some(input.service.families.check(name)),
        next,
        ..row("Cause", text)
    }
}

/// The check that was down since about the beginning, and is up again: for the while in which its failures are still told.
fn cause_that_is_over(input: &Words<'_>, incident: &Incident) -> Option<VerdictRow> {
    incident.method?;
    let (began, now) = (input.wall(incident.since), input.wall(input.now));
    let up = input.checks.iter().filter(|check| check.is_up);
    let (name, down, up) = up
        .filter_map(|check| {
            let mut changes = input
                .events
                .iter()
                .rev()
                .filter(|event| event.kind == EventKind::Check && event.name == check.name);
            let (up, down) = (changes.next()?.at, changes.next()?.at);
            Some((&*check.name, down, up))
        })
        .find(|(_, down, up)| {
            (down - began).abs() <= CHECK_LATE && *up >= began && now - up <= CHECK_LATE
        })?;
    let place = place_of(name);
    let (part, until) = (part(name), moment(up, now));
    Some(VerdictRow {
        level: incident.state.level(),
        rule: Rule::Check.name(),
        since: Some(down),
        link: "#/health".to_owned(),
        promql: Some(input.service.families.check(name)),
        ..row("Cause", format!("{place}: {part} was DOWN until {until}."))
    })
}

/// Where a part of health is.
fn place_of(name: &str) -> &'static str {
    if is_of_process(name) {
        "This process"
    } else {
        "A dependency, not this process"
    }
}

/// Who feels it.
pub(super) fn spread(input: &Words<'_>, incident: &Incident) -> Option<VerdictRow> {
    let is_failing = matches!(incident.rule, Rule::Failures | Rule::Panics);
    let is_broad = incident.rule == Rule::Broad;
    if incident.felt.is_empty() && !is_failing || incident.method.is_none() && !is_broad {
        return None;
    }
    let requests = input.told().entries.failed_share();
    let requests = requests.filter(|_| is_failing);
    let mut parts = Vec::new();
    parts.extend(match (is_failing, is_broad) {
        (true, _) => failing_through(input, incident),
        (_, true) => names(input, &incident.felt, NAMES).map(|all| format!("{all} are slow.")),
        _ => slow_through(input, incident),
    });
    parts.extend(requests.map(|requests| match requests {
        0.0 => "No request fails.".to_owned(),
        requests => format!("{} of all requests fail.", share(requests, Prose)),
    }));
    parts.extend(not_affected(input));
    let method = incident.method.and_then(|at| input.method(at)).cloned();
    let method = method.filter(|_| !is_broad);
    let error_type = error_type(input, incident);
    let families = &input.service.families;
    let promql = match method.as_deref() {
        Some(method) if is_failing => families.failure_share(method, error_type.as_deref()),
        method => families.quantile(0.99, method),
    };
    let show = if is_failing { "failing" } else { "slow" };
    (!parts.is_empty()).then(|| VerdictRow {
        level: incident.state.level(),
        rule: "spread",
        since: Some(input.wall(incident.since)),
        link: format!("#/methods?show={show}"),
        promql: Some(promql),
        value: requests,
        method,
        error_type,
        ..row("Spread", parts.join(" "))
    })
}

/// 10 methods are not affected.
fn not_affected(input: &Words<'_>) -> Option<String> {
    let known = input.book.methods.len();
    let count = known.saturating_sub(affected(input).len()) as u64;
    (count > 0).then(|| format!("{} {} not affected.", things(count, "method"), are(count)))
}

/// `Spelling` 64 % and `Analyse` 64 % fail through `LookUpWords`. What usually fails of a caller does not fail through it.
fn failing_through(input: &Words<'_>, incident: &Incident) -> Option<String> {
    let mut felt: Vec<(u64, u32, f64)> = Vec::new();
    let mut others = Vec::new();
    for &method in &incident.felt {
        let calls = input.told().of(method);
        let usual = if input.has_edges {
            input.usual_failed(method)
        } else {
            0.0
        };
        match calls.and_then(|calls| Some((calls, calls.failed_share()? - usual))) {
            Some((calls, share)) if share > 0.0 => {
                felt.push((calls.failed(FailureKind::Counts), method, share));
            }
            _ => others.push(method),
        }
    }
    // Those with most failed calls first.
    felt.sort_by_key(|&(failed, method, _)| (std::cmp::Reverse(failed), method));
    let is_one = felt.len() + others.len() == 1;
    let with_share = felt.iter().filter_map(|&(_, method, failed)| {
        Some(format!(
            "{} {}",
            quoted(input.method(method)?),
            share(failed, Prose)
        ))
    });
    let without = others
        .iter()
        .filter_map(|&method| Some(quoted(input.method(method)?)));
    let all = list(with_share.chain(without).collect(), NAMES)?;
    let verb = match (felt.is_empty(), is_one) {
        (true, true) => "feels it",
        (true, false) => "feel it",
        (false, true) => "fails",
        (false, false) => "fail",
    };
    if !input.has_edges {
        let verb = match (felt.is_empty(), is_one) {
            (true, true) => "is affected",
            (true, false) => "are affected",
            (false, _) => verb,
        };
        return Some(format!("{all} {verb} {SAME_TIME}."));
    }
    Some(format!(
        "{all} {verb} through {}.",
        subject(input, incident)
    ))
}

fn slow_through(input: &Words<'_>, incident: &Incident) -> Option<String> {
    let all = names(input, &incident.felt, NAMES)?;
    let is_one = incident.felt.len() == 1;
    if !input.has_edges {
        let verb = match incident.state {
            State::Stuck if is_one => "has stuck calls",
            State::Stuck => "have stuck calls",
            _ if is_one => "is slow",
            _ => "are slow",
        };
        return Some(format!("{all} {verb} {SAME_TIME}."));
    }
    let verb = match (incident.state, is_one) {
        (State::Stuck, true) => "waits for",
        (State::Stuck, false) => "wait for",
        (_, true) => "is slow through",
        (_, false) => "are slow through",
    };
    Some(format!("{all} {verb} {}.", subject(input, incident)))
}

/// Calls that are older than any usually gets.
pub(super) fn stuck(input: &Words<'_>, incident: &Incident) -> Option<VerdictRow> {
    let evidence = &incident.evidence;
    let is_stuck = incident.rule == Rule::Stuck || evidence.oldest >= OLD;
    if evidence.late == 0 || !is_stuck {
        return None;
    }
    let method = incident.method.and_then(|at| input.method(at));
    let mut text = older(evidence);
    if let Some(method) = method {
        let calls = things(evidence.late, "call");
        text = text.replacen(&calls, &format!("{calls} of {}", quoted(method)), 1);
    }
    let usual = evidence
        .usual_durations
        .map(|[p50, _]| duration(p50, Prose));
    let usual = clause(" It usually takes ", usual.map(|usual| format!("{usual}.")));
    Some(VerdictRow {
        level: Level::Bad,
        rule: Rule::Stuck.name(),
        since: Some(input.wall(input.now - evidence.oldest)),
        link: "#/inflight".to_owned(),
        method: method.cloned(),
        value: Some(evidence.oldest),
        usual: evidence.usual_durations,
        promql: method.map(|method| input.service.families.in_flight(method)),
        next: Some("Look at the oldest calls in flight: the list shows where each is.".to_owned()),
        ..row("Stuck", format!("{text}.{usual}"))
    })
}

/// How much longer it takes.
pub(super) fn slow(input: &Words<'_>, incident: &Incident) -> Option<VerdictRow> {
    let evidence = &incident.evidence;
    let is_slow = matches!(incident.state, State::Slow | State::Overloaded)
        || matches!(incident.rule, Rule::Slow | Rule::Tail);
    let (name, value, usual) = judged_quantile(evidence)?;
    if !is_slow && usual.is_none_or(|usual| value < FAR_LONGER * usual) {
        return None;
    }
    // Durations that are as usual are told with what is not: calls that took too long, or were given up.
    let is_told = slow_share(input, incident).is_some() || cancelled(input, incident).is_some();
    if !is_longer(evidence) && !is_told {
        return None;
    }
    let method = incident.method.and_then(|at| input.method(at));
    let rule = if incident.rule == Rule::Tail {
        Rule::Tail
    } else {
        Rule::Slow
    };
    let quantile = if name == "p50" { 0.5 } else { 0.99 };
    let on = method.map(|method| &**method);
    Some(VerdictRow {
        level: Level::Warn,
        rule: rule.name(),
        since: Some(input.wall(incident.since)),
        link: on.map_or("#/methods?show=slow".to_owned(), method_link),
        method: method.cloned(),
        value: Some(value),
        usual: usual.map(|usual| [usual, usual]),
        promql: Some(input.service.families.quantile(quantile, on)),
        ..row("Slow", slow_text(input, incident)?)
    })
}

/// `LookUpWords`: p50 21 ms, usually 6.3 ms: 3.3 x; p99 840 ms, usually 22 ms: 38 x.
fn slow_text(input: &Words<'_>, incident: &Incident) -> Option<String> {
    let evidence = &incident.evidence;
    let quantiles = ["p50", "p99"].into_iter().zip(evidence.durations?);
    let quantiles = quantiles.enumerate().map(|(at, (name, value))| {
        let usual = evidence.usual_durations.map(|usual| usual[at]);
        let compared = usual.filter(|usual| *usual > 0.0).map(|usual| {
            let times = ratio(value / usual, Prose);
            format!("{}: {times}", duration(usual, Prose))
        });
        format!(
            "{name} {}{}",
            duration(value, Prose),
            clause(", usually ", compared)
        )
    });
    let quantiles = quantiles.collect::<Vec<_>>().join("; ");
    let mut parts = vec![format!(
        "{}: {quantiles}.",
        capital(&subject(input, incident))
    )];
    let is_told = is_longer(evidence);
    let share = slow_share(input, incident).filter(|_| !is_told);
    parts.extend(share.map(|share| format!("{share}.")));
    parts.extend(cancelled(input, incident));
    Some(parts.join(" "))
}

/// 38 % are cancelled.
#[expect(clippy::cast_precision_loss, reason = "a share is a double")]
fn cancelled(input: &Words<'_>, incident: &Incident) -> Option<String> {
    let calls = input.recent_of(incident.method?)?;
    let cancelled = calls.failed(FailureKind::Cancelled) as f64 / calls.ended().max(1) as f64;
    (cancelled >= CANCELLED).then(|| format!("{} are cancelled.", share(cancelled, Prose)))
}

/// More calls than usual, and those that wait for permits.
pub(super) fn growth(input: &Words<'_>, incident: &Incident) -> Option<VerdictRow> {
    let evidence = &incident.evidence;
    let is_rush = incident.state == State::Overloaded;
    if !is_rush && evidence.waiting == 0 {
        return None;
    }
    let method = incident.method.and_then(|at| input.method(at));
    let source = incident.method.and_then(|at| main_caller(input, at));
    let text = growth_text(input, incident, source.as_ref());
    let families = &input.service.families;
    let on = method.map(|method| &**method);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number of calls is far below 2^53"
    )]
    let (rule, value, usual, promql) = match (evidence.waiting, on) {
        (1.., Some(on)) => {
            let waiting = evidence.waiting as f64;
            (
                Rule::Waiting.name(),
                Some(waiting),
                None,
                families.waiting(on),
            )
        }
        _ => (
            "rush",
            evidence.rate,
            evidence.usual_rate,
            families.begun(on),
        ),
    };
    let next = source.map(|(_, caller)| {
        let caller = quoted(&caller);
        format!("Look at {caller}: it makes most of the calls.")
    });
    (!text.is_empty()).then(|| VerdictRow {
        level: Level::Warn,
        rule,
        since: Some(input.wall(incident.since)),
        link: method.map_or("#/methods".to_owned(), |method| method_link(method)),
        method: method.cloned(),
        value,
        usual: usual.map(|usual| [usual, usual]),
        promql: Some(promql),
        next,
        ..row("Growth", text)
    })
}

/// 37 calls of `Upload` wait for 4 permits. It gets 93 /s, usually 12 /s. 80 % of its calls come from `Serve`.
fn growth_text(input: &Words<'_>, incident: &Incident, source: Option<&Source>) -> String {
    let evidence = &incident.evidence;
    let name = subject(input, incident);
    let mut parts = Vec::new();
    if incident.rule == Rule::Broad {
        parts.push(format!("Most of the additional requests are of {name}."));
    } else {
        parts.extend(waiting(input, incident).map(|text| format!("{text}.")));
        let it = if parts.is_empty() {
            capital(&name)
        } else {
            "It".to_owned()
        };
        let rate = growth_of(evidence).filter(|_| incident.state == State::Overloaded);
        parts.extend(rate.map(|rate| format!("{it} gets {rate}.")));
    }
    parts.extend(
        source.map(|(share, caller)| format!("{share} of its calls come from {}.", quoted(caller))),
    );
    parts.join(" ")
}

/// The share of calls that come from one caller, and its name.
type Source = (String, Arc<str>);

/// The share of the calls in the last 30 s that come from one caller, where it is more than half.
#[expect(clippy::cast_precision_loss, reason = "a share is a double")]
fn main_caller(input: &Words<'_>, method: u32) -> Option<Source> {
    let calls = input.recent_of(method)?;
    let most = calls.callers.iter().max_by_key(|one| one.begun)?;
    if most.begun == 0 || most.begun.saturating_mul(2) <= calls.begun {
        return None;
    }
    let of_all = (most.begun as f64 / calls.begun.max(1) as f64).min(1.0);
    Some((share(of_all, Prose), Arc::clone(input.method(most.caller)?)))
}
