//! Functions whose body stays where it is, or is awaited there.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{PatIdent, Type};

use super::call::{Call, last_expression};
use super::group;
use super::lasting::typed;
use crate::args::{Limit, words};
use crate::shape::{CallForm, Ending, Inner, has_a_stray_break, may_suspend, rewritten};

/// Where a body that has its call notes that it is suspended: a name in our tokens.
const SUSPENSION: &str = "__monitor_suspension";

impl Call<'_> {
    /// An `async fn` whose future is the body's.
    pub(super) fn asynchronous(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let (future, verdict) = (self.inner_future(), self.verdict());
        // Where nothing is read off the arguments, the future takes them before anything may panic.
        let again = (!self.checked.entry.is_empty()).then(|| self.bind_again());
        quote_spanned!(span=> #again return #runtime::run_async(#start, #future, #verdict).await)
    }

    /// The body between the two ends of its call.
    pub(super) fn in_place(&self, inner: Inner, ending: Ending) -> TokenStream {
        let span = Span::mixed_site();
        let (ty, give) = (self.ty, self.give());
        let value = match inner {
            Inner::Block => self.straight(&self.hooked()),
            Inner::Future => self.inner_await(),
        };
        let (enter, again, finish) = (
            self.start_in_place(),
            self.bind_again(),
            self.finish(ending),
        );
        let value = self.with_handles(&value);
        quote_spanned! {span=>
            #enter
            #again
            let __monitor_value: #ty = #value;
            #give #finish
        }
    }

    /// The body as an expression of the declared type. Where it never gets to its end, neither does what comes after
    /// it, and the compiler would say so of our words: so there is a way past it, which is never taken. That is the
    /// second arm of a match whose first takes everything. Behind an `if false`, the compiler would believe in it, and
    /// not see any more that a body calls itself whatever happens.
    ///
    /// The match needs a label, and of a `break` outside of any loop the compiler says something else in a labelled
    /// block: such a body, which is an error anyway, goes without. And it needs the parentheses: attribute macros above
    /// this one that parse with `syn` 2 take the `::` after a label for a colon.
    pub(super) fn straight(&self, block: &Group) -> TokenStream {
        let (span, ty) = (Span::mixed_site(), self.ty);
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

    /// Begins the call. Without a `finish`, in a function that never returns, its drop reports a panic or a
    /// cancellation.
    pub(super) fn start_in_place(&self) -> TokenStream {
        self.start_as(&quote_spanned!(Span::mixed_site()=> false))
    }

    /// Begins a call that is a success when it is dropped.
    fn start_returning(&self) -> TokenStream {
        self.start_as(&quote_spanned!(Span::mixed_site()=> true))
    }

    fn start_as(&self, returns: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, start) = (self.runtime(span), self.start());
        let handed_out = self.checked.call.is_some() || self.checked.limit.is_some();
        let mutable = handed_out.then(|| quote_spanned!(span=> mut));
        quote_spanned! {span=>
            let #mutable __monitor_call = #runtime::InPlaceCall::<#returns>::start(#start);
        }
    }

    /// The arguments that the body takes apart, moved as a whole. Of the `mut` of one, the compiler would say that it
    /// is not needed, so it is used on a way that is never taken; of the second `mut` it says what it says without us.
    fn bind_again(&self) -> TokenStream {
        let span = Span::mixed_site();
        if self.checked.bound_again.is_empty() {
            return TokenStream::new();
        }
        // Whatever may panic comes before.
        let handle = self.checked.call.is_some().then(|| {
            quote_spanned! {span=>
                let __monitor_suspension = __monitor_call.suspension();
                let __monitor_handle = __monitor_call.guard();
            }
        });
        let bind = |name: &PatIdent| {
            let (ident, mutability) = (&name.ident, &name.mutability);
            let used = mutability.map(|_| {
                quote_spanned! {span=>
                    match () {
                        () => {}
                        _ => { let _ = &mut #ident; }
                    }
                }
            });
            quote_spanned!(span=> #used let #mutability #ident = #ident;)
        };
        let again: TokenStream = self.checked.bound_again.iter().map(bind).collect();
        quote_spanned!(span=> #handle #again)
    }

    /// The permit, then the name this value has for its call.
    fn handles(&self, value: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let mut handles = TokenStream::new();
        if let Some(limit) = &self.checked.limit {
            let limit = match limit {
                Limit::Workers => quote_spanned!(span=> ::core::option::Option::None),
                Limit::Count(_) => quote_spanned!(span=> __monitor_limit),
            };
            handles.extend(quote_spanned! {span=>
                let __monitor_permit = __monitor_call.permit(#limit).await;
            });
        }
        if let Some(name) = &self.checked.call {
            if !self.checked.bound_again.is_empty() {
                return quote_spanned!(span=> let #name = __monitor_handle;);
            }
            if words(value.clone()).contains(SUSPENSION) {
                handles.extend(quote_spanned! {span=>
                    let __monitor_suspension = __monitor_call.suspension();
                });
            }
            handles.extend(quote_spanned!(span=> let #name = __monitor_call.guard();));
        }
        handles
    }

    /// The value with what the body needs beside it, which does not outlive the body.
    pub(super) fn with_handles(&self, value: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let handles = self.handles(value);
        if handles.is_empty() {
            value.clone()
        } else {
            quote_spanned!(span=> { #handles #value })
        }
    }

    /// Ends the call. It stands where the last expression of the body does: there point the errors about a value that
    /// borrows what it must not.
    fn finish(&self, ending: Ending) -> TokenStream {
        let (from, to) = last_expression(self.block);
        let verdict = self.verdict();
        let given = quote_spanned!(from=> __monitor_value, #verdict);
        let given = group(Delimiter::Parenthesis, given, to);
        match ending {
            Ending::Value => quote_spanned!(from=> __monitor_call.finish #given),
            Ending::Stream(boxing) => {
                let item = self.value();
                let stream =
                    quote_spanned!(from=> __monitor_call.into_stream::<#item, _, _> #given);
                self.boxed(boxing, from, stream)
            }
        }
    }

    /// The body as a future.
    fn inner_future(&self) -> TokenStream {
        let keywords = quote_spanned!(self.begin()=> async move);
        typed(&keywords, self.block, self.body_edge())
    }

    fn inner_await(&self) -> TokenStream {
        let span = Span::mixed_site();
        let future = self.awaited((span, span), &self.inner_future());
        quote_spanned!(span=> #future.await)
    }

    /// The body, in which each await notes that the call is suspended there.
    fn hooked(&self) -> Group {
        let body = self.block.stream();
        match rewritten(body.clone(), &|expression| self.hooked_await(expression)) {
            Some(hooked) if may_suspend(body) => {
                let mut block = Group::new(Delimiter::Brace, hooked);
                block.set_span(self.block.span());
                block
            }
            // Without an await it stays the very group it was.
            _ => self.block.clone(),
        }
    }

    /// What is awaited instead. It stands where the user's expression does and has the user's hygiene, for lints that
    /// look at expressions with an await in them.
    fn hooked_await(&self, expression: &[TokenTree]) -> TokenStream {
        let hygiene = Span::mixed_site();
        let from = expression.first().map_or(hygiene, TokenTree::span);
        let to = expression.last().map_or(hygiene, TokenTree::span);
        self.awaited((from, to), &as_an_argument(expression))
    }

    /// A future that notes whether the call is suspended. The body may have the call itself meanwhile.
    pub(super) fn awaited(&self, (from, to): (Span, Span), future: &TokenStream) -> TokenStream {
        let (runtime, at) = (self.runtime(from), from.resolved_at(Span::mixed_site()));
        let suspension = if self.checked.call.is_some() {
            Ident::new(SUSPENSION, at).into_token_stream()
        } else {
            quote_spanned!(at=> __monitor_call.suspension())
        };
        let given = quote_spanned!(at=> #suspension, #future);
        let given = group(Delimiter::Parenthesis, given, to);
        quote_spanned!(from=> #runtime::awaited #given)
    }

    /// A function that never returns.
    pub(super) fn diverging(&self, inner: Inner) -> TokenStream {
        let span = Span::mixed_site();
        let (enter, again) = (self.start_in_place(), self.bind_again());
        let body = match inner {
            Inner::Block => {
                let block = self.hooked();
                quote_spanned!(span=> (#block))
            }
            Inner::Future => self.inner_await(),
        };
        let handles = self.handles(&body);
        quote_spanned!(span=> #enter #again #handles #body)
    }

    /// A function whose body cannot move into a closure.
    pub(super) fn track_caller(&self, attribute: Span, form: CallForm) -> TokenStream {
        let span = Span::mixed_site();
        let (check, block) = (self.refuse_result(attribute.resolved_at(span)), self.block);
        if form == CallForm::Straight {
            let body = self.in_place(Inner::Block, Ending::Value);
            return quote_spanned!(span=> #check #body);
        }
        let enter = self.start_returning();
        quote_spanned!(span=> #check #enter (#block))
    }

    /// A function whose body has to be its end.
    pub(super) fn at_the_end(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (enter, block) = (self.start_returning(), self.hooked());
        let body = quote_spanned!(span=> (#block));
        let (again, handles) = (self.bind_again(), self.handles(&body));
        quote_spanned!(span=> #enter #again #handles #body)
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

/// An expression as the argument of a call: its parentheses have our hygiene, for `unused_parens` finds none needed
/// there.
fn as_an_argument(expression: &[TokenTree]) -> TokenStream {
    match expression {
        [TokenTree::Group(only)] if only.delimiter() == Delimiter::Parenthesis => {
            let at = only.span().resolved_at(Span::mixed_site());
            group(Delimiter::Parenthesis, only.stream(), at).into_token_stream()
        }
        _ => expression.iter().cloned().collect(),
    }
}
