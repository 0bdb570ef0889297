//! `#[derive(MonitorError)]`: each variant names the error type its calls count under.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, Index, Member, Type};

use super::{implementation, read, refuse_on_fields, root, text, unlinted};
use crate::parse::{Helper, Place};

pub(super) fn derive(input: &DeriveInput, errors: &mut Vec<syn::Error>) -> TokenStream {
    let span = Span::mixed_site();
    let on_type = match &input.data {
        Data::Enum(_) => Place::ERROR_ENUM,
        Data::Struct(_) => Place::ERROR_STRUCT,
        Data::Union(data) => {
            let message = "`MonitorError` is derived for an enum or a struct; this is a union";
            errors.push(syn::Error::new(data.union_token.span, message));
            return TokenStream::new();
        }
    };
    let helper = read(&input.attrs, &on_type, errors);
    let root = root(&helper);
    let arms: Vec<TokenStream> = match &input.data {
        Data::Enum(data) => {
            let arm = data.variants.iter().map(|variant| {
                let own = on_variant(&variant.attrs, errors);
                let name = unlinted(&variant.ident);
                let path = quote_spanned!(span=> Self::#name);
                arm(&path, &own, &variant.fields, &helper, &root, errors)
            });
            arm.collect()
        }
        Data::Struct(data) => {
            let path = quote_spanned!(span=> Self);
            vec![arm(&path, &helper, &data.fields, &helper, &root, errors)]
        }
        Data::Union(_) => Vec::new(),
    };
    let body = if arms.is_empty() {
        quote_spanned!(span=> match *self {})
    } else {
        quote_spanned!(span=> match self { #(#arms,)* })
    };
    let text = text();
    let method = quote_spanned! {span=>
        fn error_type(&self) -> ::core::option::Option<#text> {
            #body
        }
    };
    let question = question(input, &root);
    let implementation = implementation(input, &root, "MonitorError", &method);
    quote_spanned!(span=> #question #implementation)
}

/// A variant that has an error type may have a label's value too.
fn on_variant(attrs: &[Attribute], errors: &mut Vec<syn::Error>) -> Helper {
    let mut faults = Vec::new();
    let helper = read(attrs, &Place::LABELLED_ERROR, &mut faults);
    if faults.is_empty() && (helper.error_type.given() || helper.transparent.given()) {
        return helper;
    }
    read(attrs, &Place::ERROR, errors)
}

/// What makes the type known behind trait objects (`Box<dyn Error>`, `anyhow::Error`, a source), if it is a std error. One
/// with parameters is as many types as there are arguments, and none of them is known here.
fn question(input: &DeriveInput, root: &TokenStream) -> Option<TokenStream> {
    let name = unlinted(&input.ident);
    input.generics.params.is_empty().then(|| {
        quote_spanned! {Span::mixed_site()=>
            const _: () = {
                use #root::__private::Unnamed as _;
                #root::__private::inventory::submit! {
                    #root::__private::NamedError(#root::__private::Naming::<#name>::QUESTIONS)
                }
            };
        }
    })
}

/// What one variant, or a struct, answers.
fn arm(
    path: &TokenStream,
    own: &Helper,
    fields: &Fields,
    container: &Helper,
    root: &TokenStream,
    errors: &mut Vec<syn::Error>,
) -> TokenStream {
    let span = Span::mixed_site();
    refuse_on_fields(fields, errors);
    let Some(key) = own.transparent.key() else {
        let named = own.error_type.value().or(container.fallback.value());
        let answer = named.map_or_else(
            || quote_spanned!(span=> ::core::option::Option::None),
            |name| quote_spanned!(span=> ::core::option::Option::Some(#name)),
        );
        return quote_spanned!(span=> #path { .. } => #answer);
    };
    if own.error_type.given() {
        let message = "`error_type` and `transparent` exclude each other: one names the type, the other asks the field for it";
        errors.push(syn::Error::new(key.span(), message));
    }
    let Some((member, ty)) = only_field(fields) else {
        let count = fields.len();
        let message = format!("`transparent` asks the only field, and there are {count}");
        errors.push(syn::Error::new(key.span(), message));
        return TokenStream::new();
    };
    // The fault of a field that is no such error is reported at its type.
    let inner = Ident::new("__monitor_inner", ty.span().resolved_at(span));
    let ask = quote_spanned!(span=> #root::MonitorError::error_type(#inner));
    quote_spanned!(span=> #path { #member: __monitor_inner } => #ask)
}

/// The only field, for what is `transparent`.
fn only_field(fields: &Fields) -> Option<(Member, &Type)> {
    let field = fields.iter().next().filter(|_| fields.len() == 1)?;
    let unnamed = Member::Unnamed(Index::from(0));
    let member = field.ident.clone().map_or(unnamed, Member::Named);
    Some((member, &field.ty))
}
