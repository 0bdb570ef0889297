//! `#[derive(MonitorError)]`: each variant names the error type its calls count under.
//!
//! The names are submitted with the derive, so the types exist from the start of the program, with the status they set.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Index, LitStr, Member, Variant};

use super::label::snake_case;
use super::{implementation, mixed, read, refuse_on_fields, root, unlinted};
use crate::parse::{
    Args, Faults, ON_ERROR, ON_ERROR_ENUM, ON_ERROR_STRUCT, ON_LABELLED_ERROR, fault, row,
};

pub(super) fn derive(input: &DeriveInput, errors: &mut Faults) -> syn::Result<TokenStream> {
    let on_type = match &input.data {
        Data::Struct(_) => ON_ERROR_STRUCT,
        _ => ON_ERROR_ENUM,
    };
    let helper = read(&input.attrs, on_type, errors);
    let (root, fallback) = (root(&helper), helper.fallback.value());
    let mut types: Vec<Declared> = fallback.map(Declared::new).into_iter().collect();
    let arms: Vec<TokenStream> = match &input.data {
        Data::Enum(data) => {
            let mut arm = |variant| variant_arm(variant, fallback, &root, &mut types, errors);
            data.variants.iter().map(&mut arm).collect()
        }
        Data::Struct(data) => {
            let declared = declared(&helper, &input.ident);
            let arm = arm(
                &helper,
                declared.as_ref(),
                &data.fields,
                None,
                &root,
                errors,
            );
            types.extend(declared);
            vec![mixed!(Self #arm)]
        }
        Data::Union(data) => {
            let message = "`MonitorError` is derived for an enum or a struct; this is a union";
            return fault(data.union_token.span, message);
        }
    };
    let body = if arms.is_empty() {
        mixed!(match *self {})
    } else {
        mixed!(match self { #(#arms,)* })
    };
    let method = mixed! {
        fn error_type(&self) -> ::core::option::Option<&'static ::core::primitive::str> {
            #body
        }
    };
    errors.extend(differences(&types));
    let (question, declaration) = (question(input, &root), declaration(&types, &root));
    let implementation = implementation(input, &root, "MonitorError", &method);
    Ok(mixed!(#question #declaration #implementation))
}

/// The match arm of a variant, whose type is added to those that the derive declares.
fn variant_arm(
    variant: &Variant,
    fallback: Option<&LitStr>,
    root: &TokenStream,
    types: &mut Vec<Declared>,
    errors: &mut Faults,
) -> TokenStream {
    let own = read(&variant.attrs, ON_LABELLED_ERROR, errors);
    // A variant that has an error type may have a label's value too.
    let named = own.transparent.given() || is_named(&own);
    let stray = own.label.key().filter(|_| !named);
    errors.extend(stray.and_then(|key| row(key, ON_ERROR).err()));
    let name = unlinted(&variant.ident);
    let declared = declared(&own, &variant.ident);
    let arm = arm(
        &own,
        declared.as_ref(),
        &variant.fields,
        fallback,
        root,
        errors,
    );
    types.extend(declared);
    mixed!(Self::#name #arm)
}

/// An error type that a variant, a struct or a `fallback` names.
struct Declared {
    name: LitStr,
    /// The variant of `TaskStatus`.
    status: Option<Ident>,
    is_expected: bool,
}

impl Declared {
    fn new(name: &LitStr) -> Self {
        Self {
            name: name.clone(),
            status: None,
            is_expected: false,
        }
    }
}

/// Whether arguments give a variant or a struct an error type of its own.
fn is_named(own: &Args) -> bool {
    own.named.given() || own.status.given() || own.is_expected.given()
}

/// The type that arguments give to this variant or struct: without `error_type` it is the name, as a label has it.
fn declared(own: &Args, of: &Ident) -> Option<Declared> {
    let at = of.span().resolved_at(Span::mixed_site());
    let named = || LitStr::new(&snake_case(&of.unraw().to_string()), at);
    (is_named(own) && !own.transparent.given()).then(|| Declared {
        name: own.named.value().cloned().unwrap_or_else(named),
        status: own.status.value().cloned(),
        is_expected: own.is_expected.given(),
    })
}

/// A fault for each variant that says something else of a type than the one before it: status and health are those of
/// the type.
fn differences(types: &[Declared]) -> Faults {
    let mut faults = Vec::new();
    for (at, one) in types.iter().enumerate() {
        let name = one.name.value();
        let before = types[..at]
            .iter()
            .find(|before| before.name.value() == name);
        let differs = before.is_some_and(|before| {
            let statuses = before.status.as_ref().zip(one.status.as_ref());
            before.is_expected != one.is_expected
                || statuses.is_some_and(|(one, other)| one != other)
        });
        if differs {
            let message = format!(
                "`status` and `expected` are those of the error type, and {name:?} has others before: write the same on \
                 each, or give this one a type of its own"
            );
            faults.push(syn::Error::new(one.name.span(), message));
        }
    }
    faults
}

/// The registration that makes these types known from the start of the program.
fn declaration(types: &[Declared], root: &TokenStream) -> Option<TokenStream> {
    let each = types.iter().map(|declared| {
        let (name, is_expected) = (&declared.name, declared.is_expected);
        let some = |status| mixed!(::core::option::Option::Some(#root::__private::TaskStatus::#status));
        let none = || mixed!(::core::option::Option::None);
        let status = declared.status.as_ref().map_or_else(none, some);
        mixed!(#root::__private::DeclaredType { name: #name, status: #status, is_expected: #is_expected })
    });
    (!types.is_empty()).then(|| {
        mixed! {
            const _: () = {
                #root::__private::inventory::submit! {
                    #root::__private::DeclaredTypes(&[#(#each),*])
                }
            };
        }
    })
}

/// The registration that makes the type known behind trait objects (`Box<dyn Error>`, `anyhow::Error`, a source), if it
/// is a std error. One with parameters is as many types as there are arguments, and none of them is known here.
fn question(input: &DeriveInput, root: &TokenStream) -> Option<TokenStream> {
    let name = unlinted(&input.ident);
    input.generics.params.is_empty().then(|| {
        mixed! {
            const _: () = {
                use #root::__private::Unnamed as _;
                #root::__private::inventory::submit! {
                    #root::__private::NamedError(#root::__private::Naming::<#name>::QUESTIONS)
                }
            };
        }
    })
}

/// The match arm of one variant, or of a struct: its fields, and the error type.
fn arm(
    own: &Args,
    declared: Option<&Declared>,
    fields: &Fields,
    fallback: Option<&LitStr>,
    root: &TokenStream,
    errors: &mut Faults,
) -> TokenStream {
    refuse_on_fields(fields, errors);
    let Some(key) = own.transparent.key() else {
        let some = |name| mixed!({ .. } => ::core::option::Option::Some(#name));
        let none = || mixed!({ .. } => ::core::option::Option::None);
        let name = declared.map(|declared| &declared.name);
        return name.or(fallback).map_or_else(none, some);
    };
    for other in [own.named.key(), own.status.key(), own.is_expected.key()]
        .into_iter()
        .flatten()
    {
        let message = format!(
            "`{other}` and `transparent` exclude each other: with `transparent` the type is that of the field"
        );
        errors.push(syn::Error::new(key.span(), message));
    }
    let count = fields.len();
    let Some(field) = fields.iter().next().filter(|_| count == 1) else {
        let message =
            format!("`transparent` uses the type of the only field; there are {count} fields");
        errors.push(syn::Error::new(key.span(), message));
        return TokenStream::new();
    };
    let unnamed = Member::Unnamed(Index::from(0));
    let member = field.ident.clone().map_or(unnamed, Member::Named);
    // The fault of a field that is no such error is reported at its type.
    let at = field.ty.span().resolved_at(Span::mixed_site());
    let inner = Ident::new("__monitor_inner", at);
    mixed!({ #member: __monitor_inner } => #root::MonitorError::error_type(#inner))
}
