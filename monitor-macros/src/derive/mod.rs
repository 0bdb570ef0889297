//! The derives `MonitorError` and `MonitorLabel`, and what `#[monitor(..)]` may say for them.

mod error;
mod helper;
mod label;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::visit_mut::VisitMut;
use syn::{DeriveInput, Path};

use crate::fallback::fallback;
use crate::fragments::Ungrouped;

/// A derive, from its item to its implementation.
type Derive = fn(&DeriveInput, &mut Vec<syn::Error>) -> TokenStream;

/// Expands `#[derive(MonitorError)]`.
pub(crate) fn error(item: TokenStream) -> TokenStream {
    derive(item, error::derive)
}

/// Expands `#[derive(MonitorLabel)]`.
pub(crate) fn label(item: TokenStream) -> TokenStream {
    derive(item, label::derive)
}

fn derive(item: TokenStream, derive: Derive) -> TokenStream {
    let mut errors = Vec::new();
    match syn::parse2(item) {
        Ok(mut input) => {
            Ungrouped.visit_derive_input_mut(&mut input);
            let implementation = derive(&input, &mut errors);
            if errors.is_empty() {
                return implementation;
            }
        }
        Err(error) => errors.push(error),
    }
    fallback(errors, TokenStream::new())
}

/// Where generated paths begin.
fn root(path: Option<&Path>) -> TokenStream {
    match path {
        None => quote_spanned!(Span::mixed_site()=> ::monitor_core),
        Some(path) => quote_spanned!(Span::mixed_site()=> #path),
    }
}

/// `&'static str`, whatever the user's own `str` may be.
fn text() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> &'static ::core::primitive::str)
}

/// A name where no lint speaks of it, such as that of a deprecated variant.
fn unlinted(name: &proc_macro2::Ident) -> proc_macro2::Ident {
    let mut name = name.clone();
    name.set_span(name.span().resolved_at(Span::mixed_site()));
    name
}
