//! From a checked function to tokens. Cannot fail.
//!
//! # Spans
//!
//! What is generated has macro hygiene (`mixed_site`), so its locals meet none of the user's and no lint judges it. The
//! outer braces are the user's own, which keeps lints and `expect`s on the function; the inner ones stand at the same
//! place with macro hygiene, or `unused_braces` would speak of braces nobody wrote. The user's tokens keep their spans.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

use crate::args::MethodName;
use crate::shape::{Shape, Tail, Wrap};
use crate::target::Body;
use crate::validate::Checked;

/// The function, instrumented.
pub(crate) fn expand(checked: &Checked) -> TokenStream {
    let head = &checked.head;
    let runtime = runtime(checked);
    let site = site(checked, &runtime);
    let call = Call {
        runtime: &runtime,
        body: &checked.body,
        value: &checked.returned.value,
        body_type: &checked.returned.body,
    };
    let call = match &checked.shape {
        Shape::Sync => call.sync(),
        Shape::Async => call.asynchronous(),
        Shape::Never => call.never(),
        Shape::TrackCaller(span) => call.track_caller(*span),
        Shape::Future(Wrap::Opaque) => call.future(&quote!(run_future)),
        Shape::Future(Wrap::Pinned) => call.future(&quote!(run_pinned)),
        Shape::Future(Wrap::Boxed) => call.future(&quote!(run_boxed)),
        Shape::Future(Wrap::Tail(tail)) => call.tail(tail),
    };
    let attrs = &checked.body.attrs;
    let body = group(
        Delimiter::Brace,
        quote!(#attrs #site #call),
        checked.body.braces,
    );
    quote!(#head #body)
}

/// The path all generated paths begin with.
fn runtime(checked: &Checked) -> TokenStream {
    let span = Span::mixed_site();
    let default = || quote_spanned!(span=> ::monitor_core);
    let root = checked
        .root
        .as_ref()
        .map_or_else(default, ToTokens::to_token_stream);
    quote_spanned!(span=> #root::__private)
}

/// The call site and its registration, which makes the method known before its first call.
fn site(checked: &Checked, runtime: &TokenStream) -> TokenStream {
    let span = Span::mixed_site();
    let method = match &checked.method {
        MethodName::Literal(name) => name.to_token_stream(),
        MethodName::Constant(path) => quote_spanned!(span=> #runtime::method_name(#path)),
    };
    quote_spanned! {span=>
        static __MONITOR_SITE: #runtime::CallSite =
            #runtime::CallSite::new(#method, #runtime::file!(), #runtime::line!());
        #runtime::inventory::submit! { #runtime::SiteEntry(&__MONITOR_SITE) }
    }
}

/// The parts of the one call into the runtime.
struct Call<'a> {
    runtime: &'a TokenStream,
    body: &'a Body,
    value: &'a Type,
    body_type: &'a Type,
}

impl Call<'_> {
    fn sync(&self) -> TokenStream {
        let (runtime, closure, verdict) = (self.runtime, self.closure(), self.verdict());
        quote_spanned! {Span::mixed_site()=>
            #runtime::run_sync(&__MONITOR_SITE, #closure, #verdict)
        }
    }

    /// The inner future's output has no place to be annotated: a `return` that is never taken tells it, so that the
    /// user's returns and tail are coerced as before.
    fn asynchronous(&self) -> TokenStream {
        let (runtime, verdict, body, ty) =
            (self.runtime, self.verdict(), self.inner(), self.body_type);
        let span = Span::mixed_site();
        let edge = match ty {
            Type::Infer(_) => TokenStream::new(),
            ty => quote_spanned!(span=> if false { return #runtime::edge::<#ty>(); }),
        };
        quote_spanned! {span=>
            #runtime::run_async(&__MONITOR_SITE, async move { #edge #body }, #verdict).await
        }
    }

    fn never(&self) -> TokenStream {
        let (runtime, body) = (self.runtime, self.inner());
        quote_spanned! {Span::mixed_site()=>
            let __monitor_guard = #runtime::enter(&__MONITOR_SITE);
            #body
        }
    }

    fn track_caller(&self, attribute: Span) -> TokenStream {
        let (runtime, body, ty) = (self.runtime, self.inner(), self.body_type);
        let span = Span::mixed_site();
        let check = match ty {
            Type::Infer(_) => TokenStream::new(),
            ty => quote_spanned! {attribute.resolved_at(span)=>
                const {
                    use #runtime::ReturnsValue as _;
                    #runtime::refuse_result(#runtime::Returns::<#ty>::RESULT)
                };
            },
        };
        quote_spanned! {span=>
            #check
            let __monitor_guard = #runtime::enter_returning(&__MONITOR_SITE);
            #body
        }
    }

    /// The verdict is checked before the future's output is known from the outside, so the output's type is named.
    fn future(&self, run: &TokenStream) -> TokenStream {
        let (runtime, value, closure, verdict) =
            (self.runtime, self.value, self.closure(), self.verdict());
        quote_spanned! {Span::mixed_site()=>
            #runtime::#run::<#value, _, _>(&__MONITOR_SITE, #closure, #verdict)
        }
    }

    fn tail(&self, tail: &Tail) -> TokenStream {
        let (runtime, value, verdict) = (self.runtime, self.value, self.verdict());
        let Tail {
            before,
            future,
            parentheses,
        } = tail;
        let wrapped = quote_spanned! {Span::mixed_site()=>
            #runtime::run_async::<#value, _, _>(&__MONITOR_SITE, #future, #verdict)
        };
        let arguments = group(Delimiter::Parenthesis, wrapped, *parentheses);
        quote!(#before #arguments)
    }

    /// The body as a closure of the declared type.
    fn closure(&self) -> TokenStream {
        let (body, ty) = (self.inner(), self.body_type);
        let span = Span::mixed_site();
        match ty {
            Type::Infer(_) => quote_spanned!(span=> move || #body),
            ty => quote_spanned!(span=> move || -> #ty #body),
        }
    }

    /// Reads the outcome off the value.
    fn verdict(&self) -> TokenStream {
        let runtime = self.runtime;
        quote_spanned! {Span::mixed_site()=>
            |__monitor_value| #runtime::Probe::new(__monitor_value).outcome()
        }
    }

    /// The user's statements in braces at the user's place.
    fn inner(&self) -> TokenTree {
        let span = self.body.braces.resolved_at(Span::mixed_site());
        group(Delimiter::Brace, self.body.tokens.clone(), span)
    }
}

fn group(delimiter: Delimiter, tokens: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(span);
    TokenTree::Group(group)
}
