//! Functions whose body stays where it is, or is awaited there.

use proc_macro2::{Delimiter, Span, TokenStream};
use quote::quote_spanned;
use syn::Type;

use super::call::{Call, last_expression};
use super::group;
use super::lasting::typed;
use crate::args::Limit;
use crate::shape::{Boxing, Ending, Inner, has_a_stray_break};

impl Call<'_> {
    /// An `async fn` whose future is the body's.
    pub(super) fn asynchronous(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let (future, verdict) = (self.inner_future(), self.verdict());
        quote_spanned!(span=> return #runtime::run_async(#start, #future, #verdict).await)
    }

    /// The body between the two ends of its call.
    pub(super) fn in_place(&self, inner: Inner, ending: Ending) -> TokenStream {
        let span = Span::mixed_site();
        let (ty, give) = (self.ty, self.give());
        let value = match inner {
            Inner::Block => self.straight(),
            Inner::Future => {
                let future = self.inner_future();
                quote_spanned!(span=> #future.await)
            }
        };
        let (enter, value, leave) = (self.enter(), self.with_handles(&value), self.leave(ending));
        quote_spanned! {span=>
            #enter
            let __monitor_value: #ty = #value;
            #give #leave
        }
    }

    /// The body as an expression of the declared type. Where it never gets to its end, neither does what comes after it,
    /// and the compiler would say so of our words: so there is a way past it, which is never taken. That is the second arm
    /// of a match whose first takes everything. Behind an `if false`, the compiler would believe in it, and not see any
    /// more that a body calls itself whatever happens.
    ///
    /// The match needs a label, and of a `break` outside of any loop the compiler says something else in a labelled block:
    /// such a body, which is an error anyway, goes without. And it needs the parentheses: attribute macros above this one that
    /// parse with `syn` 2 take the `::` after a label for a colon.
    pub(super) fn straight(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (ty, block) = (self.ty, self.block);
        if matches!(ty, Type::Infer(_)) || has_a_stray_break(block.stream()) {
            return quote_spanned!(span=> (#block));
        }
        let runtime = self.runtime(span);
        quote_spanned! {span=>
            '__monitor_body: {
                match () {
                    () => {}
                    _ => break '__monitor_body (#runtime::edge()),
                }
                (#block)
            }
        }
    }

    /// Begins the call.
    pub(super) fn enter(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let handed_out = self.checked.call.is_some() || self.checked.limit.is_some();
        let mutable = handed_out.then(|| quote_spanned!(span=> mut));
        quote_spanned!(span=> let #mutable __monitor_call = #runtime::enter(#start);)
    }

    /// The permit, then the name the body has for its call.
    fn handles(&self) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let mut handles = TokenStream::new();
        if let Some(limit) = &self.checked.limit {
            let limit = match limit {
                Limit::Workers => quote_spanned!(span=> #runtime::workers()),
                Limit::Count(_) => quote_spanned!(span=> __monitor_limit),
            };
            handles.extend(quote_spanned! {span=>
                let __monitor_permit = __monitor_call.permit(#limit).await;
            });
        }
        if let Some(name) = &self.checked.call {
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

    /// Ends the call. It stands where the last expression of the body does: there point the errors about a value that
    /// borrows what it must not.
    fn leave(&self, ending: Ending) -> TokenStream {
        let (from, to) = last_expression(self.block);
        let verdict = self.verdict();
        let leave = match ending {
            Ending::Value => quote_spanned!(from=> leave),
            Ending::Stream(boxing) => {
                let leave = match boxing {
                    Boxing::Opaque => quote_spanned!(from=> leave_stream),
                    Boxing::Pinned => quote_spanned!(from=> leave_stream_pinned),
                    Boxing::Boxed => quote_spanned!(from=> leave_stream_boxed),
                };
                let item = self.value();
                quote_spanned!(from=> #leave::<#item, _, _>)
            }
        };
        let given = quote_spanned!(from=> __monitor_value, #verdict);
        let given = group(Delimiter::Parenthesis, given, to);
        quote_spanned!(from=> __monitor_call.#leave #given)
    }

    /// The body as a future.
    fn inner_future(&self) -> TokenStream {
        let keywords = quote_spanned!(self.begin()=> async move);
        typed(&keywords, self.block, self.body_edge())
    }

    /// A function that never returns.
    pub(super) fn never(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (enter, handles, block) = (self.enter(), self.handles(), self.block);
        quote_spanned!(span=> #enter #handles (#block))
    }

    /// A function whose body cannot move into a closure.
    pub(super) fn track_caller(&self, attribute: Span) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let (check, block) = (self.refuse_result(attribute.resolved_at(span)), self.block);
        quote_spanned! {span=>
            #check
            let __monitor_call = #runtime::enter_returning(#start);
            (#block)
        }
    }

    /// A function whose body has to be its end.
    pub(super) fn at_the_end(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let mutable = (self.checked.call.as_ref()).map(|_| quote_spanned!(span=> mut));
        let (handles, block) = (self.handles(), self.block);
        quote_spanned! {span=>
            let #mutable __monitor_call = #runtime::enter_returning(#start);
            #handles
            (#block)
        }
    }

    /// The type may be an alias of a `Result`, which only the compiler can tell.
    fn refuse_result(&self, at: Span) -> TokenStream {
        let (runtime, ty) = (self.runtime(at), self.ty);
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
