//! Functions whose call goes on in what they return: futures and streams.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::call::{Call, last_expression, place};
use super::group;
use crate::shape::{Boxing, CallForm, Shape, Tail, Value};

impl Call<'_> {
    /// The verdict is checked before the future's output is known from the outside, so the output's type is named.
    pub(super) fn future(&self, boxing: Boxing, form: CallForm) -> TokenStream {
        if self.checked.limit.is_some() {
            self.limited(boxing, form)
        } else {
            self.run("run_async", boxing, form)
        }
    }

    pub(super) fn stream(&self, boxing: Boxing, form: CallForm) -> TokenStream {
        self.run("run_stream", boxing, form)
    }

    fn run(&self, run: &str, boxing: Boxing, form: CallForm) -> TokenStream {
        let span = Span::mixed_site();
        let (ty, start, verdict) = (self.ty, self.start(), self.verdict());
        // The body's value is found not to be a future or stream of that there.
        let at = place(ty);
        let (runtime, value, run) = (self.runtime(at), self.value(), Ident::new(run, span));
        let run = quote_spanned!(at=> #runtime::#run::<#value, _, _, _>);
        let body = self.made(form);
        let made = quote_spanned!(at=> __monitor_value);
        let call = quote_spanned!(span=> #run(#start, #made, #verdict));
        let call = self.boxed(boxing, span, call);
        // And to borrow what it must not, here.
        let (from, _) = last_expression(self.block);
        let returned = quote_spanned!(from=> __monitor_value);
        quote_spanned! {span=>
            let __monitor_value: #ty = #body;
            let __monitor_value = #call;
            return #returned
        }
    }

    /// What the body gives. It runs at once, and is not part of the call.
    fn made(&self, form: CallForm) -> TokenStream {
        if form == CallForm::Straight {
            return self.straight(self.block);
        }
        let span = Span::mixed_site();
        let (runtime, closure) = (
            self.runtime(span),
            self.closure(&TokenStream::new(), Some(self.ty)),
        );
        quote_spanned!(span=> #runtime::make(#closure))
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

    /// A future that waits for a permit first. The body runs at once, as it does without a permit.
    fn limited(&self, boxing: Boxing, form: CallForm) -> TokenStream {
        let span = Span::mixed_site();
        let (ty, body) = (self.ty, self.made(form));
        let mut future = self.as_call(&quote_spanned!(span=> __monitor_future));
        if boxing == Boxing::Boxed {
            future = self.boxed(Boxing::Pinned, span, future);
        }
        let future = self.boxed(boxing, span, future);
        quote_spanned! {span=>
            let __monitor_future: #ty = #body;
            return #future
        }
    }

    /// A future that is one call around another future.
    fn as_call(&self, future: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let (enter, ty, verdict) = (self.start_in_place(), self.value(), self.verdict());
        let future = self.awaited((span, span), future);
        let value = self.with_handles(&quote_spanned!(span=> #future.await));
        quote_spanned! {span=>
            async move {
                #enter
                let __monitor_value: #ty = #value;
                return __monitor_call.finish(__monitor_value, #verdict)
            }
        }
    }

    /// A body that ends in an async block: its statements stay, and the block is wrapped where it is. What is read off
    /// the arguments comes before them; they keep a block of their own then, where lints see them as they were.
    pub(super) fn tail(&self, tail: &Tail) -> TokenStream {
        let span = Span::mixed_site();
        let future = typed(&tail.keywords, &tail.block, self.edge());
        let wrapped = if self.checked.call.is_some() || self.checked.limit.is_some() {
            self.as_call(&future)
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
        let block = group(Delimiter::Brace, body, self.block.span());
        quote_spanned!(span=> (#block))
    }

    /// A body that is an async block, and that block the call: the block is treated as the body of an `async fn` is. So
    /// the function is one async block as before.
    pub(super) fn block(&self, tail: &Tail, within: &Shape) -> TokenStream {
        let Value::Of(ty) = &self.checked.returned.value else {
            return self.tail(tail);
        };
        let call = Call {
            checked: self.checked,
            block: &tail.block,
            ty,
        };
        let content = call.run_as(within);
        let block = group(Delimiter::Brace, content, tail.block.span());
        let keywords = &tail.keywords;
        quote!(#keywords #block)
    }
}

/// An async block, with the type of its value said at its top.
pub(super) fn typed(
    keywords: &TokenStream,
    block: &Group,
    edge: Option<TokenStream>,
) -> TokenStream {
    let Some(edge) = edge else {
        return quote!(#keywords #block);
    };
    let content = quote_spanned!(Span::mixed_site()=> #edge (#block));
    let block = group(Delimiter::Brace, content, block.span());
    quote!(#keywords #block)
}
