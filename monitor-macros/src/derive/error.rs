//! `#[derive(MonitorError)]`: each variant names the error type its calls count under.

use proc_macro2::{Ident, Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Index, LitStr, Member};

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
    let arms: Vec<TokenStream> = match &input.data {
        Data::Enum(data) => {
            let arm = data.variants.iter().map(|variant| {
                let own = read(&variant.attrs, ON_LABELLED_ERROR, errors);
                // A variant that has an error type may have a label's value too.
                let named = own.named.given() || own.transparent.given();
                let stray = own.label.key().filter(|_| !named);
                errors.extend(stray.and_then(|key| row(key, ON_ERROR).err()));
                let name = unlinted(&variant.ident);
                let arm = arm(&own, &variant.fields, fallback, &root, errors);
                mixed!(Self::#name #arm)
            });
            arm.collect()
        }
        Data::Struct(data) => {
            let arm = arm(&helper, &data.fields, None, &root, errors);
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
    let question = question(input, &root);
    let implementation = implementation(input, &root, "MonitorError", &method);
    Ok(mixed!(#question #implementation))
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
    fields: &Fields,
    fallback: Option<&LitStr>,
    root: &TokenStream,
    errors: &mut Faults,
) -> TokenStream {
    refuse_on_fields(fields, errors);
    let Some(key) = own.transparent.key() else {
        let some = |name| mixed!({ .. } => ::core::option::Option::Some(#name));
        let none = || mixed!({ .. } => ::core::option::Option::None);
        return own.named.value().or(fallback).map_or_else(none, some);
    };
    if own.named.given() {
        let message = "`error_type` and `transparent` exclude each other: with `transparent` the type is that of the field";
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
