//! The pieces all expansions are made of.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Type};

use super::group;
use crate::args::words;
use crate::shape::{Value, ends_in_a_statement, is_unit, may_be_result};
use crate::validate::Checked;

/// One function, while it is expanded.
pub(super) struct Call<'a> {
    pub(super) checked: &'a Checked,
    /// What runs as the call.
    pub(super) block: &'a Group,
    /// The type of its value.
    pub(super) ty: &'a Type,
}

impl<'a> Call<'a> {
    /// The body as the call.
    pub(super) fn new(checked: &'a Checked) -> Self {
        Self {
            checked,
            block: &checked.body.block,
            ty: &checked.returned.body,
        }
    }
}

impl Call<'_> {
    /// The module all generated paths go through.
    pub(super) fn runtime(&self, span: Span) -> TokenStream {
        match &self.checked.root {
            None => quote_spanned!(span=> ::monitor_core::__private),
            Some(root) => quote_spanned!(span=> #root::__private),
        }
    }

    /// What the runtime starts the call from. It stands in each expansion once: the static is in it.
    pub(super) fn start(&self) -> TokenStream {
        let span = Span::mixed_site();
        if self.checked.entry.is_empty() {
            self.site()
        } else {
            quote_spanned!(span=> __monitor_start)
        }
    }

    pub(super) fn sync(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        // Errors about the type point at the closure's, if it says one. If that is a `Result` with a large error,
        // clippy would speak of the closure too (`result_large_err`).
        let says_it = !may_be_result(self.ty) || ends_in_a_statement(&self.block.stream());
        let parameter = self.checked.call.as_ref().map_or_else(
            || quote_spanned!(span=> _),
            |name| quote_spanned!(span=> #name: &mut #runtime::CallGuard),
        );
        let ty = self.ty;
        let closure = self.closure(&parameter, says_it.then_some(ty));
        let (verdict, give) = (self.verdict(), self.give());
        quote_spanned!(span=> #give #runtime::run_sync::<#ty, _>(#start, #closure, #verdict))
    }

    /// Before the value.
    pub(super) fn give(&self) -> Option<TokenStream> {
        let unit = is_unit(self.ty) && !self.checked.asynchronous;
        (!unit).then(|| quote_spanned!(Span::mixed_site()=> return))
    }

    /// The body as a closure, which says its type if nothing else does.
    pub(super) fn closure(&self, parameter: &TokenStream, ty: Option<&Type>) -> TokenStream {
        let (span, block) = (Span::mixed_site(), self.block);
        let ty = ty.filter(|ty| !matches!(ty, Type::Infer(_)));
        let ty = ty.map(|ty| quote_spanned!(span=> -> #ty));
        let head = quote_spanned!(self.begin()=> move |#parameter|);
        quote!(#head #ty #block)
    }

    /// Where a closure or future of the body begins. If there is a `return` in it, it is the user's, so that
    /// `needless_return` looks into it; else not, so that its last line counts as covered once, not twice.
    pub(super) fn begin(&self) -> Span {
        if words(self.block.stream()).contains("return") {
            self.block.span_open()
        } else {
            Span::mixed_site()
        }
    }

    /// The type of the value the outcome is read from.
    pub(super) fn value(&self) -> TokenStream {
        match &self.checked.returned.value {
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

    /// The output of an inner future has no place to be annotated: a `return` that is never taken tells the type, so
    /// that the user's returns and tail are coerced as before. It stands at the declared type, where errors point.
    pub(super) fn body_edge(&self) -> Option<TokenStream> {
        match self.ty {
            // One that never returns has no edge, and no type to name.
            Type::Infer(_) | Type::Never(_) => None,
            ty => Some(self.edge_of(place(ty), &ty.to_token_stream())),
        }
    }

    /// The same for the future that is the call, where the function returns one.
    pub(super) fn edge(&self) -> Option<TokenStream> {
        match &self.checked.returned.value {
            Value::Of(Type::Infer(_)) => None,
            Value::Of(ty) | Value::OutputOf(ty) | Value::ItemOf(ty) => {
                Some(self.edge_of(place(ty), &self.value()))
            }
        }
    }

    fn edge_of(&self, at: Span, ty: &TokenStream) -> TokenStream {
        let runtime = self.runtime(at);
        // In a path, a type that is not there would be reported in other words than in the signature, so twice.
        let edge =
            quote_spanned!(at=> let __monitor_edge: #ty = #runtime::edge(); return __monitor_edge;);
        quote_spanned!(Span::mixed_site()=> if false { #edge })
    }
}

/// Where errors about what a body gives point: the beginning and the end of its last expression.
pub(super) fn last_expression(body: &Group) -> (Span, Span) {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(end) if end.as_char() == ';');
    let last = tokens.rsplit(is_end).next().unwrap_or_default();
    let (from, to) = match last {
        [] => (body.span_close(), body.span_close()),
        [only] => (only.span(), only.span()),
        [first, .., last] => (first.span(), last.span()),
    };
    let hygiene = Span::mixed_site();
    (from.resolved_at(hygiene), to.resolved_at(hygiene))
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
