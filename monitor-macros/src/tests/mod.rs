//! Expansions as tokens.

mod documented;
mod golden;
mod lengths;
mod off;
mod property;
mod shapes;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::attribute::monitored;

/// The expansion; panics if the attribute is at fault.
fn expanded(args: TokenStream, item: TokenStream) -> TokenStream {
    let shown = format!("#[monitored({args})] {item}");
    let output = monitored(args, item);
    let text = output.to_string();
    assert!(!text.contains("compile_error"), "{shown}\n{text}");
    output
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
