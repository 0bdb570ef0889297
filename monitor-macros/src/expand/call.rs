//! The pieces all expansions are made of.

use proc_macro2::{Delimiter, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Type};

use super::group;
use crate::shape::{Value, is_unit};
use crate::validate::Checked;

/// One function, while it is expanded.
pub(super) struct Call<'a>(pub(super) &'a Checked);

impl Call<'_> {
    /// The module all generated paths go through.
    pub(super) fn runtime(&self, span: Span) -> TokenStream {
        match &self.0.root {
            None => quote_spanned!(span=> ::monitor_core::__private),
            Some(root) => quote_spanned!(span=> #root::__private),
        }
    }

    /// What the runtime starts the call from.
    pub(super) fn start(&self) -> TokenStream {
        let span = Span::mixed_site();
        if self.0.entry.is_empty() {
            quote_spanned!(span=> &__MONITOR_SITE)
        } else {
            quote_spanned!(span=> __monitor_start)
        }
    }

    pub(super) fn sync(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let (closure, verdict) = (self.closure(), self.verdict());
        let give = if is_unit(&self.0.returned.body) {
            TokenStream::new()
        } else {
            quote_spanned!(span=> return)
        };
        let run = if self.0.call.is_some() {
            quote_spanned!(span=> run_sync_with)
        } else {
            quote_spanned!(span=> run_sync)
        };
        quote_spanned!(span=> #give #runtime::#run(#start, #closure, #verdict))
    }

    /// The body as a closure of the declared type.
    pub(super) fn closure(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, block) = (self.runtime(span), &self.0.body.block);
        let parameter = self.0.call.as_ref();
        let parameter =
            parameter.map(|name| quote_spanned!(span=> #name: &mut #runtime::CallGuard));
        match &self.0.returned.body {
            Type::Infer(_) => quote_spanned!(span=> move |#parameter| #block),
            ty => quote_spanned!(span=> move |#parameter| -> #ty #block),
        }
    }

    /// The type of the value the outcome is read from.
    pub(super) fn value(&self) -> TokenStream {
        match &self.0.returned.value {
            Value::Of(ty) => ty.to_token_stream(),
            Value::OutputOf(ty) => {
                let at = place(ty);
                let runtime = self.runtime(at);
                quote_spanned!(at=> #runtime::Output<#ty>)
            }
            Value::ItemOf(ty) => {
                let at = place(ty);
                let runtime = self.runtime(at);
                quote_spanned!(at=> #runtime::Item<#ty>)
            }
        }
    }

    /// The output of an inner future has no place to be annotated: a `return` that is never taken tells the type, so that
    /// the user's returns and tail are coerced as before. It stands at the declared type, where errors point.
    pub(super) fn body_edge(&self) -> Option<TokenStream> {
        match &self.0.returned.body {
            Type::Infer(_) => None,
            ty => Some(self.edge_of(place(ty), &ty.to_token_stream())),
        }
    }

    /// The same for the future that is the call, where the function returns one.
    pub(super) fn edge(&self) -> Option<TokenStream> {
        match &self.0.returned.value {
            Value::Of(Type::Infer(_)) => None,
            Value::Of(ty) | Value::OutputOf(ty) | Value::ItemOf(ty) => {
                Some(self.edge_of(place(ty), &self.value()))
            }
        }
    }

    fn edge_of(&self, at: Span, ty: &TokenStream) -> TokenStream {
        let runtime = self.runtime(at);
        let edge = quote_spanned!(at=> return #runtime::edge::<#ty>(););
        quote_spanned!(Span::mixed_site()=> if false { #edge })
    }
}

/// Where errors about an expression point.
pub(super) fn place(expression: &impl Spanned) -> Span {
    expression.span().resolved_at(Span::mixed_site())
}

/// A reference to an expression: a place is borrowed, not moved.
pub(super) fn reference(expression: &Expr) -> TokenStream {
    let at = place(expression);
    let inner = group(Delimiter::Parenthesis, expression.to_token_stream(), at);
    quote_spanned!(at=> &#inner)
}
