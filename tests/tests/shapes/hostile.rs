//! The same source where nothing has its usual name: no prelude, and items of the user's own under the names an expansion
//! might use. What the source itself takes from the prelude is written out, so only the expansion's names are at risk.

use std::fmt::Write as _;

use crate::text::{Token, tokens};

/// What the prelude gives, and where it really is.
const PRELUDE: &[(&str, &str)] = &[
    ("marker", "Copy Send Sync Sized Unpin"),
    ("ops", "Drop Fn FnMut FnOnce AsyncFn AsyncFnMut AsyncFnOnce"),
    ("mem", "drop"),
    ("boxed", "Box"),
    ("borrow", "ToOwned"),
    ("clone", "Clone"),
    ("cmp", "PartialEq PartialOrd Eq Ord"),
    ("convert", "AsRef AsMut Into From TryFrom TryInto"),
    ("default", "Default"),
    (
        "iter",
        "Iterator Extend IntoIterator DoubleEndedIterator ExactSizeIterator FromIterator",
    ),
    ("option::Option", "Some None"),
    ("option", "Option"),
    ("result::Result", "Ok Err"),
    ("result", "Result"),
    ("string", "String ToString"),
    ("vec", "Vec"),
];

const MACROS: &str = "assert assert_eq assert_ne concat debug_assert eprintln file format format_args line matches panic print \
    println stringify thread_local todo unimplemented unreachable vec write writeln";

const CRATES: &str = "std core alloc anyhow async_stream async_trait futures_core guarding monitor_core shapes_driver tokio tonic tracing";

/// Items of the user's own: those are added whose names the source does not use.
const ITEMS: &[(&str, &str)] = &[
    (
        "modules",
        "std core alloc inventory monitor_core monitor __private anyhow tokio",
    ),
    (
        "structs",
        "Result Option Box Vec String Future Pin Probe CallSite SiteEntry SiteSettings CallGuard CallArgs InPlaceCall Returns Output Item Poll Outcome",
    ),
    (
        "functions",
        "Ok Err Some None drop file line edge make start finish run_sync run_async run_stream bounded text",
    ),
    (
        "traits",
        "Send Sync Sized Fn FnMut FnOnce Drop Clone Into From ToString Iterator Display Debug Start Stream Error ReturnsValue",
    ),
];

/// Macros of the user's own, in scope in all modules after them.
pub(crate) const ROOT: &str = "#![no_implicit_prelude]
macro_rules! shadow { ($($name:ident)*) => { $(#[allow(unused_macros)] macro_rules! $name { () => { compile_error!() }; })* }; }
shadow! { assert concat file format format_args line matches panic stringify submit todo unimplemented unreachable vec write }
";

/// The source with every name of the prelude written out, and the hostile items behind it: those `monitored` can have, so that
/// both variants have the same.
pub(crate) fn hostile(text: &str, monitored: &str) -> String {
    let tokens = tokens(text);
    let mut out = String::new();
    let mut copied = 0;
    for (index, token) in tokens.iter().enumerate() {
        let Token::Word(place) = token else { continue };
        let word = &text[place.clone()];
        if let Some(path) = full_path(text, &tokens, index, word) {
            out.push_str(&text[copied..place.start]);
            out.push_str(&path);
            copied = place.end;
        }
    }
    out.push_str(&text[copied..]);
    out.push_str(&items(monitored, &crate::text::tokens(monitored)));
    out
}

fn full_path(text: &str, tokens: &[Token], index: usize, word: &str) -> Option<String> {
    let before = index
        .checked_sub(1)
        .map_or("", |before| spelled(text, &tokens[before]));
    let after = tokens
        .get(index + 1)
        .map_or("", |after| spelled(text, after));
    if matches!(before, ":" | "." | "fn") && !stands_after_type_colon(text, tokens, index) {
        return None;
    }
    let listed = |list: &str| list.split(' ').any(|listed| listed == word);
    match after {
        "!" if listed(MACROS) => return Some(format!("::std::{word}")),
        ":" if listed(CRATES) && text[end(&tokens[index])..].starts_with("::") => {
            return Some(format!("::{word}"));
        }
        "(" if word == "derive" => return Some("::std::prelude::v1::derive".to_owned()),
        _ => {}
    }
    if word == "Debug" && in_derive(text, tokens, index) {
        return Some("::std::fmt::Debug".to_owned());
    }
    let (module, _) = PRELUDE
        .iter()
        .find(|(_, names)| names.split(' ').any(|name| name == word))?;
    Some(format!("::std::{module}::{word}"))
}

/// `x: Name` rather than `x::Name`.
fn stands_after_type_colon(text: &str, tokens: &[Token], index: usize) -> bool {
    spelled(text, &tokens[index - 1]) == ":"
        && (index < 2 || spelled(text, &tokens[index - 2]) != ":")
}

fn in_derive(text: &str, tokens: &[Token], index: usize) -> bool {
    let words = tokens[..index]
        .iter()
        .rev()
        .map(|token| spelled(text, token));
    let mut before = words.skip_while(|word| *word == "," || word.chars().all(char::is_alphabetic));
    before.next() == Some("(") && before.next() == Some("derive")
}

fn spelled<'a>(text: &'a str, token: &Token) -> &'a str {
    match token {
        Token::Word(place) => &text[place.clone()],
        Token::Sign(at) => {
            let length = text[*at..].chars().next().map_or(0, char::len_utf8);
            &text[*at..*at + length]
        }
    }
}

fn end(token: &Token) -> usize {
    match token {
        Token::Word(place) => place.end,
        Token::Sign(at) => at + 1,
    }
}

fn items(text: &str, tokens: &[Token]) -> String {
    let used = |name: &str| {
        tokens.iter().enumerate().any(|(index, token)| {
            spelled(text, token) == name && full_path(text, tokens, index, name).is_none()
        })
    };
    let allow = "#[allow(dead_code, missing_docs, non_snake_case, clippy::all, clippy::pedantic, clippy::nursery)]";
    let mut out = String::from(
        "\n#[allow(unused_imports)]\nuse ::std::prelude::rust_2024::{AsMut as _, AsRef as _, Clone as _, Default as _, \
         DoubleEndedIterator as _, ExactSizeIterator as _, Extend as _, From as _, Future as _, Into as _, IntoFuture as _, \
         IntoIterator as _, Iterator as _, Ord as _, PartialEq as _, PartialOrd as _, ToOwned as _, ToString as _, TryFrom as _, \
         TryInto as _};\n",
    );
    for (kind, names) in ITEMS {
        for name in names.split(' ').filter(|name| !used(name)) {
            let item = match *kind {
                "modules" => format!("mod {name} {{}}"),
                "structs" => format!("struct {name};"),
                "functions" => format!("fn {name}() {{}}"),
                _ => format!("trait {name} {{}}"),
            };
            let _ = writeln!(out, "{allow} {item}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::hostile;

    #[test]
    fn names_of_the_prelude_are_written_out_and_others_left_alone() {
        let source = "#[derive(Clone, Debug)] fn drop(x: Option<u8>) { x.Ok; a::Some; Ok(std::a!()); vec![] }";
        let written = hostile(source, source);
        let code = written.lines().next();
        let wanted = "#[::std::prelude::v1::derive(::std::clone::Clone, ::std::fmt::Debug)] fn drop(x: ::std::option::Option<u8>) { \
            x.Ok; a::Some; ::std::result::Result::Ok(::std::a!()); ::std::vec![] }";
        assert_eq!(code, Some(wanted));
        assert!(written.contains("mod monitor_core {}") && written.contains("struct Result;"));
    }
}
