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
const FORM: &[&str] = &[
    "clippy::default_numeric_fallback",
    "clippy::implicit_return",
    "clippy::unwrap_in_result",
];

/// Compares what was said of one file without the attribute and with it, each warning as often as it stands there.
pub(crate) fn compare(
    report: &mut Report,
    setting: &str,
    source: &Source,
    bare: &[Diagnostic],
    monitored: &[Diagnostic],
) {
    let of = |all: &[Diagnostic]| -> Vec<Diagnostic> {
        let mut found: Vec<_> = all
            .iter()
            .filter(|found| found.file == source.name)
            .cloned()
            .collect();
        found.sort();
        found
    };
    let (bare, monitored) = (of(bare), of(monitored));
    let line = |found: &Diagnostic| format!("{setting}: {}", found.line());
    let form = |found: &&Diagnostic| !FORM.contains(&&*found.code);
    let added = without(&monitored, &bare);
    report.look(
        &source.name,
        Check::Added,
        added.iter().filter(form).map(line),
    );
    let lost = without(&bare, &monitored);
    let excused =
        |code: &str| source.loses.contains(code) || LOST.iter().any(|(lint, _)| *lint == code);
    let lost = lost
        .iter()
        .filter(form)
        .filter(|found| !excused(&found.code));
    report.look(&source.name, Check::Lost, lost.map(line));
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

/// `these` without `those`, both sorted: of equal ones as many stay as there are more.
fn without(these: &[Diagnostic], those: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut those = those.to_vec();
    let mut rest = Vec::new();
    for this in these {
        match those.iter().position(|that| that == this) {
            Some(at) => drop(those.swap_remove(at)),
            None => rest.push(this.clone()),
        }
    }
    rest
}
