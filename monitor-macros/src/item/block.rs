//! An `impl` block, cut into its members. What is no method with a body goes on as raw tokens.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Attribute, ItemImpl, Meta, Token, Type, TypeParamBound};

use super::kind::{self, ItemKind, skip_visibility};
use super::{Target, take_inner_attributes};
use crate::fragments::{self, Ungrouped, braced, held};

/// An `impl` block.
pub(crate) struct Block {
    /// All tokens before the braces, as written.
    pub(crate) head: TokenStream,
    /// Inner attributes at the top.
    pub(crate) attrs: TokenStream,
    /// Whether it implements a trait.
    pub(crate) of_trait: bool,
    /// The type it is for.
    pub(crate) self_type: Type,
    /// The names of its type and const parameters.
    pub(crate) generics: Vec<String>,
    /// What stands in it.
    pub(crate) members: Vec<Member>,
    /// Where its braces are.
    pub(crate) braces: Span,
}

/// One item of an `impl` block.
pub(crate) enum Member {
    /// Something that is not monitored: constants, types, macros, `const fn`s, and what does not parse.
    Other(TokenStream),
    /// A method with a body.
    Method(Box<Method>),
    /// A method that fragments of a `macro_rules!` make up, and what cannot be read of it.
    Unread(TokenStream, syn::Error),
}

/// A method with a body.
pub(crate) struct Method {
    /// The function, without attributes of ours.
    pub(crate) target: Target,
    /// The arguments of its own attribute, if it has one.
    pub(crate) own: Option<TokenStream>,
    /// What is wrong with its attributes.
    pub(crate) faults: Vec<syn::Error>,
}

impl Block {
    pub(super) fn read(mut head: Vec<TokenTree>) -> syn::Result<Self> {
        let Some(TokenTree::Group(body)) = head.pop() else {
            let message = "this `impl` block has no braces";
            return Err(syn::Error::new(Span::call_site(), message));
        };
        let head: TokenStream = head.into_iter().collect();
        let empty = Group::new(Delimiter::Brace, TokenStream::new());
        let mut parsed: ItemImpl = syn::parse2(quote::quote!(#head #empty))?;
        Ungrouped.visit_item_impl_mut(&mut parsed);
        let generics = parsed.generics.params.iter().filter_map(parameter_name);
        let mut tokens = body.stream().into_iter();
        let attrs = take_inner_attributes(&mut tokens);
        let members = split(held(tokens));
        Ok(Self {
            attrs,
            of_trait: parsed.trait_.is_some(),
            generics: generics.collect(),
            self_type: *parsed.self_ty,
            members: members.iter().map(|member| Member::read(member)).collect(),
            braces: body.span(),
            head,
        })
    }
}

/// The name of a type or const parameter.
pub(crate) fn parameter_name(parameter: &syn::GenericParam) -> Option<String> {
    match parameter {
        syn::GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
        syn::GenericParam::Const(parameter) => Some(parameter.ident.to_string()),
        syn::GenericParam::Lifetime(_) => None,
    }
}

/// The name of a type, without generics: that of its last path segment, or of what it refers to.
pub(crate) fn type_name(ty: &Type) -> Option<&syn::Ident> {
    match ty {
        Type::Paren(paren) => type_name(&paren.elem),
        Type::Reference(reference) => type_name(&reference.elem),
        Type::Ptr(pointer) => type_name(&pointer.elem),
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last().map(|last| &last.ident),
            _ => None,
        }),
        _ => None,
    }
}

impl Member {
    /// Tells a method with a body from everything else. A fault is one only where an attribute of ours asks for more, or where
    /// a macro wrote the method: what is written by hand, the compiler has refused already.
    fn read(tokens: &[TokenTree]) -> Self {
        if !matches!(ItemKind::of(tokens), Ok(ItemKind::Function)) {
            return Self::Other(tokens.iter().cloned().collect());
        }
        let (own, rest) = Own::take_off(tokens);
        let raw = || Self::Other(rest.iter().cloned().collect());
        match Target::read(rest.clone()) {
            Ok(target) if own.is_nothing() && target.sig.constness.is_some() => raw(),
            Ok(target) => Self::Method(Box::new(Method::new(target, own))),
            Err(error) if fragments::are_in(&rest) => {
                Self::Unread(rest.into_iter().collect(), error)
            }
            Err(_) => raw(),
        }
    }
}

