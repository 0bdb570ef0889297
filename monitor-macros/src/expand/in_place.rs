//! Functions whose body stays where it is, or is awaited there.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{LitBool, PatIdent, Type};

use super::call::{Call, last_expression};
use super::deferred::begun;
use crate::parse::words;
use crate::shape::{Around, Boxing, STRAY_BREAK, SUSPENDS, UNCLEAR, may, scan};
use crate::tokens::{delimited, in_braces, in_parentheses};

/// Where a body that has its call notes that it is suspended: a name in our tokens.
const SUSPENSION: &str = "__monitor_suspension";

impl Call<'_> {
    /// An `async fn` whose future is the body's.
    pub(super) fn asynchronous(&self) -> TokenStream {
        let (runtime, start) = (self.mixed_runtime(), self.start());
        let (future, verdict) = (self.inner_future(), self.verdict());
        if self.reads_arguments() {
            let again = self.bind_again();
            return mixed!(#again return #runtime::run_begun(#start, #future, #verdict).await);
        }
        // The future takes the arguments before anything may panic.
        mixed!(return #runtime::run_body(|| #start, #future, #verdict).await)
    }

    /// The body between the two ends of its call.
    pub(super) fn in_place(&self, around: Around, stream: Option<Boxing>) -> TokenStream {
        let (ty, give) = (self.ty, self.give());
        let value = if around == Around::Future {
            self.inner_await()
        } else {
            self.straight(&self.hooked())
        };
        let (start, again) = (self.start_in_place(false), self.bind_again());
        let (finish, value) = (self.finish(stream), self.with_handles(&value));
        mixed! {
            #start
            #again
            let __monitor_value: #ty = #value;
            #give #finish
        }
    }

    /// The body as an expression of the declared type. If the body never ends, the code behind it is unreachable, and
    /// the compiler would report that for generated code: so there is a branch around the body, which is never taken.
    /// That is the second arm of a match whose first takes everything. An `if false` would count as a real branch: the
    /// compiler would no longer see unconditional recursion.
    ///
    /// The match needs a label, and for a `break` outside of any loop the message differs in a labelled block: such a
    /// body, which is an error anyway, goes without. And it needs the parentheses: attribute macros above this one that
    /// parse with `syn` 2 take the `::` after a label for a colon.
    pub(super) fn straight(&self, block: &Group) -> TokenStream {
        if matches!(self.ty, Type::Infer(_)) || may(block.stream(), STRAY_BREAK) {
            return mixed!((#block));
        }
        let runtime = self.mixed_runtime();
        mixed! {
            '__monitor_body: {
                match () {
                    () => {}
                    _ => break '__monitor_body (#runtime::edge()),
                }
                (#block)
            }
        }
    }

    /// Begins the call. Without a `finish`, its drop reports a panic or a cancellation, or a success if it `returns`.
    pub(super) fn start_in_place(&self, returns: bool) -> TokenStream {
        let (runtime, start) = (self.mixed_runtime(), self.start());
        let args = &self.args;
        let handed_out = args.call.given() || args.max_concurrency.given();
        let mutable = handed_out.then(|| mixed!(mut));
        let returns = LitBool::new(returns, Span::mixed_site());
        mixed!(let #mutable __monitor_call = #runtime::InPlaceCall::<#returns>::start(#start);)
    }

    /// The arguments that the body takes apart, moved as a whole. The compiler would report the `mut` of one as not
    /// needed, so it is used in a branch that is never taken; for the second `mut` the compiler reports the same as
    /// without the attribute.
    fn bind_again(&self) -> TokenStream {
        let names = &self.checked.bound_again;
        // Calls that may panic come first.
        let handle = (self.args.call.given() && !names.is_empty()).then(|| {
            mixed! {
                let __monitor_suspension = __monitor_call.lent_suspension();
                let __monitor_handle = __monitor_call.guard();
            }
        });
        let bind = |name: &PatIdent| {
            let (ident, mutability) = (&name.ident, &name.mutability);
            let used = mutability.map(|_| {
                mixed! {
                    match () {
                        () => {}
                        _ => { let _ = &mut #ident; }
                    }
                }
            });
            mixed!(#used let #mutability #ident = #ident;)
        };
        let again = names.iter().map(bind);
        mixed!(#handle #(#again)*)
    }

    /// The permit, then the name this value has for its call.
    fn handles(&self, value: &TokenStream) -> TokenStream {
        let args = &self.args;
        let permit = args.max_concurrency.value().map(|limit| {
            let workers = || mixed!(::core::option::Option::None);
            let limit = (limit.as_ref()).map_or_else(workers, |_| mixed!(__monitor_limit));
            mixed!(let __monitor_permit = __monitor_call.permit(#limit).await;)
        });
        let Some(name) = args.call.value() else {
            return permit.unwrap_or_default();
        };
        if !self.checked.bound_again.is_empty() {
            return mixed!(#permit let #name = __monitor_handle;);
        }
        let suspends = words(value.clone()).contains(SUSPENSION);
        let suspension =
            suspends.then(|| mixed!(let __monitor_suspension = __monitor_call.lent_suspension();));
        mixed!(#permit #suspension let #name = __monitor_call.guard();)
    }

    /// The value in a block with the bindings that the body needs, which do not outlive the body.
    pub(super) fn with_handles(&self, value: &TokenStream) -> TokenStream {
        let handles = self.handles(value);
        if handles.is_empty() {
            return value.clone();
        }
        mixed!({ #handles #value })
    }

    /// Ends the call. It stands where the last expression of the body does: errors about a borrow that does not live
    /// long enough point there.
    fn finish(&self, stream: Option<Boxing>) -> TokenStream {
        let (from, to) = last_expression(self.block);
        let Some(boxing) = stream else {
            let (finish, given) = self.finish_with(from);
            let given = in_parentheses(given, to);
            return quote_spanned!(from=> __monitor_call.#finish #given);
        };
        let (item, verdict) = (self.value(), self.verdict());
        let given = in_parentheses(quote_spanned!(from=> __monitor_value, #verdict), to);
        let stream = quote_spanned!(from=> __monitor_call.into_stream::<#item, _, _> #given);
        self.boxed(boxing, from, stream)
    }

    /// The body as a future.
    fn inner_future(&self) -> TokenStream {
        let keywords = quote_spanned!(self.begin()=> async move);
        begun(&keywords, self.block, self.body_edge())
    }

    fn inner_await(&self) -> TokenStream {
        let span = Span::mixed_site();
        let future = self.awaited((span, span), &self.inner_future());
        mixed!(#future.await)
    }

    /// The body, in which each await notes that the call is suspended there. The new expression has the span and the
    /// hygiene of the user's, for lints that look at expressions with an await in them.
    fn hooked(&self) -> Group {
        let hook = |expression: &[TokenTree]| {
            let hygiene = Span::mixed_site();
            let ends = [expression.first(), expression.last()];
            let [from, to] = ends.map(|token| token.map_or(hygiene, TokenTree::span));
            self.awaited((from, to), &as_an_argument(expression))
        };
        let (facts, hooked) = scan(self.block.stream(), Some(&hook));
        // Without an await it stays the very group it was.
        if facts & (SUSPENDS | UNCLEAR) != SUSPENDS {
            return self.block.clone();
        }
        in_braces(hooked, self.block.span())
    }

    /// A future that notes whether the call is suspended. The body may have the call itself meanwhile.
    pub(super) fn awaited(&self, (from, to): (Span, Span), future: &TokenStream) -> TokenStream {
        let (runtime, at) = (self.runtime(from), from.resolved_at(Span::mixed_site()));
        let suspension = if self.args.call.given() {
            Ident::new(SUSPENSION, at).into_token_stream()
        } else {
            quote_spanned!(at=> __monitor_call.suspension())
        };
        let given = in_parentheses(quote_spanned!(at=> #future, #suspension), to);
        quote_spanned!(from=> #runtime::awaited #given)
    }

    /// A body behind which nothing ends the call: the function never returns, or its body has to be its end.
    pub(super) fn to_the_end(&self, returns: bool, around: Around) -> TokenStream {
        let body = if around == Around::Future {
            self.inner_await()
        } else {
            let block = self.hooked();
            mixed!((#block))
        };
        let (start, again) = (self.start_in_place(returns), self.bind_again());
        let handles = self.handles(&body);
        mixed!(#start #again #handles #body)
    }

    /// A function whose body cannot move into a closure. Its type may be an alias of a `Result`, which only the
    /// compiler knows.
    pub(super) fn track_caller(&self, attribute: Span, around: Around) -> TokenStream {
        let (ty, block) = (self.ty, self.block);
        let at = attribute.resolved_at(Span::mixed_site());
        let runtime = self.runtime(at);
        let check = (!matches!(ty, Type::Infer(_))).then(|| {
            quote_spanned! {at=>
                const {
                    use #runtime::ReturnsValue as _;
                    #runtime::refuse_result(#runtime::Returns::<#ty>::RESULT)
                };
            }
        });
        let body = if around == Around::Nothing {
            self.in_place(around, None)
        } else {
            let start = self.start_in_place(true);
            mixed!(#start (#block))
        };
        mixed!(#check #body)
    }
}

/// An expression as the argument of a call: its parentheses have our hygiene, for `unused_parens` finds none needed
/// there.
fn as_an_argument(expression: &[TokenTree]) -> TokenStream {
    if let [only] = expression
        && let Some(only) = delimited(only, Delimiter::Parenthesis)
    {
        let at = only.span().resolved_at(Span::mixed_site());
        return in_parentheses(only.stream(), at).into_token_stream();
    }
    expression.iter().cloned().collect()
}
