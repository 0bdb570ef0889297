//! Bodies that end in an async block, in a pinned box or alone.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

use super::flow::{Flow, strip_separator, strip_word};
use crate::fragments::held;

/// A body that ends in an async block, in a pinned box or alone.
pub(crate) struct Tail {
    /// Everything before it, up to the parentheses of its box.
    pub(crate) before: TokenStream,
    /// `async`, with `move` if it has that.
    pub(crate) keywords: TokenStream,
    /// The block.
    pub(crate) block: Group,
    /// Where the parentheses of its box are, if it has one.
    pub(crate) parentheses: Option<Span>,
}

impl Tail {
    /// Whether the block is the whole body.
    pub(crate) fn is_alone(&self) -> bool {
        self.before.is_empty() && self.parentheses.is_none()
    }

    /// Whether the block owns what it uses.
    pub(crate) fn moves(&self) -> bool {
        self.keywords.clone().into_iter().count() > 1
    }
}

/// Recognises `.. Box::pin(async ..)` at the end of a body that cannot return before.
pub(super) fn boxed_tail(body: &TokenStream) -> Option<Tail> {
    let mut before: Vec<TokenTree> = body.clone().into_iter().collect();
    let TokenTree::Group(call) = before.pop()? else {
        return None;
    };
    if call.delimiter() != Delimiter::Parenthesis || !goes_straight_on(strip_box_pin(&before)?) {
        return None;
    }
    let content: Vec<TokenTree> = call.stream().into_iter().collect();
    let (nothing, keywords, block) = strip_async_block(&content)?;
    nothing.is_empty().then(|| Tail {
        before: held(before).into_iter().collect(),
        keywords: keywords.iter().cloned().collect(),
        block: block.clone(),
        parentheses: Some(call.span()),
    })
}

/// The same for an async block without a box.
pub(super) fn opaque_tail(body: &TokenStream) -> Option<Tail> {
    let body: Vec<TokenTree> = body.clone().into_iter().collect();
    let (before, keywords, block) = strip_async_block(&body)?;
    goes_straight_on(before).then(|| Tail {
        before: held(before.iter().cloned()).into_iter().collect(),
        keywords: keywords.iter().cloned().collect(),
        block: block.clone(),
        parentheses: None,
    })
}

/// Whether these are whole statements that do not return.
fn goes_straight_on(statements: &[TokenTree]) -> bool {
    let ended = match statements.last() {
        None => true,
        Some(TokenTree::Punct(end)) => end.as_char() == ';',
        Some(TokenTree::Group(block)) => block.delimiter() == Delimiter::Brace,
        Some(_) => false,
    };
    ended && !Flow::of(statements.iter().cloned().collect()).returns
}

/// What stands before a final `async` block, its keywords, and its braces.
fn strip_async_block(tokens: &[TokenTree]) -> Option<(&[TokenTree], &[TokenTree], &Group)> {
    let [words @ .., TokenTree::Group(block)] = tokens else {
        return None;
    };
    if block.delimiter() != Delimiter::Brace {
        return None;
    }
    let start = strip_word(words, |word| word == "move").unwrap_or(words);
    let before = strip_word(start, |word| word == "async")?;
    Some((before, &words[before.len()..], block))
}

/// What stands before a final `Box::pin`, written with or without a path before `Box`.
fn strip_box_pin(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let tokens = strip_separator(strip_word(tokens, |word| word == "pin")?)?;
    let mut tokens = strip_word(tokens, |word| word == "Box")?;
    while let Some(path) = strip_separator(tokens) {
        tokens = strip_word(path, |word| word != "return").unwrap_or(path);
    }
    Some(tokens)
}
