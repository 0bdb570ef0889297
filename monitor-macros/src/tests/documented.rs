//! The documentation of the attribute: every argument of the grammar is in an example that runs.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use crate::parse::keys;

const DOC: &str = include_str!("../monitored.md");

/// The examples that are compiled and run.
fn examples() -> Vec<TokenStream> {
    let mut parts = DOC.split("\n```");
    parts.next();
    let mut examples = Vec::new();
    while let (Some(example), Some(_)) = (parts.next(), parts.next()) {
        let Some((kind, code)) = example.split_once('\n') else {
            continue;
        };
        if kind.is_empty() {
            let lines = code
                .lines()
                .map(|line| line.strip_prefix("# ").unwrap_or(line));
            let code = lines.collect::<Vec<_>>().join("\n");
            examples.push(
                code.parse()
                    .unwrap_or_else(|error| panic!("{error}: {code}")),
            );
        }
    }
    examples
}

/// The first words of the arguments of each `monitored(..)`.
fn find_keys(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let mut is_ours = false;
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                is_ours = word == "monitored" || word == "labels";
                continue;
            }
            TokenTree::Group(group) => {
                if is_ours {
                    found.extend(first_words(group.stream()));
                }
                find_keys(group.stream(), found);
            }
            _ => {}
        }
        is_ours = false;
    }
}

fn first_words(arguments: TokenStream) -> impl Iterator<Item = String> {
    let mut is_first = true;
    arguments.into_iter().filter_map(move |token| {
        let word = matches!(token, TokenTree::Ident(_)) && is_first;
        is_first = matches!(&token, TokenTree::Punct(comma) if comma.as_char() == ',');
        word.then(|| token.to_string())
    })
}

#[test]
fn every_argument_has_an_example_that_runs() {
    let mut found = BTreeSet::new();
    for example in examples() {
        find_keys(example, &mut found);
    }
    let missing: Vec<_> = keys()
        .chain(["capped"])
        .filter(|key| !found.contains(*key))
        .collect();
    assert!(missing.is_empty(), "{missing:?} beside {found:?}");
}
