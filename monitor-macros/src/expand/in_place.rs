//! Functions whose body stays where it is, or is awaited there.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Type;

use super::call::Call;
use crate::args::Limit;
use crate::shape::{Boxing, Ending, Inner};

impl Call<'_> {
    /// An `async fn` whose future is the body's.
    pub(super) fn asynchronous(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let (future, verdict) = (self.inner_future(), self.verdict());
        quote_spanned!(span=> return #runtime::run_async(#start, #future, #verdict).await)
    }

    /// An `async fn` between the two ends of its call. Where the body never gets to its end, neither does the call to
    /// `leave`: the `allow` is for that call alone.
    pub(super) fn in_place(&self, inner: Inner, ending: Ending) -> TokenStream {
        let span = Span::mixed_site();
        let ty = &self.0.returned.body;
        let value = match inner {
            Inner::Block => {
                let block = &self.0.body.block;
                quote_spanned!(span=> (#block))
            }
            Inner::Future => {
                let future = self.inner_future();
                quote_spanned!(span=> #future.await)
            }
        };
        let (enter, value, leave) = (self.enter(), self.with_handles(&value), self.leave(ending));
        quote_spanned! {span=>
            #enter
            let __monitor_value: #ty = #value;
            #[allow(unreachable_code)]
            return #leave
        }
    }

    /// Begins the call.
    pub(super) fn enter(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let handed_out = self.0.call.is_some() || self.0.limit.is_some();
        let mutable = handed_out.then(|| quote_spanned!(span=> mut));
        quote_spanned!(span=> let #mutable __monitor_call = #runtime::enter(#start);)
    }

    /// The permit, then the name the body has for its call.
    fn handles(&self) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let mut handles = TokenStream::new();
        if let Some(limit) = &self.0.limit {
            let limit = match limit {
                Limit::Workers => quote_spanned!(span=> #runtime::workers()),
                Limit::Count(_) => quote_spanned!(span=> __monitor_limit),
            };
            handles.extend(quote_spanned! {span=>
                let __monitor_permit = __monitor_call.permit(#limit).await;
            });
        }
        if let Some(name) = &self.0.call {
            handles.extend(quote_spanned!(span=> let #name = __monitor_call.guard();));
        }
        handles
    }

    /// The value with what the body needs beside it, which does not outlive the body.
    pub(super) fn with_handles(&self, value: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let handles = self.handles();
        if handles.is_empty() {
            value.clone()
        } else {
            quote_spanned!(span=> { #handles #value })
        }
    }

    fn leave(&self, ending: Ending) -> TokenStream {
        let span = Span::mixed_site();
        let verdict = self.verdict();
        let leave = match ending {
            Ending::Value => {
                return quote_spanned!(span=> __monitor_call.leave(__monitor_value, #verdict));
            }
            Ending::Stream(Boxing::Opaque) => quote_spanned!(span=> leave_stream),
            Ending::Stream(Boxing::Pinned) => quote_spanned!(span=> leave_stream_pinned),
            Ending::Stream(Boxing::Boxed) => quote_spanned!(span=> leave_stream_boxed),
        };
        let item = self.value();
        quote_spanned!(span=> __monitor_call.#leave::<#item, _, _>(__monitor_value, #verdict))
    }

    /// The body as a future.
    fn inner_future(&self) -> TokenStream {
        let span = Span::mixed_site();
        let block = &self.0.body.block;
        match self.body_edge() {
            None => quote_spanned!(span=> async move #block),
            Some(edge) => quote_spanned!(span=> async move { #edge (#block) }),
        }
    }

    /// A function that never returns.
    pub(super) fn never(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (enter, handles, block) = (self.enter(), self.handles(), &self.0.body.block);
        quote_spanned!(span=> #enter #handles (#block))
    }

    /// A function whose body cannot move into a closure.
    pub(super) fn track_caller(&self, attribute: Span) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let (check, block) = (
            self.refuse_result(attribute.resolved_at(span)),
            &self.0.body.block,
        );
        quote_spanned! {span=>
            #check
            let __monitor_call = #runtime::enter_returning(#start);
            (#block)
        }
    }

    /// The type may be an alias of a `Result`, which only the compiler can tell.
    fn refuse_result(&self, at: Span) -> TokenStream {
        let (runtime, ty) = (self.runtime(at), &self.0.returned.body);
        if let Type::Infer(_) = ty {
            return TokenStream::new();
        }
        quote_spanned! {at=>
            const {
                use #runtime::ReturnsValue as _;
                #runtime::refuse_result(#runtime::Returns::<#ty>::RESULT)
            };
        }
    }
}
