//! Whether the error in a returned value may borrow, as far as its type shows it: a trait object that does cannot be asked which
//! error it is.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, Path, PathArguments, PathSegment, Type};

use super::returned::{bare, erase_what_borrows, may_be_result};

/// Whether the error in a value may borrow.
pub(crate) enum Borrow {
    /// There is none, or it does not.
    Never,
    /// Nothing tells, or it does.
    Maybe,
    /// If there is a lifetime in this type, which the compiler knows: an alias may hide one.
    AsIn(Box<Type>),
}

impl Borrow {
    /// For a value of this type.
    pub(super) fn of(ty: &Type) -> Self {
        if !may_be_result(ty) {
            return Self::Never;
        }
        let mut path = match erase_what_borrows(bare(ty).clone()) {
            Type::Path(path) => path,
            other => return Self::AsIn(Box::new(other)),
        };
        if path.qself.is_none()
            && let Some(last) = path.path.segments.last_mut()
        {
            if last.ident == "Result" {
                if let Some(value) = first_type(last) {
                    *value = syn::parse_quote!(());
                }
                if let Some(error) = last_type(last)
                    && is_of_a_trait(error)
                {
                    return Self::Maybe;
                }
            } else if holds_a_value_alone(last) {
                return Self::Never;
            }
        }
        let ty = Type::Path(path);
        let seen = Seen::in_type(&ty);
        match seen {
            _ if is_of_a_trait(&ty) => Self::Maybe,
            Seen {
                unknown: true,
                lifetime: true,
                ..
            } => Self::Maybe,
            Seen { unknown: true, .. } => Self::Never,
            _ => Self::AsIn(Box::new(ty)),
        }
    }
}

/// Whether a trait says which type it is: `Self::Error`, `T::Error`, `<T as Trait>::Error`. Lifetimes of `Self` and of
/// parameters are in it, and the compiler does not tell them from `'static`.
fn is_of_a_trait(ty: &Type) -> bool {
    let Type::Path(path) = bare(ty) else {
        return false;
    };
    path.qself.is_some() || begins_with_a_type(&path.path)
}

/// Modules and crates have lower-case names.
fn begins_with_a_type(path: &Path) -> bool {
    let is_type = |segment: &PathSegment| segment.ident.to_string().starts_with(char::is_uppercase);
    path.segments.len() > 1 && path.segments.first().is_some_and(is_type)
}

/// Whether an alias has one argument, in which a lifetime is that of the value: `ApiResult<&str>`, but not `R<Box<dyn Error + '_>>`.
fn holds_a_value_alone(segment: &PathSegment) -> bool {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return false;
    };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(ty)), None) => {
            let seen = Seen::in_type(ty);
            !seen.object && (seen.lifetime || seen.unknown)
        }
        _ => false,
    }
}

fn first_type(segment: &mut PathSegment) -> Option<&mut Type> {
    let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else {
        return None;
    };
    arguments
        .args
        .iter_mut()
        .find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
}

fn last_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.last() {
        Some(GenericArgument::Type(ty)) => Some(ty),
        _ => None,
    }
}

/// What stands in a type.
#[derive(Default)]
struct Seen {
    /// A lifetime, be it that of a reference.
    lifetime: bool,
    /// A trait object.
    object: bool,
    /// A part without a name.
    unknown: bool,
}

impl Seen {
    fn in_type(ty: &Type) -> Self {
        let mut seen = Self::default();
        seen.look_through(ty.to_token_stream());
        seen
    }

    fn look_through(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.look_through(group.stream()),
                TokenTree::Punct(sign) if sign.as_char() == '\'' => {
                    let name = tokens.next().map(|name| name.to_string());
                    self.lifetime |= name.as_deref() != Some("static");
                }
                TokenTree::Punct(sign) => self.lifetime |= sign.as_char() == '&',
                TokenTree::Ident(name) => {
                    self.object |= name == "dyn";
                    self.unknown |= name == "_";
                }
                TokenTree::Literal(_) => {}
            }
        }
    }
}
