//! What kind of item it is, told by its first words.

use proc_macro2::{Delimiter, Span, TokenTree};

use crate::fragments::is_fragment;

/// What can be monitored.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// A function, with a body or without.
    Function,
    /// An `impl` block.
    Block,
}

/// Words that may stand before `fn`, and some of them before `impl`.
const QUALIFIERS: &[&str] = &[
    "const", "async", "unsafe", "extern", "safe", "default", "gen",
];

/// What else an attribute may stand on: the word that says so, what it is, and what to do instead.
const KINDS: &[(&str, &str)] = &[
    (
        "trait",
        "a trait: put it on the methods with a default body, or on those of its implementations",
    ),
    (
        "mod",
        "a module: put it on each function and `impl` block in there",
    ),
    ("struct", "a struct: put it on the `impl` block"),
    ("enum", "an enum: put it on the `impl` block"),
    ("union", "a union: put it on the `impl` block"),
    ("static", "a static"),
    ("type", "a type alias"),
    ("use", "an import"),
    ("macro_rules", "a macro"),
    ("crate", "an `extern crate`"),
    ("|", "a closure: use `Monitor::method` and its guard there"),
    (
        "move",
        "a closure: use `Monitor::method` and its guard there",
    ),
    (
        "let",
        "a statement: use `Monitor::method` and its guard there",
    ),
];

impl ItemKind {
    /// Refuses what cannot be monitored, at the word that says what it is.
    pub(super) fn of(item: &[TokenTree]) -> syn::Result<Self> {
        let mut qualifier: Option<&TokenTree> = None;
        for token in skip_visibility(&item[start(item)..]) {
            match token {
                TokenTree::Ident(word) if word == "fn" => return Ok(Self::Function),
                TokenTree::Ident(word) if word == "impl" => return Ok(Self::Block),
                TokenTree::Ident(word) if QUALIFIERS.iter().any(|known| word == known) => {
                    qualifier = Some(token);
                }
                TokenTree::Literal(_) if qualifier.is_some() => {}
                // The same, from a macro: `extern $abi fn`.
                abi if qualifier.is_some() && is_fragment(abi) => {}
                other => return Err(wrong_kind(other, qualifier)),
            }
        }
        let message = "`#[monitored]` goes on a function or an `impl` block";
        Err(syn::Error::new(Span::call_site(), message))
    }
}

fn wrong_kind(token: &TokenTree, qualifier: Option<&TokenTree>) -> syn::Error {
    let word = token.to_string();
    let known = KINDS
        .iter()
        .find(|(kind, _)| *kind == word)
        .map(|(_, what)| *what);
    let (at, what) = match (known, qualifier) {
        (Some(what), _) => (token, what),
        (None, Some(before)) if before.to_string() == "const" => (before, "a constant"),
        (None, Some(before)) if before.to_string() == "extern" => (
            before,
            "an `extern` block: functions in there have no body to monitor",
        ),
        _ => (token, "something else"),
    };
    let message = format!("`#[monitored]` goes on a function or an `impl` block; this is {what}");
    syn::Error::new(at.span(), message)
}

/// Whether it is a closure, an expression.
pub(crate) fn is_closure(item: proc_macro2::TokenStream) -> bool {
    let first = item.into_iter().next().map(|token| token.to_string());
    first.is_some_and(|first| first == "|" || first == "move")
}

/// Where an item begins behind its attributes.
pub(super) fn start(item: &[TokenTree]) -> usize {
    item.len() - skip_attributes(item).len()
}

fn skip_attributes(mut item: &[TokenTree]) -> &[TokenTree] {
    while let [TokenTree::Punct(hash), TokenTree::Group(_), rest @ ..] = item
        && hash.as_char() == '#'
    {
        item = rest;
    }
    item
}

pub(super) fn skip_visibility(item: &[TokenTree]) -> &[TokenTree] {
    match item {
        [TokenTree::Ident(word), TokenTree::Group(scope), rest @ ..]
            if word == "pub" && scope.delimiter() == Delimiter::Parenthesis =>
        {
            rest
        }
        [TokenTree::Ident(word), rest @ ..] if word == "pub" => rest,
        other => other,
    }
}
