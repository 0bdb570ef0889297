//! `#[derive(MonitorError)]`: each variant names the error type its calls count under.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr};

use super::helper::{Helper, Position, only_field, refuse_on_fields};
use super::{root, text, unlinted};

const ON_ENUM: Position = Position {
    place: "an error enum",
    valid: &["crate", "fallback"],
    ignored: &[],
};

const ON_STRUCT: Position = Position {
    place: "an error struct",
    valid: &["error_type", "transparent", "crate"],
    ignored: &[],
};

const ON_VARIANT: Position = Position {
    place: "a variant of an error",
    valid: &["error_type", "transparent"],
    ignored: &[],
};

/// A variant that has an error type may have a label's value too.
const ON_LABELLED_VARIANT: Position = Position {
    ignored: &["name"],
    ..ON_VARIANT
};

pub(super) fn derive(input: &DeriveInput, errors: &mut Vec<syn::Error>) -> TokenStream {
    let (helper, body) = match &input.data {
        Data::Enum(data) => {
            let helper = Helper::read(&input.attrs, &ON_ENUM, errors);
            let root = root(helper.root.value());
            let arms: Vec<_> = data
                .variants
                .iter()
                .map(|variant| {
                    let own = on_variant(&variant.attrs, errors);
                    let name = unlinted(&variant.ident);
                    let path = quote_spanned!(Span::mixed_site()=> Self::#name);
                    arm(&path, &own, &variant.fields, &helper, &root, errors)
                })
                .collect();
            (helper, choice(&arms))
        }
        Data::Struct(data) => {
            let helper = Helper::read(&input.attrs, &ON_STRUCT, errors);
            let root = root(helper.root.value());
            let path = quote_spanned!(Span::mixed_site()=> Self);
            let arm = arm(&path, &helper, &data.fields, &helper, &root, errors);
            (helper, choice(&[arm]))
        }
        Data::Union(data) => {
            let message = "`MonitorError` is derived for an enum or a struct; this is a union";
            errors.push(syn::Error::new(data.union_token.span, message));
            return TokenStream::new();
        }
    };
    implementation(input, &root(helper.root.value()), &body)
}

fn on_variant(attrs: &[Attribute], errors: &mut Vec<syn::Error>) -> Helper {
    let mut faults = Vec::new();
    let helper = Helper::read(attrs, &ON_LABELLED_VARIANT, &mut faults);
    if faults.is_empty() && (helper.error_type.given() || helper.transparent.given()) {
        return helper;
    }
    Helper::read(attrs, &ON_VARIANT, errors)
}

fn implementation(input: &DeriveInput, root: &TokenStream, body: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let text = text();
    let (generics, parameters, bounds) = input.generics.split_for_impl();
    let question = question(input, root);
    quote_spanned! {Span::mixed_site()=>
        #question
        #[automatically_derived]
        impl #generics #root::MonitorError for #name #parameters #bounds {
            fn error_type(&self) -> ::core::option::Option<#text> {
                #body
            }
        }
    }
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

fn choice(arms: &[TokenStream]) -> TokenStream {
    let span = Span::mixed_site();
    if arms.is_empty() {
        return quote_spanned!(span=> match *self {});
    }
    quote_spanned!(span=> match self { #(#arms,)* })
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
    if let (Some(key), Some(_)) = (own.transparent.key(), own.error_type.key()) {
        let message = "`error_type` and `transparent` exclude each other: one names the type, the other asks the field for it";
        errors.push(syn::Error::new(key.span(), message));
    }
    if let Some(key) = own.transparent.key() {
        let Some((member, ty)) = only_field(key, fields, errors) else {
            return TokenStream::new();
        };
        // The fault of a field that is no such error is reported at its type.
        let inner = Ident::new("__monitor_inner", ty.span().resolved_at(span));
        let ask = quote_spanned!(span=> #root::MonitorError::error_type(#inner));
        return quote_spanned!(span=> #path { #member: __monitor_inner } => #ask);
    }
    let named: Option<&LitStr> = own
        .error_type
        .value()
        .or_else(|| container.fallback.value());
    let answer = named.map_or_else(
        || quote_spanned!(span=> ::core::option::Option::None),
        |name| quote_spanned!(span=> ::core::option::Option::Some(#name)),
    );
    quote_spanned!(span=> #path { .. } => #answer)
}
