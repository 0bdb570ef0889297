//! An `impl` block, cut into its members. Members other than methods with a body stay raw tokens.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, ItemImpl, Meta, Token, Type};

use super::{Target, inner_attributes, is_function, skip_visibility, start};
use crate::parse::{Faults, fault};
use crate::shape::{last_segment, traits};
use crate::tokens::{are_in, braced, end_of_angles, held, is, open, ungrouped};

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
    /// Its members.
    pub(crate) members: Vec<Member>,
    /// Where its braces are.
    pub(crate) braces: Span,
}

/// One item of an `impl` block.
pub(crate) enum Member {
    /// Something that is not monitored: constants, types, macros, `const fn`s, and tokens that do not parse; with an
    /// error, if it is a method made of fragments of a `macro_rules!`.
    Other(TokenStream, Option<syn::Error>),
    /// A method with a body: the function without attributes of ours, the arguments of its own attribute, if it has
    /// one, and the faults of its attributes.
    Method(Box<Target>, Option<TokenStream>, Faults),
}

impl Block {
    pub(super) fn read(mut head: Vec<TokenTree>) -> syn::Result<Self> {
        let Some(TokenTree::Group(body)) = head.pop() else {
            return fault(Span::call_site(), "this `impl` block has no braces");
        };
        let head: TokenStream = head.into_iter().collect();
        let empty = Group::new(Delimiter::Brace, TokenStream::new());
        let parsed: ItemImpl = syn::parse2(ungrouped(quote::quote!(#head #empty)))?;
        let generics = parsed.generics.params.iter().filter_map(parameter_name);
        let mut attrs: Vec<TokenTree> = body.stream().into_iter().collect();
        let members = split(held(attrs.split_off(inner_attributes(&attrs))));
        Ok(Self {
            attrs: attrs.into_iter().collect(),
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

/// The name of a type, without generics: that of its last path segment, or of the type it refers to.
pub(crate) fn type_name(ty: &Type) -> Option<&syn::Ident> {
    let segment = match ty {
        Type::Paren(paren) => return type_name(&paren.elem),
        Type::Reference(reference) => return type_name(&reference.elem),
        Type::Ptr(pointer) => return type_name(&pointer.elem),
        Type::TraitObject(object) => traits(&object.bounds).next(),
        other => last_segment(other),
    };
    segment.map(|segment| &segment.ident)
}

impl Member {
    /// Tells a method with a body from everything else. A fault is reported only for a method that has an attribute of
    /// ours or comes from a macro: the compiler has already refused any other.
    fn read(tokens: &[TokenTree]) -> Self {
        let (own, rest) = take_own(tokens);
        let fault = match (is_function(tokens), Target::read(rest.clone())) {
            (Ok(true), Ok(target)) if !own.is_empty() || target.sig.constness.is_none() => {
                let (own, faults) = arguments(own);
                return Self::Method(Box::new(target), own, faults);
            }
            (Ok(true), Err(error)) => Some(error).filter(|_| are_in(&rest)),
            (Ok(true), Ok(_)) => None,
            _ => return Self::Other(tokens.iter().cloned().collect(), None),
        };
        Self::Other(rest.into_iter().collect(), fault)
    }
}

/// The arguments of a method's own attribute, and the faults of its attributes.
fn arguments(own: Vec<Attribute>) -> (Option<TokenStream>, Faults) {
    let mut faults = Vec::new();
    let mut first = None;
    for attr in own {
        let message = if !is_our_name(attr.path()) {
            "`cfg_attr` cannot hold `monitored` inside of an `impl` block that is monitored itself: the block's \
             attribute cannot see it"
        } else if first.is_some() {
            "this method has two attributes `monitored`"
        } else {
            first = Some(attr.meta);
            continue;
        };
        faults.push(syn::Error::new_spanned(attr.path(), message));
    }
    let arguments = first.map(|meta| match meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens,
        Meta::NameValue(pair) => {
            let message = "arguments stand in parentheses: `#[monitored(method = \"name\")]`";
            faults.push(syn::Error::new_spanned(&pair.value, message));
            TokenStream::new()
        }
    });
    (arguments, faults)
}

/// Takes our attributes off a method, and those that hold one of ours.
fn take_own(tokens: &[TokenTree]) -> (Vec<Attribute>, Vec<TokenTree>) {
    let (attributes, item) = tokens.split_at(start(tokens));
    let (mut own, mut rest) = (Vec::new(), Vec::new());
    for attribute in attributes.chunks(2) {
        let read = |input: ParseStream<'_>| input.call(Attribute::parse_outer);
        match read.parse2(attribute.iter().cloned().collect()) {
            Ok(mut read) if read.iter().any(|attr| is_ours(&attr.meta)) => own.append(&mut read),
            _ => rest.extend_from_slice(attribute),
        }
    }
    rest.extend_from_slice(item);
    (own, rest)
}

/// Whether an attribute is ours, or a `cfg_attr` that holds one of ours.
fn is_ours(meta: &Meta) -> bool {
    let held = match meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let metas = Punctuated::<Meta, Token![,]>::parse_terminated;
            metas.parse2(list.tokens.clone()).unwrap_or_default()
        }
        _ => Punctuated::new(),
    };
    // The first is the condition.
    is_our_name(meta.path()) || held.iter().skip(1).any(is_ours)
}

fn is_our_name(path: &syn::Path) -> bool {
    let last = path.segments.last();
    last.is_some_and(|last| last.ident == "monitored")
}

/// Cuts the tokens between the braces into items, those that come as fragments too.
fn split(mut tokens: Vec<TokenTree>) -> Vec<Vec<TokenTree>> {
    let mut items = Vec::new();
    loop {
        open(&mut tokens, start);
        if tokens.is_empty() {
            return items;
        }
        let rest = tokens.split_off(length(&tokens));
        items.push(std::mem::replace(&mut tokens, rest));
    }
}

/// The length of the first item: up to its `;` or its braces. Braces between angle brackets are those of a constant in
/// a type; constants and types end at their `;` alone.
fn length(tokens: &[TokenTree]) -> usize {
    let words = skip_visibility(&tokens[start(tokens)..]);
    let mut first = words.iter().map(TokenTree::to_string);
    let first = first.find(|word| word != "default").unwrap_or_default();
    let has_braces =
        matches!(is_function(tokens), Ok(true)) || !["const", "type"].contains(&&*first);
    let mut at = tokens.len() - words.len();
    while let Some(token) = tokens.get(at) {
        at += match token {
            angle if is(angle, '<') => end_of_angles(&tokens[at..]).unwrap_or(1),
            end if is(end, ';') || has_braces && braced(end).is_some() => return at + 1,
            _ => 1,
        };
    }
    tokens.len()
}
