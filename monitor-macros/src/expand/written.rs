//! The function as it was, for when it is not instrumented: the arguments are at fault, or instrumentation is off.

use proc_macro2::{Delimiter, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::call::Call;
use super::group;
use crate::shape::Shape;
use crate::validate::Checked;

/// The function as written. The name that `call` gives to the call has a meaning there too: it stands for no call.
pub(crate) fn as_written(checked: &Checked) -> TokenStream {
    let head = &checked.head;
    let body = match &checked.call {
        None => checked.body.written().into(),
        Some(name) => Call(checked).without_a_call(name),
    };
    quote!(#head #body)
}

impl Call<'_> {
    fn without_a_call(&self, name: &Ident) -> proc_macro2::TokenTree {
        let span = Span::mixed_site();
        let (runtime, body) = (self.runtime(span), &self.0.body);
        let (attrs, block) = (&body.attrs, &body.block);
        let no_call = quote_spanned!(span=> let #name = &mut #runtime::no_call(););
        let tokens = if let Shape::Tail(tail) = &self.0.shape {
            let (before, future) = (&tail.before, &tail.future);
            let future = quote_spanned!(span=> async move { #no_call #future.await });
            let arguments = group(Delimiter::Parenthesis, future, tail.parentheses);
            quote!(#attrs #before #arguments)
        } else {
            quote!(#attrs #no_call (#block))
        };
        group(Delimiter::Brace, tokens, block.span())
    }
}
