//! The function under the attribute: its signature parsed, its body kept as raw tokens.
//!
//! A body that does not parse yet still goes through, so half-typed code completes in editors and a mistake in a body is
//! reported once, by the compiler.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Signature, Visibility};

/// A function with a body.
pub(crate) struct Target {
    /// All tokens before the body, as written.
    pub(crate) head: TokenStream,
    /// The function's attributes.
    pub(crate) attrs: Vec<Attribute>,
    /// Its signature.
    pub(crate) sig: Signature,
    /// Its body.
    pub(crate) body: Body,
}

/// A function's body.
pub(crate) struct Body {
    /// Inner attributes at its top.
    pub(crate) attrs: TokenStream,
    /// The rest with its braces: the group as it was, unless inner attributes had to be taken out.
    pub(crate) block: Group,
}

impl Target {
    /// Reads the item.
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        let mut head: Vec<TokenTree> = item.into_iter().collect();
        check_kind(&head)?;
        let body = match head.pop() {
            Some(TokenTree::Group(group)) => match braced(group) {
                Ok(body) => Body::new(body),
                Err(other) => return Err(no_body(other.span())),
            },
            Some(other) => return Err(no_body(other.span())),
            None => return Err(no_body(Span::call_site())),
        };
        let head: TokenStream = head.into_iter().collect();
        let (attrs, sig) = read_head.parse2(head.clone())?;
        Ok(Self {
            head,
            attrs,
            sig,
            body,
        })
    }
}

fn read_head(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, Signature)> {
    let attrs = input.call(Attribute::parse_outer)?;
    input.parse::<Visibility>()?;
    Ok((attrs, input.parse()?))
}

fn no_body(span: Span) -> syn::Error {
    syn::Error::new(
        span,
        "`#[monitored]` needs a function with a body: put it on the implementation",
    )
}

/// The brace group itself; a `block` fragment of a `macro_rules!` comes wrapped in invisible groups.
fn braced(mut group: Group) -> Result<Group, Group> {
    loop {
        if group.delimiter() == Delimiter::Brace {
            return Ok(group);
        }
        let mut inner = group.stream().into_iter();
        match (group.delimiter(), inner.next(), inner.next()) {
            (Delimiter::None, Some(TokenTree::Group(only)), None) => group = only,
            _ => return Err(group),
        }
    }
}

impl Body {
    fn new(group: Group) -> Self {
        let mut tokens = group.stream().into_iter();
        let mut attrs = TokenStream::new();
        while starts_with_attribute(tokens.clone()) {
            attrs.extend(tokens.by_ref().take(3));
        }
        if attrs.is_empty() {
            return Self {
                attrs,
                block: group,
            };
        }
        let mut block = Group::new(Delimiter::Brace, tokens.collect());
        block.set_span(group.span());
        Self { attrs, block }
    }
}

/// Whether an inner attribute is next: `#`, `!` and brackets.
fn starts_with_attribute(mut tokens: impl Iterator<Item = TokenTree>) -> bool {
    let mut punct = |wanted| matches!(tokens.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    punct('#')
        && punct('!')
        && matches!(tokens.next(), Some(TokenTree::Group(content)) if content.delimiter() == Delimiter::Bracket)
}

/// Words that may stand before `fn`.
const QUALIFIERS: &[&str] = &[
    "const", "async", "unsafe", "extern", "safe", "default", "gen",
];

/// What else an attribute may stand on: the word that says so, what it is, and what to do instead.
const KINDS: &[(&str, &str)] = &[
    ("impl", "an `impl` block: put it on each method"),
    (
        "trait",
        "a trait: put it on the methods with a default body, or on those of its implementations",
    ),
    ("mod", "a module: put it on each function"),
    ("struct", "a struct"),
    ("enum", "an enum"),
    ("union", "a union"),
    ("static", "a static"),
    ("type", "a type alias"),
    ("use", "an import"),
    ("macro_rules", "a macro"),
    ("crate", "an `extern crate`"),
    ("|", "a closure: use `Monitor::method` and its guard there"),
    (
        "let",
        "a statement: use `Monitor::method` and its guard there",
    ),
];

/// Refuses what is no function, at the word that says what it is.
fn check_kind(item: &[TokenTree]) -> syn::Result<()> {
    let mut qualifier: Option<&TokenTree> = None;
    for token in skip_visibility(skip_attributes(item)) {
        match token {
            TokenTree::Ident(word) if word == "fn" => return Ok(()),
            TokenTree::Ident(word) if QUALIFIERS.iter().any(|known| word == known) => {
                qualifier = Some(token);
            }
            TokenTree::Literal(_) if qualifier.is_some() => {}
            other => return Err(wrong_kind(other, qualifier)),
        }
    }
    let message = "`#[monitored]` goes on a function";
    Err(syn::Error::new(Span::call_site(), message))
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
    let message = format!("`#[monitored]` goes on a function; this is {what}");
    syn::Error::new(at.span(), message)
}

fn skip_attributes(mut item: &[TokenTree]) -> &[TokenTree] {
    while let [TokenTree::Punct(hash), TokenTree::Group(_), rest @ ..] = item
        && hash.as_char() == '#'
    {
        item = rest;
    }
    item
}

fn skip_visibility(item: &[TokenTree]) -> &[TokenTree] {
    match item {
        // A `vis` fragment of a `macro_rules!`.
        [TokenTree::Group(group), rest @ ..] if group.delimiter() == Delimiter::None => rest,
        [TokenTree::Ident(word), TokenTree::Group(scope), rest @ ..]
            if word == "pub" && scope.delimiter() == Delimiter::Parenthesis =>
        {
            rest
        }
        [TokenTree::Ident(word), rest @ ..] if word == "pub" => rest,
        other => other,
    }
}
