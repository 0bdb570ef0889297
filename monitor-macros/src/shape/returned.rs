//! What a return type tells: a future, a stream, a value; and how to name it inside of the body.

use proc_macro2::{Ident, Span};
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, GenericArgument, GenericParam, Lifetime, ParenthesizedGenericArguments, Path,
    PathArguments, PathSegment, ReturnType, TraitBound, Type, TypeBareFn, TypeImplTrait, TypeInfer,
    TypeParamBound, TypePath,
};

use super::borrow::Borrow;

/// What the expansion needs to know of the return type.
pub(crate) struct Returned {
    /// The value the outcome is read from.
    pub(crate) value: Value,
    /// Whether an error in it may borrow.
    pub(crate) borrow: Borrow,
    /// The type of the body, with every `impl Trait` erased to `_`.
    pub(crate) body: Type,
}

/// The value the outcome is read from.
pub(crate) enum Value {
    /// It has this type, where `impl Trait` is erased to `_`.
    Of(Type),
    /// It is the output of a future of this type, which does not show it.
    OutputOf(Type),
    /// It is the item of a stream of this type, which does not show it.
    ItemOf(Type),
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

/// A trait whose implementors are calls that go on after the function returned.
#[derive(Clone, Copy)]
pub(super) struct Lasting {
    name: &'static str,
    item: &'static str,
    aliases: [&'static str; 2],
}

/// A future, with `futures::future::BoxFuture` and its kin.
pub(super) const FUTURE: Lasting = Lasting {
    name: "Future",
    item: "Output",
    aliases: ["BoxFuture", "LocalBoxFuture"],
};

/// A stream, with `futures::stream::BoxStream` and its kin.
pub(super) const STREAM: Lasting = Lasting {
    name: "Stream",
    item: "Item",
    aliases: ["BoxStream", "LocalBoxStream"],
};

impl Returned {
    /// A plain value of this type.
    pub(super) fn plain(ty: Type) -> Self {
        let borrow = Borrow::of(&ty);
        let erased = erase(ty);
        Self {
            value: Value::Of(erased.clone()),
            borrow,
            body: erased,
        }
    }

    /// A future or stream of this type that gives values of that one.
    pub(super) fn giving(ty: Type, value: Type) -> Self {
        Self {
            borrow: Borrow::of(&value),
            value: Value::Of(erase(value)),
            body: erase(ty),
        }
    }
}

impl Lasting {
    /// Whether a return type shows such a thing, how that is wrapped, and what it gives.
    pub(super) fn shown(self, ty: &Type) -> Option<(Boxing, Type)> {
        if let Type::ImplTrait(opaque) = ty {
            return Some((Boxing::Opaque, self.given_by(&opaque.bounds)?));
        }
        let segment = last_segment(ty)?;
        let argument = type_argument(segment)?;
        if self.aliases.iter().any(|alias| segment.ident == alias) {
            return Some((Boxing::Pinned, argument.clone()));
        }
        match segment.ident.to_string().as_str() {
            "Pin" => Some((Boxing::Pinned, self.in_box(argument)?)),
            "Box" => Some((Boxing::Boxed, self.in_object(argument)?)),
            _ => None,
        }
    }

    fn in_box(self, ty: &Type) -> Option<Type> {
        let segment = last_segment(ty)?;
        if segment.ident != "Box" {
            return None;
        }
        self.in_object(type_argument(segment)?)
    }

    fn in_object(self, ty: &Type) -> Option<Type> {
        match ty {
            Type::TraitObject(object) => self.given_by(&object.bounds),
            _ => None,
        }
    }

    fn given_by<'a>(self, bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> Option<Type> {
        bounds.into_iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => self.given_by_path(&bound.path),
            _ => None,
        })
    }

    fn given_by_path(self, path: &Path) -> Option<Type> {
        let segment = path.segments.last();
        let segment = segment.filter(|segment| segment.ident == self.name)?;
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(given) if given.ident == self.item => Some(given.ty.clone()),
            _ => None,
        })
    }
}

/// What a function returns, as far as its type shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Returns {
    Future,
    Stream,
    /// An `impl Trait` that is neither.
    Opaque,
    Nothing,
    Never,
    /// Something that is neither, and its name.
    Plain(String),
    /// Something that may be an alias of one.
    Named,
}

impl Returns {
    /// Tells.
    pub(crate) fn of(output: &ReturnType) -> Self {
        let ty = return_type(output);
        let plain = |what: &str| Self::Plain(what.to_owned());
        match &ty {
            ty if FUTURE.shown(ty).is_some() => Self::Future,
            ty if STREAM.shown(ty).is_some() => Self::Stream,
            ty if is_unit(ty) => Self::Nothing,
            Type::Never(_) => Self::Never,
            Type::ImplTrait(_) => Self::Opaque,
            Type::Tuple(_) => plain("a tuple"),
            Type::Array(_) => plain("an array"),
            Type::Reference(_) => plain("a reference"),
            Type::BareFn(_) => plain("a function"),
            ty => match last_segment(ty) {
                Some(segment) if is_no_future(segment) => plain(&format!("`{}`", segment.ident)),
                _ => Self::Named,
            },
        }
    }

