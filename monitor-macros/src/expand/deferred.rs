//! Functions whose call goes on after they return: in a future or a stream.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::call::{Call, last_expression, place};
use crate::shape::{Around, Boxing, Shape, Tail};
use crate::tokens::in_braces;

impl Call<'_> {
    pub(super) fn future(&self, boxing: Boxing, around: Around) -> TokenStream {
        if !self.args.max_concurrency.given() {
            return self.run("run_async", boxing, around);
        }
        // It waits for a permit first. The body runs at once, as it does without a permit.
        let (ty, body) = (self.ty, self.made(around));
        let span = Span::mixed_site();
        let mut future = self.as_call(&mixed!(__monitor_future));
        if boxing == Boxing::Boxed {
            future = self.boxed(Boxing::Pinned, span, future);
        }
        let future = self.boxed(boxing, span, future);
        mixed! {
            let __monitor_future: #ty = #body;
            return #future
        }
    }

    /// The verdict is checked before the future's output is known from the outside, so the output's type is named.
    pub(super) fn run(&self, run: &str, boxing: Boxing, around: Around) -> TokenStream {
        let span = Span::mixed_site();
        let (ty, start, verdict) = (self.ty, self.start(), self.verdict());
        // The body's value is found not to be a future or stream of that there.
        let at = place(ty);
        let (runtime, value, run) = (self.runtime(at), self.value(), Ident::new(run, span));
        let run = quote_spanned!(at=> #runtime::#run::<#value, _, _, _>);
        let body = self.made(around);
        let made = quote_spanned!(at=> __monitor_value);
        let call = self.boxed(boxing, span, mixed!(#run(#start, #made, #verdict)));
        // A borrow that does not live long enough is reported here.
        let (from, _) = last_expression(self.block);
        let returned = quote_spanned!(from=> __monitor_value);
        mixed! {
            let __monitor_value: #ty = #body;
            let __monitor_value = #call;
            return #returned
        }
    }

    /// The future or stream that the body makes. The body runs at once, and is not part of the call.
    fn made(&self, around: Around) -> TokenStream {
        if around == Around::Nothing {
            return self.straight(self.block);
        }
        let closure = self.closure(&TokenStream::new(), Some(self.ty));
        self.runs(Span::mixed_site(), "make", &closure)
    }

    /// In the box that the function returns.
    pub(super) fn boxed(&self, boxing: Boxing, at: Span, call: TokenStream) -> TokenStream {
        let runtime = self.runtime(at);
        match boxing {
            Boxing::Opaque => call,
            Boxing::Pinned => quote_spanned!(at=> #runtime::Box::pin(#call)),
            Boxing::Boxed => quote_spanned!(at=> #runtime::Box::new(#call)),
        }
    }

    /// A future that is one call around another future.
    fn as_call(&self, future: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let (start, ty, verdict) = (self.start_in_place(false), self.value(), self.verdict());
        let future = self.awaited((span, span), future);
        let value = self.with_handles(&mixed!(#future.await));
        mixed! {
            async move {
                #start
                let __monitor_value: #ty = #value;
                return __monitor_call.finish(__monitor_value, #verdict)
            }
        }
    }

    /// A body that ends in an async block: its statements stay, and the block is wrapped where it is. Statements that
    /// read the arguments come before the block's; those then keep a block of their own, so that lints see them
    /// unchanged.
    pub(super) fn tail(&self, tail: &Tail) -> TokenStream {
        let args = &self.args;
        let future = begun(&tail.keywords, &tail.block, self.edge());
        let has_handle = args.call.given() || args.max_concurrency.given();
        let wrapped = if has_handle || self.is_instrumented() {
            self.as_call(&future)
        } else {
            let (runtime, start) = (self.mixed_runtime(), self.start());
            let (value, verdict) = (self.value(), self.verdict());
            mixed!(#runtime::run_async::<#value, _, _, _>(#start, #future, #verdict))
        };
        let give = tail.parentheses.is_none().then(|| mixed!(return));
        let body = tail.with(mixed!(#give #wrapped));
        if !self.reads_arguments() && self.counted_limit().is_none() {
            return body;
        }
        let block = in_braces(body, self.block.span());
        mixed!((#block))
    }

    /// Whether `tracing::instrument` will look for an async block in the expansion: else its span would not be entered
    /// while the future is polled.
    fn is_instrumented(&self) -> bool {
        let mut attrs = self.checked.target.attrs.iter();
        attrs.any(|attr| {
            let name = attr.path().segments.last();
            name.is_some_and(|name| name.ident == "instrument")
        })
    }

    /// A body that is an async block, and that block the call: the block is treated as the body of an `async fn` is. So
    /// the function is one async block as before.
    pub(super) fn block(&self, tail: &Tail, within: &Shape) -> TokenStream {
        let call = Call::of(self.checked, &tail.block, &self.checked.returned.value);
        let block = in_braces(call.run_as(within), tail.block.span());
        let keywords = &tail.keywords;
        quote!(#keywords #block)
    }
}

/// An async block with this statement at its top, such as one that names the type of its value.
pub(crate) fn begun(
    keywords: &TokenStream,
    block: &Group,
    first: Option<TokenStream>,
) -> TokenStream {
    let Some(first) = first else {
        return quote!(#keywords #block);
    };
    let block = in_braces(mixed!(#first (#block)), block.span());
    quote!(#keywords #block)
}
