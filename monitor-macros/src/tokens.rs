//! Tokens before they are parsed, above all the fragments of a `macro_rules!`: a fragment (`$t:ty`, `$e:expr`,
//! `$i:item`, ..) comes in a group without delimiters.
//!
//! The compiler sees such a group where it parses the macro's own words. It sees none in the output of an attribute,
//! unless the attribute returns the surrounding group unchanged: there, `$e * 2` with `1 + 1` for `$e` would be
//! `1 + 1 * 2`. So wherever tokens are taken out of their group, a fragment that would fall apart gets parentheses
//! ([`held`], [`ungrouped`]); where it is only looked at, it is looked through.

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, Type};

/// The group that a token is, if it has these delimiters.
pub(crate) fn delimited(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Whether it is a fragment.
pub(crate) fn is_fragment(token: &TokenTree) -> bool {
    delimited(token, Delimiter::None).is_some()
}

/// Whether it is a block.
pub(crate) fn is_block(token: &TokenTree) -> bool {
    delimited(token, Delimiter::Brace).is_some()
}

/// Whether there are fragments among tokens, at any depth.
pub(crate) fn are_in(tokens: &[TokenTree]) -> bool {
    any(tokens, &|tokens, at| is_fragment(&tokens[at]))
}

/// Whether this holds for one of some tokens, which it is given with those beside it, at any depth.
pub(crate) fn any(tokens: &[TokenTree], holds: &impl Fn(&[TokenTree], usize) -> bool) -> bool {
    (0..tokens.len()).any(|at| holds(tokens, at) || any(&content(&tokens[at]), holds))
}

/// A group whose delimiters stand there.
pub(crate) fn group(delimiter: Delimiter, tokens: TokenStream, span: Span) -> Group {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(span);
    group
}

/// Tokens in braces.
pub(crate) fn in_braces(tokens: TokenStream, span: Span) -> Group {
    group(Delimiter::Brace, tokens, span)
}

/// Tokens in parentheses.
pub(crate) fn in_parentheses(tokens: TokenStream, span: Span) -> Group {
    group(Delimiter::Parenthesis, tokens, span)
}

/// The tokens in a group.
pub(crate) fn content(token: &TokenTree) -> Vec<TokenTree> {
    match token {
        TokenTree::Group(group) => group.stream().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Tokens taken out of their group: fragments that would fall apart there are in parentheses.
pub(crate) fn held(tokens: impl IntoIterator<Item = TokenTree>) -> Vec<TokenTree> {
    let mut tokens = tokens.into_iter().peekable();
    let mut held = Vec::new();
    while let Some(token) = tokens.next() {
        let fragment = delimited(&token, Delimiter::None).map(Group::stream);
        let alone = begins_a_value(&held) && tokens.peek().is_none_or(|next| is(next, ','));
        let falls = |content: &TokenStream| !alone && falls_apart(content.clone(), tokens.peek());
        let at = token.span().resolved_at(Span::mixed_site());
        let loose = fragment.filter(falls);
        held.push(loose.map_or(token, |content| in_parentheses(content, at).into()));
    }
    held
}

/// Whether an element of a list begins behind these tokens, be it one with a name: `name = value`.
fn begins_a_value(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(_), equals] if is(equals, '=') => true,
        before => before.last().is_none_or(|last| is(last, ',')),
    }
}

/// Whether a fragment before `next` would mean something else without its group. Only expressions, and types with a
/// `+`, take parentheses: a visibility or a path must not have any.
fn falls_apart(tokens: TokenStream, next: Option<&TokenTree>) -> bool {
    match syn::parse2(tokens.clone()) {
        Ok(Expr::Unary(_) | Expr::Reference(_)) => next.is_some_and(goes_on),
        Ok(expr) => is_loose(&expr),
        Err(_) => syn::parse2(tokens).is_ok_and(|ty| has_a_plus(&ty)),
    }
}

/// True if the expression before goes on here: a method, a field, a `?`, arguments or an index bind before any
/// operator.
fn goes_on(next: &TokenTree) -> bool {
    match next {
        TokenTree::Group(group) => group.delimiter() != Delimiter::Brace && !is_fragment(next),
        sign => is(sign, '.') || is(sign, '?'),
    }
}

/// Whether an expression has an operator that others may bind before.
fn is_loose(expr: &Expr) -> bool {
    match expr {
        Expr::Group(group) => is_loose(&group.expr),
        Expr::Assign(_)
        | Expr::Binary(_)
        | Expr::Break(_)
        | Expr::Cast(_)
        | Expr::Closure(_)
        | Expr::Range(_)
        | Expr::Return(_) => true,
        _ => false,
    }
}

fn has_a_plus(ty: &Type) -> bool {
    match ty {
        Type::Group(group) => has_a_plus(&group.elem),
        Type::ImplTrait(opaque) => opaque.bounds.len() > 1,
        Type::TraitObject(object) => object.bounds.len() > 1,
        _ => false,
    }
}

/// Replaces fragments at the beginning of an item by their content (a visibility, or whole items).
pub(crate) fn open(item: &mut Vec<TokenTree>, start: fn(&[TokenTree]) -> usize) {
    let at = start(item);
    if item.get(at).is_some_and(is_fragment) {
        let content = held(content(&item[at]));
        item.splice(at..=at, content);
        open(item, start);
    }
}

/// The block that a token is, be it a fragment.
pub(crate) fn braced(token: &TokenTree) -> Option<Group> {
    match &content(token)[..] {
        [only] if is_fragment(token) => braced(only),
        _ => delimited(token, Delimiter::Brace).cloned(),
    }
}

/// Tokens to be parsed: without fragments at any depth, with parentheses where one would fall apart.
pub(crate) fn ungrouped(tokens: TokenStream) -> TokenStream {
    if !are_in(&tokens.clone().into_iter().collect::<Vec<_>>()) {
        return tokens;
    }
    let opened = held(tokens).into_iter().map(|token| {
        let TokenTree::Group(inner) = token else {
            return token.into();
        };
        let content = ungrouped(inner.stream());
        match inner.delimiter() {
            Delimiter::None => content,
            other => group(other, content, inner.span()).into_token_stream(),
        }
    });
    opened.collect()
}

/// How many tokens there are up to the angle that closes the first one; none, if that is no angle of a type.
pub(crate) fn end_of_angles(tokens: &[TokenTree]) -> Option<usize> {
    let mut depth = 0_u32;
    let mut arrow = false;
    for (at, token) in tokens.iter().enumerate() {
        if is(token, '<') {
            depth += 1;
        } else if is(token, '>') && !arrow {
            depth -= 1;
        }
        if depth == 0 {
            return Some(at + 1);
        }
        if is(token, ';') {
            break;
        }
        arrow = matches!(token, TokenTree::Punct(first) if "-=".contains(first.as_char()) && first.spacing() == Spacing::Joint);
    }
    None
}

/// Whether a token is this sign.
pub(crate) fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// Whether a token is this word.
pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