    /// In one word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Stream => "stream",
            _ => "value",
        }
    }
}

/// Types of the standard library that anyone knows.
const VALUES: &str = "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize HashMap Option Result String \
    Vec";

fn is_no_future(segment: &PathSegment) -> bool {
    VALUES.split(' ').any(|value| segment.ident == value)
}

/// Whether this type says `Result` in so many words.
pub(crate) fn names_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// Whether a type may turn out to be a `Result`.
pub(crate) fn may_be_result(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(_) => last_segment(ty)
            .is_none_or(|segment| segment.ident == "Result" || !is_no_future(segment)),
        Type::Macro(_) | Type::Verbatim(_) => true,
        _ => false,
    }
}

/// Whether a function returns the unit.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(unit) if unit.elems.is_empty())
}

/// Whether an `impl Trait` is one of functions: `Fn(A) -> B` and its kin alone are written with parentheses.
pub(super) fn takes_calls(opaque: &TypeImplTrait) -> bool {
    let mut bounds = opaque.bounds.iter();
    bounds.any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.is_some_and(|last| matches!(last.arguments, PathArguments::Parenthesized(_)))
        }
        _ => false,
    })
}

/// Whether an `impl Trait` is one of iterators: no `Result` is one, though it can be made into one.
pub(super) fn iterates(opaque: &TypeImplTrait) -> bool {
    let mut bounds = opaque.bounds.iter();
    bounds.any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.is_some_and(|last| {
                let name = last.ident.to_string();
                name.ends_with("Iterator") && !name.starts_with("Into")
            })
        }
        _ => false,
    })
}

/// Whether an `impl Trait` is part of a type.
pub(super) fn has_an_opaque_part(ty: &Type) -> bool {
    struct Found(bool);
    impl<'ast> Visit<'ast> for Found {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut found = Found(false);
    found.visit_type(ty);
    found.0
}

pub(super) fn return_type(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => bare(ty).clone(),
    }
}

/// The type without parentheses and invisible groups.
pub(super) fn bare(mut ty: &Type) -> &Type {
    loop {
        match ty {
            Type::Group(group) => ty = &group.elem,
            Type::Paren(paren) => ty = &paren.elem,
            other => return other,
        }
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The last type argument of a path segment: `T` of `Box<T>` and of `BoxFuture<'a, T>`.
fn type_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let mut last_first = arguments.args.iter().rev();
    last_first.find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(bare(ty)),
        _ => None,
    })
}

/// Makes a type one that may stand in a body: every `impl Trait` becomes `_`. And every lifetime `'_`: clippy would not say
/// any more that its name is not needed, and errors about a borrow that is too short would speak of this type.
fn erase(mut ty: Type) -> Type {
    Erase::default().visit_type_mut(&mut ty);
    ty
}

/// The same, but for `'static`.
pub(super) fn erase_what_borrows(mut ty: Type) -> Type {
    let mut erase = Erase::default();
    erase.bound.push(Ident::new("static", Span::call_site()));
    erase.visit_type_mut(&mut ty);
    ty
}

/// Those lifetimes keep their names that are bound inside of the type, and those for which `'_` means something else: in
/// the arguments of functions, and where a trait is asked for one of its types.
#[derive(Default)]
struct Erase {
    bound: Vec<Ident>,
}

impl Erase {
    fn within(&mut self, binder: Option<&BoundLifetimes>, visit: impl FnOnce(&mut Self)) {
        let outside = self.bound.len();
        for parameter in binder.into_iter().flat_map(|binder| &binder.lifetimes) {
            if let GenericParam::Lifetime(parameter) = parameter {
                self.bound.push(parameter.lifetime.ident.clone());
            }
        }
        visit(self);
        self.bound.truncate(outside);
    }
}

impl VisitMut for Erase {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(opaque) = ty {
            *ty = Type::Infer(TypeInfer {
                underscore_token: syn::Token![_](opaque.impl_token.span),
            });
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if !self.bound.contains(&lifetime.ident) {
            let span = lifetime.span().resolved_at(Span::mixed_site());
            *lifetime = Lifetime::new("'_", span);
        }
    }

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        let binder = bound.lifetimes.clone();
        self.within(binder.as_ref(), |this| this.visit_path_mut(&mut bound.path));
    }

    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {
    }

    fn visit_type_bare_fn_mut(&mut self, _: &mut TypeBareFn) {}

    fn visit_type_path_mut(&mut self, path: &mut TypePath) {
        if path.qself.is_none() {
            visit_mut::visit_type_path_mut(self, path);
        }
    }
}
