//! One sentence for each state: subject, verb, number, and what is usual.

use crate::data::slot::{FailureKind, MethodSlot};
use crate::history::EventKind;
use crate::verdict::numbers;
use crate::verdict::numbers::NumberStyle::Prose;
use crate::verdict::numbers::{count, duration, lasting, moment, rate, share, span};
use crate::verdict::words::{Words, quoted, said};
use crate::verdict::{Evidence, Incident, Rule, State};

/// So many times as long as usual a quantile is worth its name: the bound of the rule `slow`.
pub(super) const LONGER: f64 = 1.4;

/// So many times the usual calls are worth naming; a rush begins at 1.6 times, and is none any more below.
const MORE: f64 = 1.2;

/// Seconds that shares of calls are of.
const RECENT: f64 = 30.0;

/// Most callers named in a sentence.
const CALLERS: usize = 3;

/// The sentence of a headline. `since` is on the clock of the slots.
pub(super) fn headline(input: &Words<'_>, state: State, since: f64) -> String {
    let lasted = || lasting(input.now - since, Prose);
    match (state, input.headline()) {
        (State::Draining, _) => draining(input, &lasted()),
        (State::Starting, _) => format!(
            "The process started {} ago, and the service has not said yet that it has started.",
            lasted()
        ),
        (State::Idle, _) if input.last_call.or(input.seen_since).is_none() => {
            format!("No call has begun since the start {} ago.", lasted())
        }
        (State::Idle, _) => format!("No call has begun for {}.", lasted()),
        (_, Some(incident)) => of_incident(input, incident),
        (_, None) => format!("As usual for {}.", lasted()),
    }
}

fn draining(input: &Words<'_>, lasted: &str) -> String {
    let signal = input.last_event(EventKind::Draining);
    let signal = signal.map(|event| said(&event.name));
    let begun = match signal.filter(|name| !name.is_empty()) {
        Some(signal) => format!("{signal} came"),
        None => "A drain began".to_owned(),
    };
    let left = match input.recent.entries.in_flight {
        0 => "No request is left".to_owned(),
        left => {
            let limit = input.drain_limit.map(|at| limit(at - input.now));
            let limit = clause("; the limit ", limit);
            format!("{} {} left{limit}", things(left, "request"), are(left))
        }
    };
    let incident = input.shown().map_or(String::new(), |incident| {
        let since = moment(input.wall(incident.since), input.wall(input.now));
        let sentence = of_incident(input, incident);
        format!(" {} since {since}: {sentence}", incident.state)
    });
    format!("{begun} {lasted} ago. {left}.{incident}")
}

/// is reached in 19 s; was reached 3 s ago
fn limit(left: f64) -> String {
    if left > 0.0 {
        format!("is reached in {}", span(left.ceil(), Prose))
    } else {
        format!("was reached {} ago", lasting(-left, Prose))
    }
}

/// The sentence of an incident.
pub(super) fn of_incident(input: &Words<'_>, incident: &Incident) -> String {
    match incident.state {
        State::Failing => failing(input, incident),
        State::Stuck => stuck(input, incident),
        State::Overloaded => overloaded(input, incident),
        State::Down => down(incident),
        State::Flapping => flapping(input, incident),
        State::Silent => silent(input, incident),
        State::Restarting => restarting(input, incident),
        State::Restarted => restarted(input, incident),
        _ => slow(input, incident),
    }
}

