//! What a body's tokens tell: whether it may suspend or return early, and whether it ends in a boxed async block.

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};

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

/// Macros of the standard library: what they expand to suspends and returns only where their arguments do. `todo!` and
/// `unimplemented!` are not here: clippy does not ask an async function that holds one to await, which a closure would hide.
const PLAIN_MACROS: &str = "assert assert_eq assert_ne cfg column concat dbg debug_assert debug_assert_eq \
    debug_assert_ne env eprint eprintln file format format_args include_bytes include_str line matches module_path \
    option_env panic print println stringify unreachable vec write writeln";

/// Words that stand before a negation: `if !x` is no macro call.
const KEYWORDS: &[&str] = &["break", "else", "if", "in", "match", "return", "while"];

/// Whether one of these words or signs stands anywhere in `tokens`, or may come out of a macro there.
pub(super) fn contains(tokens: TokenStream, words: &[&str]) -> bool {
    let mut previous: [Option<TokenTree>; 2] = [None, None];
    for token in tokens {
        let found = match (&token, &previous) {
            (TokenTree::Ident(ident), _) => words.iter().any(|word| ident == word),
            (TokenTree::Punct(bang), [before, Some(TokenTree::Ident(name))])
                if bang.as_char() == '!' =>
            {
                bang.spacing() == Spacing::Alone && !is_harmless(before.as_ref(), &name.to_string())
            }
            (TokenTree::Punct(sign), _) => words.contains(&&*sign.to_string()),
            (TokenTree::Group(group), _) => contains(group.stream(), words),
            _ => false,
        };
        if found {
            return true;
        }
        previous = [previous[1].take(), Some(token)];
    }
    false
}

/// Whether `name !` is no macro call, or one of the standard library: under its bare name, for in a path it may be anyone's.
fn is_harmless(before: Option<&TokenTree>, name: &str) -> bool {
    let in_path = matches!(before, Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
    KEYWORDS.contains(&name) || (!in_path && PLAIN_MACROS.split(' ').any(|plain| plain == name))
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
        before: before.into_iter().collect(),
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
        before: before.iter().cloned().collect(),
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
    ended && !contains(statements.iter().cloned().collect(), &["return"])
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

fn strip_word(tokens: &[TokenTree], is: impl Fn(&str) -> bool) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., TokenTree::Ident(word)] if is(&word.to_string()) => Some(rest),
        _ => None,
    }
}

fn strip_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., TokenTree::Punct(first), TokenTree::Punct(second)]
            if first.as_char() == ':' && second.as_char() == ':' =>
        {
            Some(rest)
        }
        _ => None,
    }
}