impl Method {
    fn new(target: Target, own: Own) -> Self {
        let mut faults = Vec::new();
        for hidden in &own.hidden {
            let message = "`cfg_attr` cannot hold `monitored` inside of an `impl` block that is monitored itself: the \
                           block's attribute cannot see it";
            faults.push(syn::Error::new_spanned(hidden.path(), message));
        }
        for again in own.attrs.iter().skip(1) {
            let message = "this method has two attributes `monitored`";
            faults.push(syn::Error::new_spanned(again.path(), message));
        }
        let own = own.attrs.into_iter().next().map(|attr| match attr.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens,
            Meta::NameValue(pair) => {
                let message = "arguments stand in parentheses: `#[monitored(method = \"name\")]`";
                faults.push(syn::Error::new_spanned(&pair.value, message));
                TokenStream::new()
            }
        });
        Self {
            target,
            own,
            faults,
        }
    }
}

/// A method's attributes of ours.
#[derive(Default)]
struct Own {
    attrs: Vec<Attribute>,
    /// Those inside of a `cfg_attr`.
    hidden: Vec<Attribute>,
}

impl Own {
    /// Takes our attributes off a method.
    fn take_off(mut tokens: &[TokenTree]) -> (Self, Vec<TokenTree>) {
        let mut own = Self::default();
        let mut rest = Vec::new();
        while let [
            hash @ TokenTree::Punct(sign),
            content @ TokenTree::Group(_),
            after @ ..,
        ] = tokens
            && sign.as_char() == '#'
        {
            match read_attribute(hash, content) {
                Some(attr) if is_ours(&attr) => own.attrs.push(attr),
                Some(attr) if hides_ours(&attr.meta) => own.hidden.push(attr),
                _ => rest.extend([hash.clone(), content.clone()]),
            }
            tokens = after;
        }
        rest.extend(tokens.iter().cloned());
        (own, rest)
    }

    fn is_nothing(&self) -> bool {
        self.attrs.is_empty() && self.hidden.is_empty()
    }
}

fn read_attribute(hash: &TokenTree, content: &TokenTree) -> Option<Attribute> {
    let tokens: TokenStream = [hash.clone(), content.clone()].into_iter().collect();
    let read = |input: syn::parse::ParseStream<'_>| input.call(Attribute::parse_outer);
    read.parse2(tokens).ok()?.pop()
}

fn is_ours(attr: &Attribute) -> bool {
    is_our_name(attr.path())
}

fn is_our_name(path: &syn::Path) -> bool {
    let last = path.segments.last();
    last.is_some_and(|last| last.ident == "monitored")
}

/// Whether a `cfg_attr` holds an attribute of ours.
fn hides_ours(meta: &Meta) -> bool {
    let Meta::List(list) = meta else {
        return false;
    };
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated;
    let metas = metas.parse2(list.tokens.clone()).unwrap_or_default();
    // The first is the condition.
    let mut held = metas.iter().skip(1);
    meta.path().is_ident("cfg_attr")
        && held.any(|meta| is_our_name(meta.path()) || hides_ours(meta))
}

/// Cuts the tokens between the braces into items, those that come as fragments too.
fn split(mut tokens: Vec<TokenTree>) -> Vec<Vec<TokenTree>> {
    let mut items = Vec::new();
    loop {
        fragments::open(&mut tokens, kind::start);
        if tokens.is_empty() {
            return items;
        }
        let rest = tokens.split_off(length(&tokens));
        items.push(std::mem::replace(&mut tokens, rest));
    }
}

/// The length of the first item: up to its `;` or its braces. Braces between angle brackets are those of a constant in a
/// type; constants and types end at their `;` alone.
fn length(tokens: &[TokenTree]) -> usize {
    let words = skip_visibility(&tokens[kind::start(tokens)..]);
    let start = tokens.len() - words.len();
    let has_braces = ends_at_braces(tokens, words);
    let mut depth = 0_usize;
    let mut arrow = false;
    for (place, token) in words.iter().enumerate() {
        let mut dash = false;
        match token {
            TokenTree::Punct(sign) => match sign.as_char() {
                ';' => return start + place + 1,
                '<' => depth += 1,
                '>' if !arrow => depth = depth.saturating_sub(1),
                sign => dash = matches!(sign, '-' | '='),
            },
            TokenTree::Group(group)
                if has_braces && depth == 0 && braced(group.clone()).is_ok() =>
            {
                return start + place + 1;
            }
            _ => {}
        }
        arrow = dash;
    }
    tokens.len()
}

fn ends_at_braces(item: &[TokenTree], words: &[TokenTree]) -> bool {
    let is = |token: Option<&TokenTree>, word: &str| matches!(token, Some(TokenTree::Ident(ident)) if ident == word);
    let first = words.iter().find(|token| !is(Some(token), "default"));
    matches!(ItemKind::of(item), Ok(ItemKind::Function))
        || !(is(first, "const") || is(first, "type"))
}
