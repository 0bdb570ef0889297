//! What is read off the arguments when a call begins: in a statement of its own, so that temporaries do not live on.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::call::{Call, place, reference};
use crate::args::{Kind, Limit};
use crate::shape::Shape;
use crate::validate::{Entry, ListedLabel};

impl Entry {
    /// Whether nothing is read.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.request_size.is_none() && self.deadline.is_none()
    }
}

impl Call<'_> {
    /// Each argument is read in a statement of its own: what one borrows, a lock say, is free again before the next.
    pub(super) fn entry(&self) -> TokenStream {
        let span = Span::mixed_site();
        let mut entry = self.call_args(&self.site());
        if let Some(limit) = self.counted_limit() {
            entry.extend(quote_spanned!(span=> let __monitor_limit = #limit;));
        }
        entry
    }

    /// The limit, if it is an expression.
    pub(super) fn counted_limit(&self) -> Option<TokenStream> {
        let Some(Limit::Count(count)) = &self.checked.limit else {
            return None;
        };
        let at = place(count);
        let (runtime, reference) = (self.runtime(at), reference(count));
        Some(quote_spanned!(at=> #runtime::limit(#reference)))
    }

    /// What the arguments tell of a call of this site.
    pub(super) fn call_args(&self, site: &TokenStream) -> TokenStream {
        let entry = &self.checked.entry;
        let mut args = TokenStream::new();
        if entry.is_empty() {
            return args;
        }
        let span = Span::mixed_site();
        let first = self.labelled_args(site);
        args.extend(quote_spanned!(span=> let __monitor_start = #first;));
        for (method, value) in [
            ("request_size", &entry.request_size),
            ("deadline", &entry.deadline),
        ] {
            if let Some(value) = value {
                let at = place(value);
                let method = Ident::new(method, at);
                let reference = reference(value);
                let noted = quote_spanned!(at=> __monitor_start.#method(#reference));
                args.extend(quote_spanned!(span=> let __monitor_start = #noted;));
            }
        }
        if self.suspends() {
            // They are larger than a call, and would be kept over the awaits.
            let runtime = self.runtime(span);
            args.extend(quote_spanned! {span=>
                let __monitor_start = #runtime::Start::start(__monitor_start);
            });
        }
        args
    }

    /// The arguments with the labels, in a block: they do not outlive it.
    fn labelled_args(&self, site: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let labels = &self.checked.entry.labels;
        if labels.is_empty() {
            return quote_spanned!(span=> #runtime::CallArgs::new(#site));
        }
        let name = |at: usize| Ident::new(&format!("__monitor_label_{at}"), span);
        let names: Vec<Ident> = (0..labels.len()).map(name).collect();
        let values = labels.iter().map(|listed| self.label(listed));
        quote_spanned! {span=> {
            #(let #names = #values;)*
            #runtime::CallArgs::new(#site).labels([#(::core::convert::Into::into(&#names)),*])
        }}
    }

    fn label(&self, listed: &ListedLabel) -> TokenStream {
        match listed.label.kind {
            Kind::Bounded => self.bounded(listed),
            Kind::Capped(_) => {
                let value = &listed.label.value;
                let at = place(value);
                let (runtime, reference) = (self.runtime(at), reference(value));
                quote_spanned!(at=> #runtime::text(#reference))
            }
        }
    }

    /// Whether the function itself is a future that waits.
    fn suspends(&self) -> bool {
        let here = matches!(
            self.checked.shape,
            Shape::Async | Shape::InPlace(..) | Shape::End | Shape::Diverging(_)
        );
        here && self.checked.asynchronous
    }
}
