//! Shapes that do not compile: the errors are those the header names, or those of the bare function.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cargo::{Built, Diagnostic};
use crate::matrix::Catalog;
use crate::report::{Check, Report};
use crate::source::Source;
use crate::workspace::Variant;

/// Looks at what the compiler said of them.
pub(crate) fn compare(report: &mut Report, catalog: &Catalog, built: &Built) {
    let mut other_words = 0;
    for source in &catalog.refused {
        let [bare, monitored] = Variant::BOTH.map(|variant| errors(built, variant, source));
        let faults = if source.refused == ["as bare"] {
            other_words += reworded(&bare, &monitored);
            as_bare(&bare, &monitored)
        } else {
            as_told(source, &bare, &monitored)
        };
        report.look(&source.name, Check::Compiles, faults);
    }
    report.note(format!(
        "errors in the body: {other_words} stand in the same place as without the attribute, in other words"
    ));
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

/// The same errors at the same places.
fn as_bare(bare: &[Diagnostic], monitored: &[Diagnostic]) -> Vec<String> {
    let seen = |errors: &[Diagnostic]| -> BTreeSet<String> { errors.iter().map(coded).collect() };
    let (was, is) = (seen(bare), seen(monitored));
    let mut faults = Vec::new();
    if bare.is_empty() {
        faults.push("compiles without the attribute".to_owned());
    }
    if bare.len() != monitored.len() {
        faults.push(format!("{} errors, bare {}", monitored.len(), bare.len()));
    }
    faults.extend(was.difference(&is).map(|lost| format!("lost: {lost}")));
    faults.extend(is.difference(&was).map(|added| format!("added: {added}")));
    faults
}

/// Code and place; of an error without a code, the words.
fn coded(error: &Diagnostic) -> String {
    let [line, column, to_line, to_column] = error.place;
    let words = if error.code.is_empty() {
        &error.message
    } else {
        &error.code
    };
    format!("{line}:{column}-{to_line}:{to_column} {words}")
}

/// Errors that users read in other words than without the attribute: a label, a note or a proposal less.
fn reworded(bare: &[Diagnostic], monitored: &[Diagnostic]) -> usize {
    let was: BTreeSet<String> = bare.iter().map(|error| plain(&error.rendered)).collect();
    let is = monitored.iter().map(|error| plain(&error.rendered));
    is.filter(|error| !was.contains(error)).count()
}

/// Without what must differ: the crate's folder, the attribute itself.
fn plain(rendered: &str) -> String {
    let mut text = String::new();
    let mut rest = rendered;
    while let Some(at) = rest.find("#[monitored") {
        let simple = "#[monitored]";
        let end = rest[at..].find(")]").map_or(simple.len(), |end| end + 2);
        let length = if rest[at..].starts_with(simple) {
            simple.len()
        } else {
            end
        };
        let _ = write!(text, "{}/*{}*/", &rest[..at], " ".repeat(length - 4));
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    text.replace("monitored_refused", "refused")
        .replace("bare_refused", "refused")
}

/// Exactly the errors of the header, and without the attribute none, or those the header names.
fn as_told(source: &Source, bare: &[Diagnostic], monitored: &[Diagnostic]) -> Vec<String> {
    let place = |error: &Diagnostic| format!("{}:{}", error.place[0], error.place[1]);
    let was: Vec<String> = bare.iter().map(place).collect();
    let mut faults = Vec::new();
    if was != source.instead {
        faults.extend(bare.iter().map(|error| format!("bare: {}", error.line())));
    }
    let found: Vec<String> = monitored
        .iter()
        .map(|error| format!("{} {}", place(error), error.message))
        .collect();
    if found != source.refused {
        faults.push(format!("wanted {:#?}, found {found:#?}", source.refused));
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
