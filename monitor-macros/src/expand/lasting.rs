//! Functions whose call goes on in what they return: futures and streams.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::call::{Call, place};
use super::group;
use crate::shape::{Boxing, Tail};

impl Call<'_> {
    /// The verdict is checked before the future's output is known from the outside, so the output's type is named.
    pub(super) fn future(&self, boxing: Boxing) -> TokenStream {
        if self.0.limit.is_some() {
            return self.limited(boxing);
        }
        let span = Span::mixed_site();
        self.run(&match boxing {
            Boxing::Opaque => quote_spanned!(span=> run_future),
            Boxing::Pinned => quote_spanned!(span=> run_pinned),
            Boxing::Boxed => quote_spanned!(span=> run_boxed),
        })
    }

    pub(super) fn stream(&self, boxing: Boxing) -> TokenStream {
        let span = Span::mixed_site();
        self.run(&match boxing {
            Boxing::Opaque => quote_spanned!(span=> run_stream),
            Boxing::Pinned => quote_spanned!(span=> run_stream_pinned),
            Boxing::Boxed => quote_spanned!(span=> run_stream_boxed),
        })
    }

    fn run(&self, run: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let (start, value) = (self.start(), self.value());
        let (closure, verdict) = (self.closure(), self.verdict());
        // What is returned is found to be of another type there.
        let at = place(&self.0.returned.body);
        let runtime = self.runtime(at);
        let run = quote_spanned!(at=> #runtime::#run::<#value, _, _, _>);
        quote_spanned!(span=> return #run(#start, #closure, #verdict))
    }

    /// A future that waits for a permit first. The body runs at once, as it does without a permit; through a function that
    /// takes `FnOnce`, because a closure called directly counts as `FnMut`.
    fn limited(&self, boxing: Boxing) -> TokenStream {
        let span = Span::mixed_site();
        let closure = self.closure();
        let future = self.awaited(&quote_spanned!(span=> __monitor_future));
        let future = match boxing {
            Boxing::Opaque => future,
            Boxing::Pinned => quote_spanned!(span=> ::std::boxed::Box::pin(#future)),
            Boxing::Boxed => quote_spanned! {span=>
                ::std::boxed::Box::new(::std::boxed::Box::pin(#future))
            },
        };
        quote_spanned! {span=>
            let __monitor_future = ::core::option::Option::unwrap_or_else(
                ::core::option::Option::None,
                #closure,
            );
            return #future
        }
    }

    /// A future that is one call around another future.
    fn awaited(&self, future: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let (enter, ty, verdict) = (self.enter(), self.value(), self.verdict());
        let value = self.with_handles(&quote_spanned!(span=> #future.await));
        quote_spanned! {span=>
            async move {
                #enter
                let __monitor_value: #ty = #value;
                return __monitor_call.leave(__monitor_value, #verdict)
            }
        }
    }

    /// A body that ends in an async block: its statements stay, and the block is wrapped where it is. What is read off the
    /// arguments comes before them; they keep a block of their own then, where lints see them as they were.
    pub(super) fn tail(&self, tail: &Tail) -> TokenStream {
        let span = Span::mixed_site();
        let future = self.typed(&tail.keywords, &tail.block);
        let wrapped = if self.0.call.is_some() || self.0.limit.is_some() {
            self.awaited(&future)
        } else {
            let (runtime, start) = (self.runtime(span), self.start());
            let (value, verdict) = (self.value(), self.verdict());
            quote_spanned! {span=>
                #runtime::run_async::<#value, _, _, _>(#start, #future, #verdict)
            }
        };
        let before = &tail.before;
        let end = tail.parentheses.map_or_else(
            || quote_spanned!(span=> return #wrapped),
            |at| group(Delimiter::Parenthesis, wrapped.clone(), at).into_token_stream(),
        );
        let body = quote!(#before #end);
        if self.entry().is_empty() {
            return body;
        }
        let block = group(Delimiter::Brace, body, self.0.body.block.span());
        quote_spanned!(span=> (#block))
    }

    /// An async block of the user's, with the type of its value said at its top.
    fn typed(&self, keywords: &TokenStream, block: &Group) -> TokenStream {
        let Some(edge) = self.edge() else {
            return quote!(#keywords #block);
        };
        let content = quote_spanned!(Span::mixed_site()=> #edge (#block));
        let block = group(Delimiter::Brace, content, block.span());
        quote!(#keywords #block)
    }
}
