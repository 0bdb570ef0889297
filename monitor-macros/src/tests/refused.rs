//! Attributes and derives that are refused, each with all its messages: `tests/refused.txt` has an input a line, and
//! its messages indented under it. `tests/ui/fail` has one case of each rule, with the places that its messages point
//! at. `UPDATE_GOLDEN=1` writes the messages anew.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::LitStr;

use crate::attribute::monitored;
use crate::derive;

/// The expansion of an item with an attribute of ours before it.
fn output(input: &str) -> TokenStream {
    let tokens: TokenStream = input
        .parse()
        .unwrap_or_else(|error| panic!("{input}: {error}"));
    let mut tokens = tokens.into_iter().skip(1);
    let Some(TokenTree::Group(attribute)) = tokens.next() else {
        panic!("no attribute: {input}")
    };
    let item = tokens.collect();
    let args =
        parenthesized(attribute.stream()).map_or_else(TokenStream::new, |args| args.stream());
    match args.to_string().as_str() {
        "MonitorError" => derive::error(item),
        "MonitorLabel" => derive::label(item),
        _ => monitored(args, item),
    }
}

fn parenthesized(tokens: TokenStream) -> Option<Group> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group),
        _ => None,
    })
}

/// The messages of all `compile_error!`s, at any depth.
fn messages(tokens: TokenStream) -> Vec<String> {
    let mut messages = Vec::new();
    let mut before = String::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            before.push_str(&token.to_string());
            continue;
        };
        if before.ends_with("compile_error!") {
            let message: LitStr =
                syn::parse2(group.stream()).unwrap_or_else(|error| panic!("{error}"));
            messages.push(message.value());
        } else {
            messages.extend(self::messages(group.stream()));
        }
        before.clear();
    }
    messages
}

#[test]
fn what_is_refused_is_refused_in_these_words() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused.txt");
    let listed = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    let mut written = String::new();
    for input in listed.lines().filter(|line| !line.starts_with(' ')) {
        let messages = messages(output(input));
        assert!(!messages.is_empty(), "not refused: {input}");
        let _ = writeln!(written, "{input}");
        for message in messages {
            let _ = writeln!(written, "    {message}");
        }
    }
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &written).unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    for (line, golden) in written.lines().zip(listed.lines()) {
        assert_eq!(line, golden);
    }
    assert_eq!(written.lines().count(), listed.lines().count());
}
