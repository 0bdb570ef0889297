//! Whether what was said of a case is right.
//!
//! It is if the headline has a right state and method first by `say_by`, and in nine of ten slots from then until `until`;
//! its error type, its check, where they are expected, and its beginning are right; nothing but OK was said before it began;
//! and OK is said again from `ok_by` on. Of a quiet case nothing but OK is ever said.

use monitor_core::verdict::{Headline, State};

use super::case::{Case, Expected};

/// What differs, in words; nothing if the case is right.
pub fn judge(case: &Case, said: &[(f64, Headline)]) -> Vec<String> {
    let expected = &case.expect;
    let alarms = said.iter().filter(|(_, one)| !is_ok(one));
    if expected.quiet {
        return alarms.take(3).map(|(at, one)| at_time(*at, one)).collect();
    }
    let mut early = alarms.take_while(|(at, _)| *at <= expected.onset);
    let early = early.next();
    let mut differs: Vec<_> = early
        .map(|(at, one)| format!("{}, before it began", at_time(*at, one)))
        .into_iter()
        .collect();
    match typical(expected, said) {
        Ok(one) => differs.extend(details(expected, said, one)),
        Err(line) => differs.push(line),
    }
    differs
}

/// The middle one of the right headlines, or what was said in place of them.
fn typical<'a>(expected: &Expected, said: &'a [(f64, Headline)]) -> Result<&'a Headline, String> {
    let within = |(at, _): &&(f64, Headline)| expected.onset < *at && *at <= expected.until;
    let after: Vec<_> = said.iter().filter(within).collect();
    let first = after.iter().find(|(_, one)| is_right(one, expected));
    let due: Vec<_> = after
        .iter()
        .filter(|(at, _)| *at >= expected.say_by)
        .collect();
    let right = due.iter().filter(|(_, one)| is_right(one, expected));
    let right: Vec<_> = right.map(|(_, one)| one).collect();
    let is_early = first.is_some_and(|(at, _)| *at <= expected.say_by);
    match right.get(right.len() / 2) {
        Some(one) if is_early && right.len() * 10 >= due.len() * 9 => Ok(one),
        _ => Err(missed(
            expected,
            due.first().map(|(_, one)| one),
            right.len(),
            due.len(),
        )),
    }
}

fn missed(expected: &Expected, said: Option<&Headline>, right: usize, due: usize) -> String {
    let said = said.map_or_else(|| "nothing".into(), words);
    let states = expected.states.join(" or ");
    let methods = expected.methods.join(" or ");
    let by = expected.say_by;
    format!("{said} ({right} of {due} right), expected {states} {methods} by {by:.0}")
}

fn details(expected: &Expected, said: &[(f64, Headline)], one: &Headline) -> Vec<String> {
    let mut differs = Vec::new();
    let error_type = one.error_type.as_deref().unwrap_or("none");
    let types = expected.types.iter();
    for types in types.filter(|types| types.iter().all(|right| right != error_type)) {
        differs.push(format!(
            "type {error_type}, expected {}",
            types.join(" or ")
        ));
    }
    let check = one.check.as_deref().unwrap_or("none");
    let right = expected.check.as_deref().unwrap_or(check);
    if check != right {
        differs.push(format!("check {check}, expected {right}"));
    }
    let (from, to) = expected.since;
    if !(from..=to).contains(&one.since) {
        differs.push(format!("since {:.0}, expected {from} to {to}", one.since));
    }
    if let Some(by) = expected.ok_by {
        let late = said.iter().filter(|(at, _)| *at >= by);
        let late = late.map(|(at, one)| (at, one)).find(|(_, one)| !is_ok(one));
        differs
            .extend(late.map(|(at, one)| format!("{}, expected OK by {by:.0}", at_time(*at, one))));
    }
    differs
}

/// A service without calls is idle, which is as well as OK.
fn is_ok(one: &Headline) -> bool {
    matches!(one.state, State::Ok | State::Idle)
}

fn is_right(one: &Headline, expected: &Expected) -> bool {
    let method = one.method.as_deref().unwrap_or_default();
    let state = if is_ok(one) { State::Ok } else { one.state };
    expected.states.iter().any(|right| right == state.word())
        && (expected.methods.is_empty() || expected.methods.iter().any(|right| right == method))
}

fn words(one: &Headline) -> String {
    let subject = one.method.as_deref().or(one.check.as_deref());
    match subject {
        Some(subject) => format!("{} {subject}", one.state),
        None => one.state.to_string(),
    }
}

fn at_time(at: f64, one: &Headline) -> String {
    format!("{} at {at:.0}", words(one))
}
