//! What is read off the arguments when a call begins: in a statement of its own, so that temporaries do not live on.

use proc_macro2::{Span, TokenStream};
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
    pub(super) fn entry(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, plan) = (self.runtime(span), self.plan());
        let mut entry = TokenStream::new();
        if let Some(plan) = plan {
            let site = self.site();
            entry.extend(quote_spanned! {span=>
                let __monitor_start = #runtime::plan(#site) #plan;
            });
        }
        if let Some(Limit::Count(count)) = &self.checked.limit {
            let at = place(count);
            let (runtime, reference) = (self.runtime(at), reference(count));
            let limit = quote_spanned!(at=> #runtime::limit(#reference));
            entry.extend(quote_spanned!(span=> let __monitor_limit = #limit;));
        }
        entry
    }

    fn plan(&self) -> Option<TokenStream> {
        let entry = &self.checked.entry;
        if entry.is_empty() {
            return None;
        }
        let span = Span::mixed_site();
        let mut plan = TokenStream::new();
        if !entry.labels.is_empty() {
            let labels = entry.labels.iter().map(|listed| self.label(listed));
            plan.extend(quote_spanned! {span=>
                .labels([#(::core::convert::Into::into(#labels)),*])
            });
        }
        for (method, value) in [
            ("request_size", &entry.request_size),
            ("deadline", &entry.deadline),
        ] {
            if let Some(value) = value {
                let at = place(value);
                let method = proc_macro2::Ident::new(method, at);
                let reference = reference(value);
                plan.extend(quote_spanned!(at=> .#method(#reference)));
            }
        }
        if self.suspends() {
            // A plan is larger than a call, and would be kept over the awaits.
            plan.extend(quote_spanned!(span=> .start()));
        }
        Some(plan)
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
            Shape::Async | Shape::InPlace(..) | Shape::Never
        );
        here && self.checked.asynchronous
    }
}