/// `LookUpWords` fails: 64 % `timed out`, usually 0.01 %.
fn failing(input: &Words<'_>, incident: &Incident) -> String {
    let subject = subject(input, incident);
    let error_type = name_of_type(input, incident);
    let with_type = error_type.map_or(String::new(), |name| format!(" {}", quoted(name)));
    if let Some(bad) = bad_share(&incident.evidence).filter(|_| is_past(input, incident)) {
        let since = moment(input.wall(incident.since), input.wall(input.now));
        let bad = share(bad, Prose);
        return format!("{subject} failed: {bad}{with_type} since {since}, none in the last 30 s.");
    }
    let own = shown_share(input, incident).filter(|_| fails_itself(input, incident));
    // A type that no call fails with any more is not told with those that fail now.
    let is_gone = recent_calls(input, incident)
        .is_some_and(|calls| failed_with(calls, incident.error_type) == 0);
    let with_type = if is_gone { String::new() } else { with_type };
    let Some(bad) = own else {
        let with_type = error_type.map_or(String::new(), |name| format!(" with {}", quoted(name)));
        let verb = if incident.felt.len() == 1 {
            "fails"
        } else {
            "fail"
        };
        return match names(input, &incident.felt, CALLERS) {
            Some(others) if !input.has_edges => {
                format!("{others} {verb}{with_type} since about the same time as {subject} did.")
            }
            Some(callers) => format!("{callers} {verb}{with_type} through {subject}."),
            None => format!("{subject} fails{with_type}."),
        };
    };
    let usual = incident.evidence.usual_share;
    format!(
        "{subject} fails: {}{with_type}{}.",
        share(bad, Prose),
        usual_share(usual)
    )
}

/// True where calls ended in the last 30 s, and none of the method at fault, or of those that feel it, failed: the incident is
/// nearly over.
pub(super) fn is_past(input: &Words<'_>, incident: &Incident) -> bool {
    let methods = incident.method.iter().chain(&incident.felt);
    let mut recent = methods.filter_map(|at| input.recent_of(*at));
    recent.clone().any(|calls| calls.failed_share().is_some())
        && recent.all(|calls| calls.failed(FailureKind::Counts) == 0)
}

/// The share of calls that fail now: in the last 30 s, as in all tables; while the incident is younger, or where no call ended
/// in them, since it began. Calls that fail with other types alone count where none fails with the incident's.
#[expect(clippy::cast_precision_loss, reason = "a share is a double")]
pub(super) fn shown_share(input: &Words<'_>, incident: &Incident) -> Option<f64> {
    let recent = recent_calls(input, incident);
    let share = recent.and_then(|calls| match failed_with(calls, incident.error_type) {
        0 => calls.failed_share(),
        failed => {
            let ended = calls.ended() - calls.failed(FailureKind::Cancelled);
            Some(failed as f64 / ended as f64)
        }
    });
    share.or_else(|| bad_share(&incident.evidence))
}

/// The calls of the last 30 s that the share of an incident is of; `None` where it is of all since the beginning.
fn recent_calls<'a>(input: &Words<'a>, incident: &Incident) -> Option<&'a MethodSlot> {
    let is_young = input.now - incident.since < RECENT;
    let recent = input.recent_of(incident.method?)?;
    let is_of_callers = incident.evidence.is_of_callers;
    Some(recent)
        .filter(|calls| !is_young && !is_of_callers && calls.failed(FailureKind::Counts) > 0)
}

/// Calls that failed with this type.
fn failed_with(calls: &MethodSlot, error_type: Option<u32>) -> u64 {
    let failures = calls.failures.iter();
    let of_type = failures.filter(|one| {
        one.kind == FailureKind::Counts && error_type.is_none_or(|at| one.error_type == at)
    });
    of_type.fold(0, |sum, one| sum.saturating_add(one.cells.count()))
}

/// False where the method at fault is slow or stuck, and its callers fail by that: then the bad calls are theirs.
pub(super) fn fails_itself(input: &Words<'_>, incident: &Incident) -> bool {
    let recent = incident.method.and_then(|at| input.recent_of(at));
    let failed = recent.map_or(0, |calls| calls.failed(FailureKind::Counts));
    failed > 0 && !incident.evidence.is_of_callers || incident.felt.is_empty()
}

/// 3 calls of `LookUpWords` are stuck, the oldest 6 min 11 s.
fn stuck(input: &Words<'_>, incident: &Incident) -> String {
    let evidence = &incident.evidence;
    let subject = subject(input, incident);
    if evidence.late == 0 {
        return format!("Calls of {subject} are stuck.");
    }
    format!(
        "{} of {subject} {} stuck, the oldest {}.",
        things(evidence.late, "call"),
        are(evidence.late),
        span(evidence.oldest, Prose)
    )
}

