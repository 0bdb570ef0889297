//! The closure that reads the outcome off the value.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use super::call::{Call, place};
use crate::args::ErrorType;
use crate::shape::Value;
use crate::validate::Judge;

impl Call<'_> {
    /// Reads the outcome off the value.
    pub(super) fn verdict(&self) -> TokenStream {
        let exit = &self.checked.exit;
        let judge = exit.judge.as_ref().map(|judge| place(judge.predicate()));
        let size = exit.response_size.as_ref().map(place);
        // What the expressions borrow is borrowed there.
        let span = judge.or(size).unwrap_or_else(Span::mixed_site);
        let outcome = self.outcome();
        let own = self.owns_its_captures();
        match &self.checked.exit.response_size {
            None => quote_spanned!(span=> #own |__monitor_value, _| #outcome),
            Some(size) => {
                let size = self.response_size(size);
                quote_spanned! {span=>
                    #own |__monitor_value, __monitor_call| {
                        #size;
                        #outcome
                    }
                }
            }
        }
    }

    /// What lasts longer than the function cannot borrow the arguments that an expression names.
    fn owns_its_captures(&self) -> Option<TokenStream> {
        let exit = &self.checked.exit;
        let captures = exit.judge.is_some() || exit.response_size.is_some();
        (captures && self.checked.shape.outlives_the_function())
            .then(|| quote_spanned!(Span::mixed_site()=> move))
    }

    fn outcome(&self) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let mut outcome = if let Some(ErrorType::Function(path)) = &self.checked.exit.error_type {
            let at = place(path);
            let runtime = self.runtime(at);
            quote_spanned!(at=> #runtime::error_type(__monitor_value, #path))
        } else {
            let outcome = if self.may_borrow() {
                quote_spanned!(span=> outcome_borrowed)
            } else {
                quote_spanned!(span=> outcome)
            };
            quote_spanned!(span=> #runtime::Probe::new(__monitor_value).#outcome())
        };
        match &self.checked.exit.judge {
            Some(Judge::OkIf(predicate)) => {
                let holds = self.holds(predicate);
                outcome.extend(quote_spanned!(span=> .ok_if(#holds)));
            }
            Some(Judge::ErrorIf(predicate)) => {
                let holds = self.holds(predicate);
                outcome.extend(quote_spanned!(span=> .error_if(#holds)));
            }
            None => {}
        }
        if let Some(ErrorType::Name(name)) = &self.checked.exit.error_type {
            outcome.extend(quote_spanned!(span=> .named(#name)));
        }
        outcome
    }

    /// Whether an error in the value may be a trait object that borrows: its type names a lifetime, that of a reference aside.
    fn may_borrow(&self) -> bool {
        let (Value::Of(ty) | Value::OutputOf(ty) | Value::ItemOf(ty)) =
            &self.checked.returned.value;
        names_a_lifetime(ty.to_token_stream())
    }

    fn holds(&self, predicate: &Expr) -> TokenStream {
        let at = place(predicate);
        let (runtime, predicate) = (self.runtime(at), predicate.to_token_stream());
        quote_spanned!(at=> #runtime::holds(__monitor_value, #predicate))
    }

    /// Notes the size of `__monitor_value` with `__monitor_call`.
    pub(super) fn response_size(&self, size: &Expr) -> TokenStream {
        let at = place(size);
        let (runtime, size) = (self.runtime(at), size.to_token_stream());
        quote_spanned! {at=>
            #runtime::response_size(__monitor_call, #runtime::Answer::new(__monitor_value).get(), #size)
        }
    }
}

/// Whether a lifetime stands in a type other than `'static` and those of references.
fn names_a_lifetime(ty: TokenStream) -> bool {
    let mut before = None;
    let mut tokens = ty.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Group(group) if names_a_lifetime(group.stream()) => return true,
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                let is_static =
                    matches!(tokens.peek(), Some(TokenTree::Ident(name)) if name == "static");
                if !is_static && before != Some('&') {
                    return true;
                }
            }
            _ => {}
        }
        before = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
    }
    false
}
