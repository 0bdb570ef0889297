//! Lints that the attribute adds, and lints it takes away.

use crate::cargo::Diagnostic;
use crate::report::{Check, Report};
use crate::source::Source;

/// Lints the attribute may take away anywhere, and why.
const LOST: &[(&str, &str)] = &[
    (
        "clippy::missing_const_for_fn",
        "a monitored function cannot be `const`: the advice would be wrong",
    ),
    (
        "clippy::unnecessary_wraps",
        "it looks for `Ok` or `Some` in the function's last expression, which is the attribute's",
    ),
];

/// Lints of clippy's group `restriction` that look at the exact form of a last expression: they may come and go.
const FORM: &[(&str, &str)] = &[
    (
        "clippy::default_numeric_fallback",
        "restriction: the type of a number is looked for outside of the closure the body is in",
    ),
    (
        "clippy::implicit_return",
        "restriction: the last expression of a closure is looked at like that of a function",
    ),
    (
        "clippy::unwrap_in_result",
        "restriction: the body of a closure is not looked at",
    ),
];

/// Compares what was said of one file without the attribute and with it, each warning as often as it stands there.
pub(crate) fn compare(
    report: &mut Report,
    setting: &str,
    source: &Source,
    bare: &[Diagnostic],
    monitored: &[Diagnostic],
) {
    let (bare, monitored) = (of(bare, source), of(monitored, source));
    let line = |found: &Diagnostic| format!("{setting}: {}", found.line());
    let mut excuse = |found: &Diagnostic, reason: Option<&str>| {
        if let Some(reason) = reason {
            report.excuse(&found.code, reason, &source.name);
        }
        reason.is_none()
    };
    let mut added = without(&monitored, &bare);
    added.retain(|found| excuse(found, reason(FORM, &found.code)));
    let mut lost = without(&bare, &monitored);
    lost.retain(|found| {
        let own = source.loses.get(&found.code).map(String::as_str);
        let general = || reason(LOST, &found.code).or_else(|| reason(FORM, &found.code));
        excuse(found, own.or_else(general))
    });
    let kept = monitored
        .iter()
        .filter(|found| source.loses.contains_key(&found.code));
    let kept: Vec<String> = kept
        .map(|found| format!("the header says it is lost: {}", line(found)))
        .collect();
    report.look(
        &source.name,
        Check::Added,
        added.iter().map(line).chain(kept),
    );
    report.look(&source.name, Check::Lost, lost.iter().map(line));
}

/// What was said of a file, in order.
fn of(all: &[Diagnostic], source: &Source) -> Vec<Diagnostic> {
    let found = all.iter().filter(|found| found.file == source.name);
    let mut found: Vec<Diagnostic> = found.cloned().collect();
    found.sort();
    found
}

fn reason(excused: &[(&str, &'static str)], code: &str) -> Option<&'static str> {
    let found = excused.iter().find(|(lint, _)| *lint == code);
    found.map(|(_, reason)| *reason)
}

/// Lints the header says the attribute takes away, and it does not.
pub(crate) fn not_lost(report: &Report, source: &Source) -> Vec<String> {
    let kept = source
        .loses
        .iter()
        .filter(|(lint, reason)| !report.excused(lint, reason, &source.name));
    kept.map(|(lint, _)| format!("{lint} is not lost, the header says it is"))
        .collect()
}

/// Lints the header promises that the bare function does not fire in any of the crates: there is nothing to lose then.
pub(crate) fn unfired(source: &Source, bare: &[&Diagnostic]) -> Vec<String> {
    let fired = |lint: &String| {
        bare.iter()
            .any(|found| found.file == source.name && found.code == **lint)
    };
    let missing = source.fires.iter().filter(|lint| !fired(lint));
    missing
        .map(|lint| format!("the bare function does not fire {lint}"))
        .collect()
}

/// `all` without `taken`, both sorted: of equal ones as many stay as there are more.
fn without(all: &[Diagnostic], taken: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut taken = taken.to_vec();
    let mut rest = Vec::new();
    for each in all {
        match taken.iter().position(|that| that == each) {
            Some(at) => drop(taken.swap_remove(at)),
            None => rest.push(each.clone()),
        }
    }
    rest
}