/// `RankNeighbours` is slow: p99 840 ms, usually 22 ms.
fn slow(input: &Words<'_>, incident: &Incident) -> String {
    let evidence = &incident.evidence;
    if let Some(many) = many_slow(evidence).filter(|_| incident.method.is_none()) {
        return format!("{many} at once.");
    }
    let subject = subject(input, incident);
    if let Some(waiting) = waiting(input, incident) {
        return format!("{waiting}{}.", clause(", and it takes ", longest(evidence)));
    }
    if let Some(quantile) = longest(evidence).filter(|_| is_longer(evidence)) {
        return format!("{subject} is slow: {quantile}.");
    }
    if let Some(share) = slow_share(input, incident) {
        return format!("{subject} is slow: {share}.");
    }
    if evidence.late > 0 {
        return format!("{subject} is slow: {}.", older(evidence));
    }
    format!("{subject} is slow.")
}

/// `Upload` gets 93 /s, usually 12 /s, and 37 of its calls wait for 4 permits.
fn overloaded(input: &Words<'_>, incident: &Incident) -> String {
    let evidence = &incident.evidence;
    let subject = subject(input, incident);
    if let (Rule::Broad, Some(growth), Some(many)) =
        (incident.rule, growth(evidence), many_slow(evidence))
    {
        return format!("Requests come at {growth}, and {many}.");
    }
    let growth = growth(evidence);
    if evidence.waiting > 0 {
        let permits = things(evidence.permits, "permit");
        let verb = if evidence.waiting == 1 {
            "waits"
        } else {
            "wait"
        };
        let waiting = count(evidence.waiting, Prose);
        let waiting = format!("{waiting} of its calls {verb} for {permits}");
        return match growth {
            Some(growth) => format!("{subject} gets {growth}, and {waiting}."),
            None => format!("{subject} is overloaded: {waiting}."),
        };
    }
    let many = many_slow(evidence);
    let quantile = longest(evidence).filter(|_| is_longer(evidence));
    match (growth, many) {
        (Some(growth), Some(many)) => format!("{subject} gets {growth}, and {many}."),
        (Some(growth), None) => {
            format!(
                "{subject} gets {growth}, and is slow{}.",
                clause(": ", quantile)
            )
        }
        (None, Some(many)) => format!("{subject} is overloaded, and {many}."),
        (None, None) => match quantile {
            Some(quantile) => format!("{subject} is slow after more calls than usual: {quantile}."),
            None => format!("{subject} got more calls than usual, and was slow."),
        },
    }
}

/// Check `dictionary` is DOWN: connection refused.
pub(super) fn down(incident: &Incident) -> String {
    let part = incident.check.as_deref().map_or("a check".to_owned(), part);
    let output = incident.evidence.output.as_deref().map(said);
    let output = output.filter(|output| !output.is_empty());
    format!("{} is DOWN{}.", capital(&part), clause(": ", output))
}

/// `LookUpWords` failed 3 times since 02:58:10: 64 % `timed out`, usually 0.01 %.
fn flapping(input: &Words<'_>, incident: &Incident) -> String {
    let at = input.wall(input.now);
    let since = moment(input.wall(incident.since), at);
    let times = things(incident.times.into(), "time");
    if incident.check.is_some() && incident.method.is_none() {
        let part = incident.check.as_deref().map_or("a check".to_owned(), part);
        let last = incident.evidence.last_change;
        let last = last.map(|last| moment(input.wall(last), at));
        return format!(
            "{} went down {times} since {since}{}.",
            capital(&part),
            clause(", last at ", last)
        );
    }
    let what = match incident.rule {
        Rule::Failures | Rule::Panics => "failed",
        Rule::Stuck => "had stuck calls",
        Rule::Waiting => "ran out of permits",
        _ => "was slow",
    };
    let number = match incident.rule {
        Rule::Failures | Rule::Panics => bad_share(&incident.evidence).map(|bad| {
            let error_type = name_of_type(input, incident).map(quoted);
            let usual = usual_share(incident.evidence.usual_share);
            format!("{}{}{usual}", share(bad, Prose), clause(" ", error_type))
        }),
        _ => longest(&incident.evidence),
    };
    format!(
        "{} {what} {times} since {since}{}.",
        subject(input, incident),
        clause(": ", number)
    )
}

