//! The closure that reads the outcome off the value.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::call::{Call, place};
use crate::parse::ErrorType;
use crate::shape::Borrow;

impl Call<'_> {
    /// Reads the outcome off the value.
    pub(super) fn verdict(&self) -> TokenStream {
        let args = &self.checked.args;
        let size = args.response_size.value();
        let asked = self.predicate().map(|(predicate, _)| predicate).or(size);
        // What the expressions borrow is borrowed there.
        let span = asked.map_or_else(Span::mixed_site, place);
        // What lasts longer than the function cannot borrow the arguments that an expression names.
        let lasts = asked.is_some() && self.checked.shape.outlives_the_function();
        let own = lasts.then(|| mixed!(move));
        let outcome = self.outcome();
        let Some(size) = size else {
            return quote_spanned!(span=> #own |__monitor_value, _| #outcome);
        };
        let size = self.response_size(size);
        quote_spanned! {span=>
            #own |__monitor_value, __monitor_call| {
                #size;
                #outcome
            }
        }
    }

    /// The predicate of the value, and what stands before it where it holds for failures.
    pub(crate) fn predicate(&self) -> Option<(&Expr, Option<TokenStream>)> {
        let args = &self.checked.args;
        let failure = args.error_if.value().map(|holds| (holds, Some(mixed!(!))));
        args.ok_if.value().map(|holds| (holds, None)).or(failure)
    }

    fn outcome(&self) -> TokenStream {
        let error_type = self.checked.args.error_type.value();
        let mut outcome = if let Some(ErrorType::Function(path)) = error_type {
            self.ask("error_type", None, path)
        } else {
            let probe = self.probe();
            mixed!(#probe.outcome())
        };
        if let Some((predicate, not)) = self.predicate() {
            let holds = self.ask("holds", None, predicate);
            outcome.extend(mixed!(.ok_if(#not #holds)));
        }
        if let Some(ErrorType::Name(name)) = error_type {
            outcome.extend(mixed!(.named(#name)));
        }
        outcome
    }

    /// Puts something of the attribute to a value: to the one that is judged, unless there is another.
    pub(crate) fn ask(
        &self,
        function: &str,
        value: Option<&TokenStream>,
        question: &(impl ToTokens + Spanned),
    ) -> TokenStream {
        let at = place(question);
        let value = value.map_or_else(
            || quote_spanned!(at=> __monitor_value),
            |value| quote_spanned!(at=> &#value),
        );
        self.runs(at, function, &quote_spanned!(at=> #value, #question))
    }

    /// Looks at the value, as one with an error that may borrow or not.
    fn probe(&self) -> TokenStream {
        let runtime = self.runtime(Span::mixed_site());
        match &self.checked.returned.borrow {
            Borrow::Never => mixed!(#runtime::Probe::new(__monitor_value)),
            Borrow::Maybe => mixed!(#runtime::Probe::borrowing(__monitor_value)),
            Borrow::AsIn(ty) => {
                let ty = self.given_by(ty);
                // Where it is an argument of a path, a type that is not there would be reported in other words than in
                // the signature, so twice.
                mixed!(#runtime::ReturnType::of(|_: fn(&()) -> #ty| {}).probe(__monitor_value))
            }
        }
    }

    /// Notes the size of `__monitor_value` with `__monitor_call`.
    pub(crate) fn response_size(&self, size: &Expr) -> TokenStream {
        let at = place(size);
        let runtime = self.runtime(at);
        let value = quote_spanned!(at=> #runtime::Probe::new(__monitor_value).get());
        self.runs(
            at,
            "response_size",
            &quote_spanned!(at=> __monitor_call, #value, #size),
        )
    }
}
