//! Expansions as tokens.

mod awaits;
mod documented;
mod fragments;
mod golden;
mod lengths;
mod off;
mod property;
mod refused;
mod shapes;
mod written;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{ImplItemFn, Item, ItemFn};

use crate::attribute::monitored;

/// The expansion; panics if the attribute is at fault.
fn expanded(args: TokenStream, item: TokenStream) -> TokenStream {
    let shown = format!("#[monitored({args})] {item}");
    let output = monitored(args, item);
    let text = output.to_string();
    assert!(!text.contains("compile_error"), "{shown}\n{text}");
    output
}

/// Whether other attribute macros can parse an item, as a function or an `impl` block. Most do so with `syn` 2.
fn is_parsed(item: &TokenStream) -> bool {
    parsed(item).is_ok()
}

/// Panics if other attribute macros cannot parse an item, wherever they find it.
fn assert_parses(item: &TokenStream) {
    if let Err(error) = parsed(item) {
        panic!("{error}: {item}");
    }
}

fn parsed(item: &TokenStream) -> syn::Result<()> {
    match syn::parse2(item.clone())? {
        Item::Fn(_) => {
            syn::parse2::<ImplItemFn>(item.clone())?;
            syn::parse2::<ItemFn>(item.clone()).map(drop)
        }
        Item::Impl(_) => Ok(()),
        other => Err(syn::Error::new_spanned(other, "not understood")),
    }
}

/// All tokens in the order they stand in, with the delimiters of groups.
pub(crate) fn flat(tokens: TokenStream) -> Vec<String> {
    let mut all = Vec::new();
    flatten(tokens, &mut all);
    all
}

fn flatten(tokens: TokenStream, all: &mut Vec<String>) {
    for token in tokens {
        let TokenTree::Group(group) = token else {
            all.push(token.to_string());
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        all.push(open.to_owned());
        flatten(group.stream(), all);
        all.push(close.to_owned());
    }
}