/// No request came for 47 s, usually 137 /s.
fn silent(input: &Words<'_>, incident: &Incident) -> String {
    let lasted = span((input.now - incident.since).max(0.0), Prose);
    let usual = incident.evidence.usual_rate.filter(|usual| *usual > 0.0);
    let usual = usual.map(|usual| rate(usual, Prose));
    format!(
        "No request came for {lasted}{}.",
        clause(", usually ", usual)
    )
}

/// The process died 3 times in 6 min 2 s, last at 03:13:02.
fn restarting(input: &Words<'_>, incident: &Incident) -> String {
    let lasted = span((input.now - incident.since).max(0.0), Prose);
    let last = incident.evidence.last_change;
    let last = last.map(|last| moment(input.wall(last), input.wall(input.now)));
    let times = incident.times.max(2);
    format!(
        "The process died {times} times in {lasted}{}.",
        clause(", last start at ", last)
    )
}

/// The process died, and started again 47 s ago.
fn restarted(input: &Words<'_>, incident: &Incident) -> String {
    let last = incident.evidence.last_change.unwrap_or(incident.since);
    let ago = span((input.now - last).max(0.0), Prose);
    format!("The process died, and started again {ago} ago.")
}

// The parts of sentences.

/// 37 calls of `Upload` wait for 4 permits
pub(super) fn waiting(input: &Words<'_>, incident: &Incident) -> Option<String> {
    let Evidence {
        waiting, permits, ..
    } = incident.evidence;
    let subject = subject(input, incident);
    let verb = if waiting == 1 { "waits" } else { "wait" };
    let calls = things(waiting, "call");
    let permits = things(permits, "permit");
    (waiting > 0).then(|| format!("{calls} of {subject} {verb} for {permits}"))
}

/// 93 /s, usually 12 /s; `None` where no more come than usual.
pub(super) fn growth(evidence: &Evidence) -> Option<String> {
    if evidence
        .usual_rate
        .is_some_and(|usual| evidence.rate < Some(MORE * usual))
    {
        return None;
    }
    let now = rate(evidence.rate?, Prose);
    let usual = evidence.usual_rate.map(|usual| rate(usual, Prose));
    Some(format!("{now}{}", clause(", usually ", usual)))
}

/// 9 of 12 methods are slow
pub(super) fn many_slow(evidence: &Evidence) -> Option<String> {
    let Evidence {
        slow_methods,
        busy_methods,
        ..
    } = *evidence;
    (slow_methods > 1).then(|| format!("{slow_methods} of {busy_methods} methods are slow"))
}

/// 3 calls are older than 5 min, the oldest 6 min 11 s
pub(super) fn older(evidence: &Evidence) -> String {
    let (calls, verb) = (things(evidence.late, "call"), are(evidence.late));
    let limit = span(evidence.late_limit, Prose);
    let oldest = span(evidence.oldest, Prose);
    format!("{calls} {verb} older than {limit}, the oldest {oldest}")
}

/// The quantile that a slow method is judged by: p99, unless p50 alone is longer than usual.
pub(super) fn judged_quantile(evidence: &Evidence) -> Option<(&'static str, f64, Option<f64>)> {
    let [p50, p99] = evidence.durations?;
    let usual = evidence.usual_durations;
    let ratios = usual.map(|[usual_p50, usual_p99]| [p50 / usual_p50, p99 / usual_p99]);
    if ratios.is_some_and(|[p50, p99]| p99 < LONGER && p50 > p99) {
        return Some(("p50", p50, usual.map(|usual| usual[0])));
    }
    Some(("p99", p99, usual.map(|usual| usual[1])))
}

