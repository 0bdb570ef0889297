//! Shapes that do not compile: the errors are those the header names, or those of the bare function.

use std::collections::BTreeSet;

use crate::cargo::{Built, Diagnostic};
use crate::matrix::Catalog;
use crate::report::{Check, Report};
use crate::source::Source;
use crate::workspace::Variant;

/// Looks at what the compiler said of them.
pub(crate) fn compare(report: &mut Report, catalog: &Catalog, built: &Built) {
    for source in &catalog.refused {
        let [bare, monitored] = Variant::BOTH.map(|variant| errors(built, variant, source));
        let faults = if source.refused == ["as bare"] {
            as_bare(&bare, &monitored)
        } else {
            as_told(&source.refused, &bare, &monitored)
        };
        report.look(&source.name, Check::Compiles, faults);
    }
}

/// The errors in a file, in the order of their places.
fn errors(built: &Built, variant: Variant, source: &Source) -> Vec<Diagnostic> {
    let found = built
        .diagnostics
        .get(&format!("{}_refused", variant.word()));
    let errors = found.into_iter().flatten().filter(|found| found.error);
    let mut errors: Vec<Diagnostic> = errors
        .filter(|found| found.file == source.name)
        .cloned()
        .collect();
    errors.sort();
    errors
}

/// Every error as without the attribute, in all that users see of it: labels, notes, proposals.
fn as_bare(bare: &[Diagnostic], monitored: &[Diagnostic]) -> Vec<String> {
    let seen = |errors: &[Diagnostic]| -> BTreeSet<String> {
        let plain = |error: &Diagnostic| plain(&error.rendered);
        errors.iter().map(plain).collect()
    };
    let (was, is) = (seen(bare), seen(monitored));
    let mut faults = Vec::new();
    if bare.is_empty() {
        faults.push("compiles without the attribute".to_owned());
    }
    faults.extend(was.difference(&is).map(|lost| format!("lost: {lost}")));
    faults.extend(is.difference(&was).map(|added| format!("added: {added}")));
    faults
}

/// Without what must differ: the crate's folder, the attribute itself.
fn plain(rendered: &str) -> String {
    let mut text = String::new();
    let mut rest = rendered;
    while let Some(at) = rest.find("#[monitored") {
        let end = rest[at..].find(")]").map_or(0, |end| end + 2);
        let short = "#[monitored]".len();
        let length = if rest[at..].starts_with("#[monitored]") {
            short
        } else {
            end.max(short)
        };
        text.push_str(&rest[..at]);
        text.push_str("/*");
        text.push_str(&" ".repeat(length - 4));
        text.push_str("*/");
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    text.replace("monitored_refused", "refused")
        .replace("bare_refused", "refused")
}

/// Exactly the errors of the header, and none without the attribute.
fn as_told(told: &[String], bare: &[Diagnostic], monitored: &[Diagnostic]) -> Vec<String> {
    let mut faults: Vec<String> = bare.iter().map(Diagnostic::line).collect();
    let found: Vec<String> = monitored
        .iter()
        .map(|error| format!("{}:{} {}", error.place[0], error.place[1], error.message))
        .collect();
    if found != told {
        faults.push(format!("wanted {told:#?}, found {found:#?}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_attribute_is_as_long_as_the_comment_in_its_place() {
        let seen = "--> monitored_refused/a.rs\n#[monitored]\n#[monitored(ok_if = f(1))]\n";
        let wanted = "--> refused/a.rs\n/*        */\n/*                      */\n";
        assert_eq!(plain(seen), wanted);
    }
}
