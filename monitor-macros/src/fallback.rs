//! A function as it was: where the arguments of its attribute are at fault, or instrumentation is off.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::{Call, begun, mixed};
use crate::parse::{Buckets, Faults, Name};
use crate::shape::Shape;
use crate::validate::Checked;

/// The errors, and the item as it is without the attribute: its callers still find it, so one mistake gives one
/// message.
pub(crate) fn fallback(errors: Faults, item: TokenStream) -> TokenStream {
    let errors = errors.into_iter().map(syn::Error::into_compile_error);
    errors.chain([item]).collect()
}

/// The function as written, where its attribute is at fault: nothing but that fault is to be said. So the arguments
/// that the attribute mentions count as used, and the name that `call` gives has a meaning.
pub(crate) fn refused(checked: &Checked) -> TokenStream {
    let mentioned = &checked.mentioned;
    let used = (!mentioned.is_empty()).then(|| mixed!(let _ = (#(&#mentioned,)*);));
    Call::new(checked).written(&used.unwrap_or_default())
}

/// The function as written, where instrumentation is off: the expressions of its attribute are type-checked, in a
/// branch that is never taken.
pub(crate) fn uninstrumented(checked: &Checked) -> TokenStream {
    let call = Call::new(checked);
    let (constants, checks) = (call.constants(), call.checks());
    let checks = (!checks.is_empty()).then(|| mixed!(if false { #checks }));
    call.written(&mixed!(#constants #checks))
}

impl Call<'_> {
    /// The function with these statements at its top.
    fn written(&self, used: &TokenStream) -> TokenStream {
        let (target, no_call) = (&self.checked.target, self.no_call());
        if used.is_empty() && no_call.is_none() {
            return target.written();
        }
        let block = &target.block;
        target.with(match (&self.checked.shape, no_call) {
            (Shape::Tail(tail) | Shape::Block(tail, _), Some(no_call)) => {
                let tail = tail.with(begun(&tail.keywords, &tail.block, Some(no_call)));
                quote!(#used #tail)
            }
            (_, no_call) => quote!(#used #no_call (#block)),
        })
    }

    /// The name that `call` gives stands for no call. A future or stream that outlives the function could not borrow
    /// it; `call` is refused there, so this code never runs.
    fn no_call(&self) -> Option<TokenStream> {
        let (runtime, name) = (self.mixed_runtime(), self.args.call.value()?);
        Some(match self.checked.shape {
            Shape::Future(..) | Shape::Stream(..) => {
                mixed!(let #name: &'static mut #runtime::CallGuard = #runtime::edge();)
            }
            _ => mixed!(let #name = &mut #runtime::no_call();),
        })
    }

    /// The attribute's constants, checked as in the static that is not there.
    fn constants(&self) -> TokenStream {
        let name = matches!(self.checked.method, Name::Path(_)).then(|| self.method());
        let buckets = self.args.buckets.value();
        let constant = buckets.filter(|buckets| matches!(buckets, Buckets::Constant(_)));
        let bounds = constant.map(|buckets| self.bounds(buckets));
        let name = name.map(|name| mixed!(const _: &'static ::core::primitive::str = #name;));
        let bounds =
            bounds.map(|bounds| mixed!(const _: &'static [::core::primitive::f64] = #bounds;));
        mixed!(#name #bounds)
    }

    /// The attribute's expressions, put to the use they would have in a call.
    fn checks(&self) -> TokenStream {
        let runtime = self.mixed_runtime();
        let args = self.call_args(|| mixed!(#runtime::edge()));
        let args = (!args.is_empty()).then(|| mixed!(#args let _ = __monitor_start;));
        let limit = self.counted_limit();
        let limit = limit.map(|limit| mixed!(let _ = #limit;));
        // Without a name for the value's type, nothing can be checked.
        let given = &self.args;
        let named = matches!(given.error_type.value(), Some(Name::Literal(_)));
        let asks = given.about_the_value().len() > usize::from(named);
        let judged = self.edge().filter(|_| asks).map(|_| {
            let (ty, verdict) = (self.value(), self.judge(None));
            mixed!(#runtime::judged::<#ty, _>(#verdict);)
        });
        mixed!(#args #limit #judged)
    }
}
