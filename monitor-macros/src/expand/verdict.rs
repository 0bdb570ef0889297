//! The closure that reads the outcome off the value.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use super::call::{Call, place};
use crate::args::ErrorType;
use crate::shape::{Borrow, Value};
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
            let probe = self.probe(&runtime);
            quote_spanned!(span=> #probe.outcome())
        };
        match &self.checked.exit.judge {
            Some(Judge::OkIf(predicate)) => {
                let holds = self.holds(predicate);
                outcome.extend(quote_spanned!(span=> .ok_if(#holds)));
            }
            Some(Judge::ErrorIf(predicate)) => {
                let holds = self.holds(predicate);
                outcome.extend(quote_spanned!(span=> .ok_if(!#holds)));
            }
            None => {}
        }
        if let Some(ErrorType::Name(name)) = &self.checked.exit.error_type {
            outcome.extend(quote_spanned!(span=> .named(#name)));
        }
        outcome
    }

    /// Looks at the value, as one with an error that may borrow or not.
    fn probe(&self, runtime: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        match &self.checked.returned.borrow {
            Borrow::Never => quote_spanned!(span=> #runtime::Probe::new(__monitor_value)),
            Borrow::Maybe => quote_spanned!(span=> #runtime::Probe::borrowing(__monitor_value)),
            Borrow::AsIn(ty) => {
                let ty = match &self.checked.returned.value {
                    Value::Of(_) => ty.to_token_stream(),
                    // At the type, as where the value's is named: the compiler says of both the same, and so once.
                    Value::OutputOf(_) => {
                        let (at, runtime) = (place(ty), self.runtime(place(ty)));
                        quote_spanned!(at=> #runtime::Output<#ty>)
                    }
                    Value::ItemOf(_) => {
                        let (at, runtime) = (place(ty), self.runtime(place(ty)));
                        quote_spanned!(at=> #runtime::Item<#ty>)
                    }
                };
                let ty = quote_spanned!(span=> fn(&()) -> #ty);
                // Where it is an argument of a path, a type that is not there would be reported in other words than in
                // the signature, so twice.
                quote_spanned!(span=> #runtime::ReturnType::of(|_: #ty| {}).probe(__monitor_value))
            }
        }
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
            #runtime::response_size(__monitor_call, #runtime::Probe::new(__monitor_value).get(), #size)
        }
    }
}
