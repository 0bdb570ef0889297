//! The item under the attribute: signatures parsed, bodies kept as raw tokens.
//!
//! A body that does not parse yet still goes through, so half-typed code completes in editors and a mistake in a body
//! is reported once, by the compiler.

mod block;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::visit::{self, Visit};
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, Signature, Visibility};

use crate::parse::fault;
use crate::tokens::{
    braced, delimited, held, in_braces, is, is_fragment, is_word, open, ungrouped,
};

pub(crate) use block::{Block, Member, parameter_name, type_name};

/// The item under the attribute.
pub(crate) enum Item {
    /// A function.
    Function(Target),
    /// An `impl` block.
    Block(Block),
}

/// A function with a body.
pub(crate) struct Target {
    /// All tokens before the body, as written.
    pub(crate) head: TokenStream,
    /// The function's attributes.
    pub(crate) attrs: Vec<Attribute>,
    /// Whether it is `pub`, and that without restriction.
    pub(crate) public: bool,
    /// Its signature.
    pub(crate) sig: Signature,
    /// Inner attributes at the top of its body.
    pub(crate) inner_attrs: TokenStream,
    /// The rest of its body with its braces: the group as it was, unless inner attributes had to be taken out.
    pub(crate) block: Group,
}

impl Item {
    /// Reads the item.
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        let mut tokens = held(item);
        open(&mut tokens, start);
        if is_function(&tokens)? {
            Target::read(tokens).map(Self::Function)
        } else {
            Block::read(tokens).map(Self::Block)
        }
    }
}

/// Words that may stand before `fn`, and some of them before `impl`.
const QUALIFIERS: &[&str] = &[
    "const", "async", "unsafe", "extern", "safe", "default", "gen",
];

/// An item that the attribute does not take, by the word that it begins with: its name, and the place to use instead.
fn kind(word: &str) -> Option<&'static str> {
    Some(match word {
        "trait" => "a trait: put it on methods with a default body, or in its implementations",
        "mod" => "a module: put it on each function and `impl` block in there",
        "struct" => "a struct: put it on the `impl` block",
        "enum" => "an enum: put it on the `impl` block",
        "union" => "a union: put it on the `impl` block",
        "static" => "a static",
        "type" => "a type alias",
        "const" => "a constant",
        "extern" => "an `extern` block: functions in there have no body to monitor",
        "use" => "an import",
        "macro_rules" => "a macro",
        "crate" => "an `extern crate`",
        "|" | "move" => "a closure: use `Monitor::method` and its guard there",
        "let" => "a statement: use `Monitor::method` and its guard there",
        _ => return None,
    })
}

/// Whether it is a function, with a body or without, or else an `impl` block. Returns an error for other items, at the
/// word that names their kind.
fn is_function(item: &[TokenTree]) -> syn::Result<bool> {
    let mut qualifier: Option<&TokenTree> = None;
    for token in skip_visibility(&item[start(item)..]) {
        match token {
            TokenTree::Ident(word) if word == "fn" || word == "impl" => return Ok(word == "fn"),
            TokenTree::Ident(word) if QUALIFIERS.iter().any(|known| word == known) => {
                qualifier = Some(token);
            }
            TokenTree::Literal(_) if qualifier.is_some() => {}
            // The same, from a macro: `extern $abi fn`.
            abi if qualifier.is_some() && is_fragment(abi) => {}
            other => {
                let mut words = [Some(other), qualifier].into_iter().flatten();
                let known = words.find_map(|word| Some((word, kind(&word.to_string())?)));
                let (at, kind) = known.unwrap_or((other, "something else"));
                return fault(at.span(), format!("{GOES_ON}; this is {kind}"));
            }
        }
    }
    fault(Span::call_site(), GOES_ON)
}

const GOES_ON: &str = "`#[monitored]` goes on a function or an `impl` block";

/// Whether it is a closure, an expression.
pub(crate) fn is_closure(item: TokenStream) -> bool {
    let first = item.into_iter().next();
    first.is_some_and(|first| is(&first, '|') || first.to_string() == "move")
}

/// Where an item begins behind its attributes.
pub(super) fn start(item: &[TokenTree]) -> usize {
    match item {
        [hash, TokenTree::Group(_), rest @ ..] if is(hash, '#') => 2 + start(rest),
        _ => 0,
    }
}

pub(super) fn skip_visibility(item: &[TokenTree]) -> &[TokenTree] {
    let is_scope = |scope| delimited(scope, Delimiter::Parenthesis).is_some();
    match item {
        [word, scope, rest @ ..] if is_word(word, "pub") && is_scope(scope) => rest,
        [word, rest @ ..] if is_word(word, "pub") => rest,
        other => other,
    }
}

impl Target {
    /// The function as it was, without attributes of ours.
    pub(crate) fn written(&self) -> TokenStream {
        let (head, block) = (&self.head, &self.block);
        if self.inner_attrs.is_empty() {
            return quote!(#head #block);
        }
        self.with(block.stream())
    }

    /// The function with this in its body.
    pub(crate) fn with(&self, content: impl ToTokens) -> TokenStream {
        let (head, attrs) = (&self.head, &self.inner_attrs);
        let body = in_braces(quote!(#attrs #content), self.block.span());
        quote!(#head #body)
    }

    /// Reads a function.
    fn read(mut head: Vec<TokenTree>) -> syn::Result<Self> {
        let message = "`#[monitored]` needs a function with a body: put it on the implementation";
        let last = head.pop();
        let Some(mut block) = last.as_ref().and_then(braced) else {
            let at = last.map_or_else(Span::call_site, |last| last.span());
            return fault(at, message);
        };
        let head: TokenStream = head.into_iter().collect();
        let (attrs, vis, sig) = read_head.parse2(ungrouped(head.clone()))?;
        let mut inner_attrs: Vec<TokenTree> = block.stream().into_iter().collect();
        let rest = inner_attrs.split_off(inner_attributes(&inner_attrs));
        if !inner_attrs.is_empty() {
            block = in_braces(held(rest).into_iter().collect(), block.span());
        }
        Ok(Self {
            head,
            attrs,
            public: matches!(vis, Visibility::Public(_)),
            sig,
            inner_attrs: inner_attrs.into_iter().collect(),
            block,
        })
    }
}

fn read_head(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, Visibility, Signature)> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    // Of specialisation.
    input.parse::<Option<syn::Token![default]>>()?;
    Ok((attrs, vis, input.parse()?))
}

/// How many tokens of a block are inner attributes: `#`, `!` and brackets.
fn inner_attributes(tokens: &[TokenTree]) -> usize {
    let brackets = |content| delimited(content, Delimiter::Bracket).is_some();
    match tokens {
        [hash, bang, content, rest @ ..] if is(hash, '#') && is(bang, '!') && brackets(content) => {
            3 + inner_attributes(rest)
        }
        _ => 0,
    }
}

/// The arguments of a function but for `self`.
pub(crate) fn typed_arguments(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })
}

/// The names that a pattern binds.
pub(crate) fn bindings(pattern: &Pat) -> Vec<Ident> {
    struct Bindings(Vec<Ident>);
    impl<'ast> Visit<'ast> for Bindings {
        fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
            self.0.push(pattern.ident.clone());
            visit::visit_pat_ident(self, pattern);
        }
    }
    let mut bindings = Bindings(Vec::new());
    bindings.visit_pat(pattern);
    bindings.0
}
