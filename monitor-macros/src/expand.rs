//! From a checked function to tokens. Cannot fail.
//!
//! # Spans and lints
//!
//! The user's tokens keep their spans, and the body goes on as the very group it was: the compiler parsed it before, so a
//! syntax error in it is the same error again, and said once. Where `unused_braces` would speak of its braces, parentheses
//! stand around them. The new outer braces stand where the user's are, which keeps lints and `expect`s on the function. The
//! rest has macro hygiene (`mixed_site`): its locals meet none of the user's, and hardly a lint judges it. Of the others,
//! `clippy::implicit_return` wants the `return`s, which a unit goes without: `unused_unit` would not be heard any more.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

use crate::args::MethodName;
use crate::shape::{Shape, Tail, Wrap};
use crate::target::Body;
use crate::validate::Checked;

/// The function, instrumented.
pub(crate) fn expand(checked: &Checked) -> TokenStream {
    let call = Call {
        root: checked.root.as_ref(),
        body: &checked.body,
        value: &checked.returned.value,
        body_type: &checked.returned.body,
    };
    let site = call.site(&checked.method);
    let run = match &checked.shape {
        Shape::Sync => call.sync(),
        Shape::Inline => call.inline(),
        Shape::Async => call.asynchronous(),
        Shape::Never => call.never(),
        Shape::TrackCaller(span) => call.track_caller(*span),
        Shape::Future(Wrap::Opaque) => call.future(&quote!(run_future)),
        Shape::Future(Wrap::Pinned) => call.future(&quote!(run_pinned)),
        Shape::Future(Wrap::Boxed) => call.future(&quote!(run_boxed)),
        Shape::Future(Wrap::Tail(tail)) => call.tail(tail),
    };
    let (head, attrs) = (&checked.head, &checked.body.attrs);
    let body = group(
        Delimiter::Brace,
        quote!(#attrs #site #run),
        checked.body.block.span(),
    );
    quote!(#head #body)
}

/// What the pieces of an expansion are made of.
struct Call<'a> {
    root: Option<&'a Path>,
    body: &'a Body,
    value: &'a Type,
    body_type: &'a Type,
}

impl Call<'_> {
    /// The module all generated paths go through.
    fn runtime(&self, span: Span) -> TokenStream {
        match self.root {
            None => quote_spanned!(span=> ::monitor_core::__private),
            Some(root) => quote_spanned!(span=> #root::__private),
        }
    }

    /// The call site and its registration, which makes the method known before its first call.
    fn site(&self, method: &MethodName) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let method = match method {
            MethodName::Literal(name) => name.to_token_stream(),
            MethodName::Constant(path) => quote_spanned!(span=> #runtime::method_name(#path)),
        };
        quote_spanned! {span=>
            static __MONITOR_SITE: #runtime::CallSite =
                #runtime::CallSite::new(#method, #runtime::file!(), #runtime::line!());
            #runtime::inventory::submit! { #runtime::SiteEntry(&__MONITOR_SITE) }
        }
    }

    fn sync(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, closure, verdict) = (self.runtime(span), self.closure(), self.verdict());
        let give = match self.body_type {
            Type::Tuple(unit) if unit.elems.is_empty() => TokenStream::new(),
            _ => quote_spanned!(span=> return),
        };
        quote_spanned!(span=> #give #runtime::run_sync(&__MONITOR_SITE, #closure, #verdict))
    }

    /// Where the body never gets to its end, neither does the call to `leave`: the `allow` is for that call alone.
    fn inline(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, verdict) = (self.runtime(span), self.verdict());
        let (block, ty) = (&self.body.block, self.body_type);
        quote_spanned! {span=>
            let __monitor_call = #runtime::enter(&__MONITOR_SITE);
            let __monitor_value: #ty = (#block);
            #[allow(unreachable_code)]
            return __monitor_call.leave(__monitor_value, #verdict)
        }
    }

    fn asynchronous(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, future, verdict) = (self.runtime(span), self.inner_future(), self.verdict());
        quote_spanned!(span=> return #runtime::run_async(&__MONITOR_SITE, #future, #verdict).await)
    }

    /// The body as a future. Its output has no place to be annotated: a `return` that is never taken tells the type, so
    /// that the user's returns and tail are coerced as before. It stands at the declared type, where errors point.
    fn inner_future(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (block, ty) = (&self.body.block, self.body_type);
        if let Type::Infer(_) = ty {
            return quote_spanned!(span=> async move #block);
        }
        let at = ty.span().resolved_at(span);
        let runtime = self.runtime(at);
        let edge = quote_spanned!(at=> return #runtime::edge::<#ty>(););
        quote_spanned!(span=> async move { if false { #edge } (#block) })
    }

    fn never(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, block) = (self.runtime(span), &self.body.block);
        quote_spanned! {span=>
            let __monitor_call = #runtime::enter(&__MONITOR_SITE);
            (#block)
        }
    }

    fn track_caller(&self, attribute: Span) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, block) = (self.runtime(span), &self.body.block);
        let check = self.refuse_result(attribute.resolved_at(span));
        quote_spanned! {span=>
            #check
            let __monitor_call = #runtime::enter_returning(&__MONITOR_SITE);
            (#block)
        }
    }

    /// The type may be an alias of a `Result`, which only the compiler can tell.
    fn refuse_result(&self, at: Span) -> TokenStream {
        let (runtime, ty) = (self.runtime(at), self.body_type);
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

    /// The verdict is checked before the future's output is known from the outside, so the output's type is named.
    fn future(&self, run: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, value) = (self.runtime(span), self.value);
        let (closure, verdict) = (self.closure(), self.verdict());
        quote_spanned! {span=>
            return #runtime::#run::<#value, _, _, _>(&__MONITOR_SITE, #closure, #verdict)
        }
    }

    fn tail(&self, tail: &Tail) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, value, verdict) = (self.runtime(span), self.value, self.verdict());
        let (before, future) = (&tail.before, &tail.future);
        let wrapped = quote_spanned! {span=>
            #runtime::run_async::<#value, _, _, _>(&__MONITOR_SITE, #future, #verdict)
        };
        let arguments = group(Delimiter::Parenthesis, wrapped, tail.parentheses);
        quote!(#before #arguments)
    }

    /// The body as a closure of the declared type.
    fn closure(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (block, ty) = (&self.body.block, self.body_type);
        match ty {
            Type::Infer(_) => quote_spanned!(span=> move || #block),
            ty => quote_spanned!(span=> move || -> #ty #block),
        }
    }

    /// Reads the outcome off the value.
    fn verdict(&self) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        quote_spanned! {span=>
            |__monitor_value, _| #runtime::Probe::new(__monitor_value).outcome()
        }
    }
}

fn group(delimiter: Delimiter, tokens: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(span);
    TokenTree::Group(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;

    fn expanded(item: TokenStream) -> String {
        match validate::check(TokenStream::new(), item) {
            Ok(checked) => expand(&checked).to_string(),
            Err(errors) => panic!("{errors:?}"),
        }
    }

    /// One function of each shape: head and body apart.
    fn functions() -> Vec<(TokenStream, TokenStream)> {
        let body = quote! {{ let x = [1, 2]; if x.len() > 2 { return later!(x) } else { other::<'a'>(x)?; } }};
        let tail = quote! {{ let x = 1; Box::pin(async move { x }) }};
        let result = quote!(Result<(), E>);
        vec![
            (quote!(fn f()), body.clone()),
            (
                quote!(#[cold] pub(crate) unsafe fn f<T: Clone>(x: T) -> #result where T: Send),
                body.clone(),
            ),
            (quote!(async fn f(&self) -> #result), body.clone()),
            (quote!(async fn f() -> impl Sized), body.clone()),
            (quote!(fn f() -> !), body.clone()),
            (quote!(#[track_caller] fn f() -> u8), body.clone()),
            (
                quote!(fn f() -> impl Future<Output = #result> + Send),
                body.clone(),
            ),
            (
                quote!(fn f() -> Pin<Box<dyn Future<Output = #result> + 'a>>),
                body.clone(),
            ),
            (
                quote!(fn f() -> Box<dyn Future<Output = #result> + Unpin>),
                body,
            ),
            (quote!(fn f() -> BoxFuture<'a, #result>), tail),
        ]
    }

    #[test]
    fn the_head_comes_first_and_the_body_once() {
        for (head, body) in functions() {
            let text = expanded(quote!(#head #body));
            assert!(text.starts_with(&head.to_string()), "{text}");
            if !text.contains("run_async :: < Result") {
                assert_eq!(text.matches(&body.to_string()).count(), 1, "{text}");
            }
        }
    }

    #[test]
    fn a_boxed_async_tail_is_wrapped_inside_of_its_box() {
        let text = expanded(quote! {
            fn f() -> BoxFuture<'a, u8> { let x = 1; ::std::boxed::Box::pin(async move { x }) }
        });
        assert!(
            text.contains("let x = 1 ; :: std :: boxed :: Box :: pin (:: monitor_core"),
            "{text}"
        );
        assert!(text.contains(", async move { x } ,"), "{text}");
    }

    #[test]
    fn a_body_that_may_return_before_its_boxed_tail_is_boxed_again() {
        let text = expanded(quote! {
            fn f() -> BoxFuture<'a, u8> { if x { return y; } Box::pin(async move { x }) }
        });
        assert!(text.contains("run_pinned"), "{text}");
    }

    #[test]
    fn an_async_fn_without_an_await_needs_no_inner_future() {
        let text = expanded(quote!(
            async fn f() -> u8 {
                if !x { format!("{}", !y) } else { a != b }
            }
        ));
        assert!(text.contains("run_sync"), "{text}");
        let text = expanded(quote!(
            async fn f() -> u8 {
                my::format!("")
            }
        ));
        assert!(text.contains("run_async"), "{text}");
    }
}
