//! The item under the attribute: signatures parsed, bodies kept as raw tokens.
//!
//! A body that does not parse yet still goes through, so half-typed code completes in editors and a mistake in a body is
//! reported once, by the compiler.

mod block;
mod kind;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::visit::{self, Visit};
use syn::visit_mut::VisitMut;
use syn::{Attribute, Pat, PatIdent, Signature, Visibility};

use crate::fragments::{self, Ungrouped, braced, held};

pub(crate) use block::{Block, Member, Method, parameter_name, type_name};
use kind::ItemKind;
pub(crate) use kind::is_closure;

/// What the attribute stands on.
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

impl Item {
    /// Reads the item.
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        let mut tokens = held(item);
        fragments::open(&mut tokens, kind::start);
        match ItemKind::of(&tokens)? {
            ItemKind::Function => Target::read(tokens).map(Self::Function),
            ItemKind::Block => Block::read(tokens).map(Self::Block),
        }
    }
}

impl Target {
    /// The function as it was, without attributes of ours.
    pub(crate) fn written(&self) -> TokenStream {
        let (head, body) = (&self.head, self.body.written());
        quote::quote!(#head #body)
    }

    /// Reads a function.
    fn read(mut head: Vec<TokenTree>) -> syn::Result<Self> {
        let body = match head.pop() {
            Some(TokenTree::Group(group)) => match braced(group) {
                Ok(body) => Body::new(body),
                Err(other) => return Err(no_body(other.span())),
            },
            Some(other) => return Err(no_body(other.span())),
            None => return Err(no_body(Span::call_site())),
        };
        let head: TokenStream = head.into_iter().collect();
        let (attrs, vis, sig) = read_head.parse2(head.clone())?;
        Ok(Self {
            head,
            attrs,
            public: matches!(vis, Visibility::Public(_)),
            sig,
            body,
        })
    }
}

fn read_head(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, Visibility, Signature)> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    // Of specialisation.
    input.parse::<Option<syn::Token![default]>>()?;
    let mut sig = input.parse()?;
    Ungrouped.visit_signature_mut(&mut sig);
    Ok((attrs, vis, sig))
}

fn no_body(span: Span) -> syn::Error {
    syn::Error::new(
        span,
        "`#[monitored]` needs a function with a body: put it on the implementation",
    )
}

impl Body {
    fn new(group: Group) -> Self {
        let mut tokens = group.stream().into_iter();
        let attrs = take_inner_attributes(&mut tokens);
        if attrs.is_empty() {
            return Self {
                attrs,
                block: group,
            };
        }
        let mut block = Group::new(Delimiter::Brace, held(tokens).into_iter().collect());
        block.set_span(group.span());
        Self { attrs, block }
    }

    /// The body as it was.
    pub(crate) fn written(&self) -> Group {
        if self.attrs.is_empty() {
            return self.block.clone();
        }
        let (attrs, rest) = (&self.attrs, self.block.stream());
        let mut block = Group::new(Delimiter::Brace, quote::quote!(#attrs #rest));
        block.set_span(self.block.span());
        block
    }
}

/// Takes the inner attributes off the top of a block.
fn take_inner_attributes(tokens: &mut (impl Iterator<Item = TokenTree> + Clone)) -> TokenStream {
    let mut attrs = TokenStream::new();
    while starts_with_attribute(tokens.clone()) {
        attrs.extend(tokens.by_ref().take(3));
    }
    attrs
}

/// Whether an inner attribute is next: `#`, `!` and brackets.
fn starts_with_attribute(mut tokens: impl Iterator<Item = TokenTree>) -> bool {
    let mut punct = |wanted| matches!(tokens.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    punct('#')
        && punct('!')
        && matches!(tokens.next(), Some(TokenTree::Group(content)) if content.delimiter() == Delimiter::Bracket)
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