/// True if the quantile that is judged is longer than usual now, or nothing is known of that.
pub(super) fn is_longer(evidence: &Evidence) -> bool {
    let quantile = judged_quantile(evidence);
    quantile.is_none_or(|(_, value, usual)| usual.is_none_or(|usual| value >= LONGER * usual))
}

/// 62 % of calls took longer than usual since 03:07:42
pub(super) fn slow_share(input: &Words<'_>, incident: &Incident) -> Option<String> {
    if !matches!(incident.rule, Rule::Slow | Rule::Tail) {
        return None;
    }
    let slow = share(bad_share(&incident.evidence)?, Prose);
    let since = moment(input.wall(incident.since), input.wall(input.now));
    Some(format!(
        "{slow} of calls took longer than usual since {since}"
    ))
}

/// p99 840 ms, usually 22 ms
fn longest(evidence: &Evidence) -> Option<String> {
    let (name, value, usual) = judged_quantile(evidence)?;
    let usual = usual.map(|usual| duration(usual, Prose));
    Some(format!(
        "{name} {}{}",
        duration(value, Prose),
        clause(", usually ", usual)
    ))
}

/// The share of bad calls since an incident began.
#[expect(clippy::cast_precision_loss, reason = "a share is a double")]
pub(super) fn bad_share(evidence: &Evidence) -> Option<f64> {
    (evidence.bad > 0 && evidence.calls > 0)
        .then(|| (evidence.bad as f64 / evidence.calls as f64).min(1.0))
}

/// , usually 0.01 %
fn usual_share(usual: Option<f64>) -> String {
    match usual {
        None => String::new(),
        Some(usual) if usual > 0.0 => format!(", usually {}", share(usual, Prose)),
        Some(_) => ", usually none".to_owned(),
    }
}

/// The method at fault, or what stands for it.
pub(super) fn subject(input: &Words<'_>, incident: &Incident) -> String {
    let name = incident.method.and_then(|at| input.method(at));
    name.map_or("the service".to_owned(), |name| quoted(name))
}

fn name_of_type<'a>(input: &Words<'a>, incident: &Incident) -> Option<&'a str> {
    let at = incident.error_type?;
    input.book.types.get(at as usize).map(|name| &**name)
}

/// `Spelling`, `Analyse` and 3 more; `None` for none.
pub(super) fn names(input: &Words<'_>, methods: &[u32], most: usize) -> Option<String> {
    let all = methods.iter().filter_map(|at| input.method(*at));
    list(all.map(|name| quoted(name)).collect(), most.max(1))
}

/// `a`, `b` and `c`; with more than so many: `a`, `b` and 3 more. `None` for none.
pub(super) fn list(mut all: Vec<String>, most: usize) -> Option<String> {
    if all.len() > most {
        let more = all.len() - most;
        all.truncate(most);
        all.push(format!("{more} more"));
    }
    let last = all.pop()?;
    if all.is_empty() {
        return Some(last);
    }
    Some(format!("{} and {last}", all.join(", ")))
}

/// The name of a check, or of another part of health, with what it is.
pub(super) fn part(name: &str) -> String {
    for (prefix, what) in [
        ("worker:", "worker"),
        ("runtime:", "runtime"),
        ("task type ", "task type"),
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return format!("{what} {}", quoted(rest));
        }
    }
    match name {
        "heartbeat" => "the heartbeat".to_owned(),
        _ => format!("check {}", quoted(name)),
    }
}

/// True for a part of health that is about the process itself.
pub(super) fn is_of_process(name: &str) -> bool {
    name == "heartbeat" || name.starts_with("worker:") || name.starts_with("runtime:")
}

/// A text behind a word, or nothing.
pub(super) fn clause(before: &str, text: Option<String>) -> String {
    text.map_or(String::new(), |text| format!("{before}{text}"))
}

/// 3 calls; 1 call
pub(super) fn things(count: u64, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {name}{plural}", numbers::count(count, Prose))
}

pub(super) fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// The same text with a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), rest.as_str())
}
