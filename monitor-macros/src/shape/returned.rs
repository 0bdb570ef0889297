//! Facts of a return type: a future, a stream or a value; how to name it inside of the body; and whether the error in
//! it may borrow. The concrete error behind a trait object that borrows cannot be found.

use proc_macro2::{Span, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments, PathSegment,
    ReturnType, Signature, Token, TraitBound, Type, TypeBareFn, TypeImplTrait, TypeParamBound,
    TypePath,
};

use crate::tokens::{any, is, is_word};

/// The facts of a return type that the expansion uses.
pub(crate) struct Returned {
    /// The type of the value the outcome is read from, where `impl Trait` is erased to `_`; or that of the future or
    /// stream that gives the value, and does not show it.
    pub(crate) value: Type,
    /// The alias in the runtime that makes the second the first: `Output` or `Item`.
    pub(crate) given_by: Option<&'static str>,
    /// Whether an error in it may borrow.
    pub(crate) borrow: Borrow,
    /// The type of the body, with every `impl Trait` erased to `_`.
    pub(crate) body: Type,
    /// The stream in a response that the value may be.
    pub(crate) stream: Option<ResponseStream>,
}

/// How a returned future or stream is wrapped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boxing {
    /// `impl Trait`: not at all.
    Opaque,
    /// `Pin<Box<dyn Trait>>`: boxed again.
    Pinned,
    /// `Box<dyn Trait + Unpin>`: boxed again.
    Boxed,
}

impl Returned {
    /// A plain value of this type.
    pub(super) fn plain(ty: Type) -> Self {
        Self::giving(ty.clone(), ty)
    }

    /// A future or stream of this type that gives values of that one.
    fn giving(ty: Type, value: Type) -> Self {
        let stream = ResponseStream::of(&value);
        Self {
            borrow: Borrow::of(&value),
            value: erase(value, "_"),
            given_by: None,
            body: erase(ty, "_"),
            stream,
        }
    }
}

/// A kind of call that goes on after the function returned, by the trait of the returned value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deferred {
    /// In one word.
    pub(crate) word: &'static str,
    name: &'static str,
    item: &'static str,
    aliases: [&'static str; 2],
    /// The advice for an `impl Trait` that does not show it.
    opaque: &'static str,
}

/// A future, with `futures::future::BoxFuture` and its kin.
pub(crate) const FUTURE: Deferred = Deferred {
    word: "future",
    name: "Future",
    item: "Output",
    aliases: ["BoxFuture", "LocalBoxFuture"],
    opaque: "write its output: `impl Future<Output = T>`",
};

/// A stream, with `futures::stream::BoxStream` and its kin.
pub(crate) const STREAM: Deferred = Deferred {
    word: "stream",
    name: "Stream",
    item: "Item",
    aliases: ["BoxStream", "LocalBoxStream"],
    opaque: "write its items: `impl Stream<Item = T>`",
};

impl Deferred {
    /// The future or stream that a function returns, if its type shows one or an argument claims one: then it is a
    /// pinned box behind an alias.
    pub(super) fn returned(self, ty: &Type, claimed: bool) -> Option<(Boxing, Returned)> {
        if let Some((boxing, value)) = self.shown(ty) {
            let mut returned = Returned::giving(ty.clone(), value);
            if is_opaque_unpin(ty) {
                // To follow the stream takes an async block, which is not `Unpin`.
                returned.stream = None;
            }
            return Some((boxing, returned));
        }
        let mut hidden = Returned::plain(ty.clone());
        hidden.given_by = Some(self.item);
        claimed.then_some((Boxing::Pinned, hidden))
    }

    /// If a return type shows a future or stream: how that is boxed, and the type of its value.
    pub(super) fn shown(self, ty: &Type) -> Option<(Boxing, Type)> {
        if let Type::ImplTrait(opaque) = ty {
            return Some((Boxing::Opaque, self.given_by(&opaque.bounds)?));
        }
        let segment = last_segment(ty)?;
        let argument = type_argument(segment)?;
        if self.aliases.iter().any(|alias| segment.ident == alias) {
            return Some((Boxing::Pinned, argument.clone()));
        }
        let inner = last_segment(argument).filter(|inner| inner.ident == "Box");
        let (boxing, object) = match inner {
            _ if segment.ident == "Box" => (Boxing::Boxed, argument),
            Some(inner) if segment.ident == "Pin" => (Boxing::Pinned, type_argument(inner)?),
            _ => return None,
        };
        let Type::TraitObject(object) = object else {
            return None;
        };
        Some((boxing, self.given_by(&object.bounds)?))
    }

    fn given_by(self, bounds: &Bounds) -> Option<Type> {
        let segments = traits(bounds).filter(|segment| segment.ident == self.name);
        segments
            .flat_map(arguments)
            .find_map(|argument| match argument {
                GenericArgument::AssocType(given) if given.ident == self.item => {
                    Some(given.ty.clone())
                }
                _ => None,
            })
    }

