//! The derives `MonitorError` and `MonitorLabel`, and reading their `#[monitor(..)]`.

mod error;
mod label;
#[cfg(test)]
mod tests;

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, DeriveInput, Fields, Meta};

use crate::expand::{mixed, unlinted};
use crate::fallback::fallback;
use crate::parse::{Args, Faults, Place};
use crate::tokens::ungrouped;

/// Expands `#[derive(MonitorError)]`.
pub(crate) fn error(item: TokenStream) -> TokenStream {
    derive(item, error::derive)
}

/// Expands `#[derive(MonitorLabel)]`.
pub(crate) fn label(item: TokenStream) -> TokenStream {
    derive(item, label::derive)
}

/// A derive, from its item to its implementation.
type Derive = fn(&DeriveInput, &mut Faults) -> syn::Result<TokenStream>;

fn derive(item: TokenStream, derive: Derive) -> TokenStream {
    let mut errors = Vec::new();
    let input = syn::parse2(ungrouped(item));
    let derived = input.and_then(|input| derive(&input, &mut errors));
    match derived {
        Ok(implementation) if errors.is_empty() => return implementation,
        derived => errors.extend(derived.err()),
    }
    fallback(errors, TokenStream::new())
}

/// Reads all `#[monitor(..)]` among the attributes of a type or variant.
fn read(attrs: &[Attribute], place: Place, errors: &mut Faults) -> Args {
    let mut helper = Args::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("monitor")) {
        if let Meta::List(list) = &attr.meta {
            helper.read_list(list.tokens.clone(), place, errors);
        } else {
            let message = format!("`monitor` takes a list: `#[monitor({})]`", place.2);
            errors.push(syn::Error::new_spanned(attr.path(), message));
        }
    }
    helper
}

/// Refuses helper attributes on fields: none is read there.
fn refuse_on_fields(fields: &Fields, errors: &mut Faults) {
    for attr in fields.iter().flat_map(|field| &field.attrs) {
        if attr.path().is_ident("monitor") {
            let message =
                "`monitor` goes on the type or on a variant: it has no meaning on a field";
            errors.push(syn::Error::new_spanned(attr.path(), message));
        }
    }
}

/// The implementation of a trait of ours.
fn implementation(
    input: &DeriveInput,
    root: &TokenStream,
    name: &str,
    items: &TokenStream,
) -> TokenStream {
    let (of, name) = (&input.ident, Ident::new(name, Span::mixed_site()));
    let (generics, parameters, bounds) = input.generics.split_for_impl();
    mixed! {
        #[automatically_derived]
        impl #generics #root::#name for #of #parameters #bounds {
            #items
        }
    }
}

/// Where generated paths begin.
fn root(helper: &Args) -> TokenStream {
    let path = helper.derive_crate_path.value();
    path.map_or_else(|| mixed!(::monitor_core), |path| mixed!(#path))
}
