//! The function as it was, for when it is not instrumented: the arguments are at fault, or instrumentation is off.

use proc_macro2::{Delimiter, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::call::{Call, place};
use super::group;
use crate::args::{Buckets, ErrorType, MethodName};
use crate::shape::{Shape, Tail};
use crate::validate::Checked;

/// The function as written, where its attribute is at fault: nothing but that fault is to be said. So the arguments
/// that the attribute mentions count as used, and the name that `call` gives has a meaning.
pub(crate) fn refused(checked: &Checked) -> TokenStream {
    let mentioned = &checked.mentioned;
    let used = if mentioned.is_empty() {
        TokenStream::new()
    } else {
        quote_spanned!(Span::mixed_site()=> let _ = (#(&#mentioned,)*);)
    };
    Call::new(checked).written(&used)
}

/// The function as written, where instrumentation is off: the expressions of its attribute are type-checked, in a
/// branch that is never taken.
pub(crate) fn uninstrumented(checked: &Checked) -> TokenStream {
    let call = Call::new(checked);
    let (constants, checks) = (call.constants(), call.checks());
    let checks = if checks.is_empty() {
        constants
    } else {
        quote_spanned!(Span::mixed_site()=> #constants if false { #checks })
    };
    call.written(&checks)
}

impl Call<'_> {
    fn written(&self, used: &TokenStream) -> TokenStream {
        let (head, body) = (&self.checked.head, &self.checked.body);
        if used.is_empty() && self.checked.call.is_none() {
            let body = body.written();
            return quote!(#head #body);
        }
        let (attrs, block, no_call) = (&body.attrs, &body.block, self.no_call());
        let tokens = if let (Shape::Tail(tail) | Shape::Block(tail, _), Some(no_call)) =
            (&self.checked.shape, &no_call)
        {
            let tail = tail_with(tail, no_call);
            quote!(#attrs #used #tail)
        } else {
            quote!(#attrs #used #no_call (#block))
        };
        let body = group(Delimiter::Brace, tokens, block.span());
        quote!(#head #body)
    }

    /// The name that `call` gives stands for no call. What outlives the function could not borrow that; there `call` is
    /// refused, so nothing runs.
    fn no_call(&self) -> Option<TokenStream> {
        let span = Span::mixed_site();
        let (runtime, name) = (self.runtime(span), self.checked.call.as_ref()?);
        Some(match self.checked.shape {
            Shape::Future(..) | Shape::Stream(..) => {
                quote_spanned!(span=> let #name: &'static mut #runtime::CallGuard = #runtime::edge();)
            }
            _ => quote_spanned!(span=> let #name = &mut #runtime::no_call();),
        })
    }

    /// The attribute's constants, checked as in the static that is not there.
    fn constants(&self) -> TokenStream {
        let mut constants = TokenStream::new();
        if let MethodName::Constant(name) = &self.checked.site.method {
            let at = place(name);
            let runtime = self.runtime(at);
            constants.extend(quote_spanned! {at=>
                const _: &'static ::core::primitive::str = #runtime::method_name(#name);
            });
        }
        if let Some(Buckets::Constant(path)) = &self.checked.site.buckets {
            let at = place(path);
            let runtime = self.runtime(at);
            constants.extend(quote_spanned! {at=>
                const _: &'static [::core::primitive::f64] = #runtime::bounds(&#path);
            });
        }
        constants
    }

    /// The attribute's expressions, put to the use they would have in a call.
    fn checks(&self) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let mut checks = self.call_args(&quote_spanned!(span=> #runtime::edge()));
        if !checks.is_empty() {
            checks.extend(quote_spanned!(span=> let _ = __monitor_start;));
        }
        let limit = self.counted_limit();
        checks.extend(limit.map(|limit| quote_spanned!(span=> let _ = #limit;)));
        if let Some(value) = self.never_made() {
            checks.extend(self.exit_checks(&value));
        }
        checks
    }

    /// Those of the value.
    fn exit_checks(&self, value: &TokenStream) -> TokenStream {
        let exit = &self.checked.exit;
        let mut checks = TokenStream::new();
        if let Some(judge) = &exit.judge {
            let (at, predicate) = (place(judge.predicate()), judge.predicate());
            let runtime = self.runtime(at);
            checks.extend(quote_spanned!(at=> let _ = #runtime::holds(&#value, #predicate);));
        }
        if let Some(size) = &exit.response_size {
            let (at, span) = (place(size), Span::mixed_site());
            let runtime = self.runtime(at);
            checks.extend(quote_spanned! {span=>
                let (__monitor_value, __monitor_call) = (&#value, &mut #runtime::no_call());
            });
            let noted = self.response_size(size);
            checks.extend(quote_spanned!(span=> #noted;));
        }
        if let Some(ErrorType::Function(path)) = &exit.error_type {
            let at = place(path);
            let runtime = self.runtime(at);
            checks.extend(quote_spanned!(at=> let _ = #runtime::error_type(&#value, #path);));
        }
        checks
    }

    /// A value of the type that is judged, if that has a name.
    fn never_made(&self) -> Option<TokenStream> {
        self.edge()?;
        let span = Span::mixed_site();
        let (runtime, ty) = (self.runtime(span), self.value());
        Some(quote_spanned!(span=> #runtime::edge::<#ty>()))
    }
}

/// A body with an async block at its end, in which this statement comes first.
fn tail_with(tail: &Tail, first: &TokenStream) -> TokenStream {
    let (before, keywords, block) = (&tail.before, &tail.keywords, &tail.block);
    let inner = quote_spanned!(Span::mixed_site()=> #first (#block));
    let inner = group(Delimiter::Brace, inner, block.span());
    let future = quote!(#keywords #inner);
    let future = match tail.parentheses {
        Some(at) => group(Delimiter::Parenthesis, future, at).into_token_stream(),
        None => future,
    };
    quote!(#before #future)
}