    /// Why a function surely returns no such thing, if an argument claims it.
    pub(crate) fn not_returned_by(self, sig: &Signature) -> Option<String> {
        let ty = return_type(&sig.output);
        let other = if self == FUTURE { STREAM } else { FUTURE };
        let what = match &ty {
            _ if sig.asyncness.is_some() && self == FUTURE => {
                return Some("an `async fn` returns one in any case".to_owned());
            }
            ty if self.shown(ty).is_some() => return None,
            ty if other.shown(ty).is_some() => &format!("a {}", other.word),
            ty if is_unit(ty) => "nothing",
            Type::Never(_) => return Some("this one never returns".to_owned()),
            Type::ImplTrait(_) => return Some(self.opaque.to_owned()),
            Type::Tuple(_) => "a tuple",
            Type::Array(_) => "an array",
            Type::Reference(_) => "a reference",
            Type::BareFn(_) => "a function",
            // It may be an alias of one, unless anyone knows the type.
            ty => &format!(
                "`{}`",
                last_segment(ty).filter(|last| is_value(last))?.ident
            ),
        };
        Some(format!("this one returns {what}"))
    }
}

/// True for an `impl Trait + Unpin`.
fn is_opaque_unpin(ty: &Type) -> bool {
    let Type::ImplTrait(opaque) = ty else {
        return false;
    };
    traits(&opaque.bounds).any(|last| last.ident == "Unpin")
}

/// Types of the standard library that anyone knows.
const VALUES: &str = "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize HashMap Option Result String \
    Vec";

fn is_value(segment: &PathSegment) -> bool {
    VALUES.split(' ').any(|value| segment.ident == value)
}

/// True if the name of this type ends in `Result`.
pub(crate) fn names_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// Whether a type may turn out to be a `Result`.
pub(crate) fn may_be_result(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(_) => {
            last_segment(ty).is_none_or(|segment| segment.ident == "Result" || !is_value(segment))
        }
        Type::Macro(_) | Type::Verbatim(_) => true,
        _ => false,
    }
}

/// The stream that may be in a response: in the `Response<..>` of a `Result`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseStream {
    /// Its type is named, if it is a stream at all.
    Named,
    /// It is an `impl Stream`, to which no other trait gives methods.
    Opaque,
}

impl ResponseStream {
    /// In a value of this type.
    pub(super) fn of(ty: &Type) -> Option<Self> {
        let value = last_segment(ty).and_then(|result| arguments(result).find_map(as_type));
        let response = value.and_then(last_segment);
        let response = response.filter(|last| last.ident == "Response")?;
        let Type::ImplTrait(opaque) = bare(arguments(response).find_map(as_type)?) else {
            return Some(Self::Named);
        };
        let known = ["Stream", "Send", "Sync", "Unpin"];
        let mut names = traits(&opaque.bounds).map(|last| last.ident.to_string());
        let is_known = names.all(|name| known.contains(&&*name));
        is_known.then_some(Self::Opaque)
    }
}

/// Whether a function returns the unit.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(unit) if unit.elems.is_empty())
}

/// Whether an `impl Trait` is one of functions: `Fn(A) -> B` and its kin alone are written with parentheses.
pub(super) fn takes_calls(opaque: &TypeImplTrait) -> bool {
    traits(&opaque.bounds).any(|last| matches!(last.arguments, PathArguments::Parenthesized(_)))
}

/// Whether an `impl Trait` is one of iterators: no `Result` is one, though it can be made into one.
pub(super) fn iterates(opaque: &TypeImplTrait) -> bool {
    let mut names = traits(&opaque.bounds).map(|last| last.ident.to_string());
    names.any(|name| name.ends_with("Iterator") && !name.starts_with("Into"))
}

pub(super) fn return_type(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => bare(ty).clone(),
    }
}

/// The type without parentheses.
fn bare(mut ty: &Type) -> &Type {
    while let Type::Paren(paren) = ty {
        ty = &paren.elem;
    }
    ty
}

/// The bounds behind `impl` or `dyn`.
type Bounds = Punctuated<TypeParamBound, Token![+]>;

/// The last names of the traits among bounds.
pub(crate) fn traits(bounds: &Bounds) -> impl Iterator<Item = &PathSegment> {
    bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    })
}

pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The arguments in angles behind a name.
fn arguments(segment: &PathSegment) -> impl DoubleEndedIterator<Item = &GenericArgument> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten()
}

/// The last type argument of a path segment: `T` of `Box<T>` and of `BoxFuture<'a, T>`.
fn type_argument(segment: &PathSegment) -> Option<&Type> {
    arguments(segment).rev().find_map(as_type).map(bare)
}

fn as_type(argument: &GenericArgument) -> Option<&Type> {
    match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// Whether the error in a value may borrow.
pub(crate) enum Borrow {
    /// There is none, or it does not.
    Never,
    /// It is not known, or it does.
    Maybe,
    /// If there is a lifetime in this type, which the compiler knows: an alias may hide one.
    AsIn(Box<Type>),
}

impl Borrow {
    /// For a value of this type.
    fn of(ty: &Type) -> Self {
        if !may_be_result(ty) {
            return Self::Never;
        }
        let mut path = match erase(bare(ty).clone(), "static") {
            Type::Path(path) => path,
            other => return Self::AsIn(Box::new(other)),
        };
        if path.qself.is_none()
            && let Some(last) = path.path.segments.last_mut()
        {
            if last.ident == "Result" {
                // A lifetime in its value is not the error's.
                if let PathArguments::AngleBracketed(list) = &mut last.arguments {
                    let mut types = list.args.iter_mut();
                    if let Some(value) = types.find(|value| as_type(value).is_some()) {
                        *value = syn::parse_quote!(());
                    }
                }
                let error = arguments(last).next_back().and_then(as_type);
                if error.is_some_and(is_of_a_trait) {
                    return Self::Maybe;
                }
            } else if holds_a_value_alone(last) {
                return Self::Never;
            }
        }
        let ty = Type::Path(path);
        match (has_word(&ty, "_"), has_a_lifetime(&ty)) {
            _ if is_of_a_trait(&ty) => Self::Maybe,
            (true, true) => Self::Maybe,
            (true, false) => Self::Never,
            (false, _) => Self::AsIn(Box::new(ty)),
        }
    }
}

/// True for a type that a trait defines: `Self::Error`, `T::Error`, `<T as Trait>::Error`. Lifetimes of `Self` and of
/// parameters are in it, and the compiler does not distinguish them from `'static`.
fn is_of_a_trait(ty: &Type) -> bool {
    let Type::Path(TypePath { qself, path }) = bare(ty) else {
        return false;
    };
    // Modules and crates have lower-case names.
    let first = path.segments.first().map(|first| first.ident.to_string());
    let is_type = first.is_some_and(|first| first.starts_with(char::is_uppercase));
    qself.is_some() || path.segments.len() > 1 && is_type
}

/// Whether an alias has one argument, in which a lifetime is that of the value: `ApiResult<&str>`, but not `R<Box<dyn
/// Error + '_>>`.
fn holds_a_value_alone(segment: &PathSegment) -> bool {
    let mut arguments = arguments(segment);
    match (arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(ty)), None) => {
            !has_word(ty, "dyn") && (has_word(ty, "_") || has_a_lifetime(ty))
        }
        _ => false,
    }
}

/// Whether a lifetime stands in a type, be it that of a reference.
fn has_a_lifetime(ty: &Type) -> bool {
    any(&tokens_of(ty), &|tokens, at| match &tokens[at..] {
        [quote, name, ..] if is(quote, '\'') => !is_word(name, "static"),
        [first, ..] => is(first, '&'),
        [] => false,
    })
}

/// Whether this word stands in a type: `dyn`, `impl`, or the `_` of a part without a name, not that of a lifetime.
pub(super) fn has_word(ty: &Type, word: &str) -> bool {
    any(&tokens_of(ty), &|tokens, at| {
        is_word(&tokens[at], word) && !tokens[..at].last().is_some_and(|quote| is(quote, '\''))
    })
}

fn tokens_of(ty: &Type) -> Vec<TokenTree> {
    ty.to_token_stream().into_iter().collect()
}

/// Makes a type one that may stand in a body: every `impl Trait` becomes `_`. And every lifetime `'_`: with the name in
/// the body, clippy would no longer report it as not needed, and errors about a borrow that is too short would point at
/// this type. But for the lifetime `kept`.
fn erase(mut ty: Type, kept: &'static str) -> Type {
    Erase { kept }.visit_type_mut(&mut ty);
    ty
}

/// Lifetimes keep their names where some are bound inside of the type, and where `'_` means something else: in the
/// arguments of functions, and in a type that a trait defines.
struct Erase {
    kept: &'static str,
}

impl VisitMut for Erase {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(opaque) = ty {
            *ty = syn::parse_quote_spanned!(opaque.impl_token.span=> _);
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != self.kept {
            let span = lifetime.span().resolved_at(Span::mixed_site());
            *lifetime = Lifetime::new("'_", span);
        }
    }

    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {
    }

    fn visit_type_bare_fn_mut(&mut self, _: &mut TypeBareFn) {}

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        if bound.lifetimes.is_none() {
            visit_mut::visit_trait_bound_mut(self, bound);
        }
    }

    fn visit_type_path_mut(&mut self, path: &mut TypePath) {
        if path.qself.is_none() {
            visit_mut::visit_type_path_mut(self, path);
        }
    }
}
