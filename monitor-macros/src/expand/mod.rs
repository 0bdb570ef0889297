//! From checked input to tokens. Cannot fail.
//!
//! # Spans and lints
//!
//! The compiler and clippy report the same for a function with the attribute as without, at the same place. So:
//!
//! - The user's tokens keep their spans, and the body goes on as the very group it was: the compiler parsed it before,
//!   so a syntax error in it is the same error again, and reported once. Where `unused_braces` would report its braces,
//!   parentheses stand around them.
//! - The new outer braces stand where the user's are, which keeps lints and `expect`s on the function.
//! - The rest has macro hygiene (`mixed_site`): its locals meet none of the user's, and hardly a lint judges it.
//!   `unreachable_code` does, so there is a way past a body that never ends; nothing is `allow`ed, for an `allow` is an
//!   error where the crate `forbid`s.
//! - The body stays in place where it can: a closure around it takes the arguments, and lints that follow an argument's
//!   use would see nothing else. Closures and futures around a body with a `return` have the user's hygiene: in others,
//!   `needless_return` does not look. A closure has a declared type only where that cannot be a `Result`
//!   (`result_large_err` is about closures too).
//! - The static stands inside of the call, not before it: clippy takes a body that begins with an item for an empty one
//!   (`inline_always`).
//! - Types are named with `'_` for lifetimes: a lifetime that is named in the body is needed (`needless_lifetimes`).
//!   And not in paths, where that can be: a type that is not there would be reported twice.
//! - A body that is one async block stays one (`manual_async_fn`).
//! - `clippy::implicit_return` requires the `return`s. A unit goes without: `unused_unit` would no longer be reported.
//!
//! The code around an argument's expression (`&(..)`) has the expression's span: errors about its type point there. The
//! end of the call stands where the last expression of the body does: errors about borrows point there.

/// Tokens with macro hygiene.
macro_rules! mixed {
    ($($tokens:tt)*) => {
        quote::quote_spanned!(proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

mod call;
mod deferred;
mod in_place;
mod site;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::shape::{Around, Shape};
use crate::tokens::in_braces;
use crate::validate::{Checked, CheckedBlock, Part};

pub(crate) use call::Call;
pub(crate) use deferred::begun;
pub(crate) use mixed;

/// The function, instrumented.
pub(crate) fn expand(checked: &Checked) -> TokenStream {
    let call = Call::new(checked);
    let (entry, run) = (call.entry(), call.run_as(&checked.shape));
    checked.target.with(quote!(#entry #run))
}

impl Call<'_> {
    fn run_as(&self, shape: &Shape) -> TokenStream {
        match shape {
            Shape::Sync => self.sync(),
            Shape::Async => self.asynchronous(),
            Shape::InPlace(around, stream) => self.in_place(*around, *stream),
            Shape::Diverging(around) => self.to_the_end(false, *around),
            Shape::TrackCaller(span, around) => self.track_caller(*span, *around),
            Shape::End => self.to_the_end(true, Around::Nothing),
            Shape::Future(boxing, around) => self.future(*boxing, *around),
            Shape::Tail(tail) => self.tail(tail),
            Shape::Block(tail, within) => self.block(tail, within),
            Shape::Stream(boxing, around) => self.run("run_stream", *boxing, *around),
        }
    }
}

/// The `impl` block, with each method put in as `method` makes it.
pub(crate) fn block(checked: &CheckedBlock, method: fn(&Checked) -> TokenStream) -> TokenStream {
    let parts = checked.parts.iter().map(|part| match part {
        Part::Other(tokens) => tokens.clone(),
        Part::Method(checked) => method(checked),
    });
    let (head, attrs) = (&checked.block.head, &checked.block.attrs);
    let body = in_braces(quote!(#attrs #(#parts)*), checked.block.braces);
    quote!(#head #body)
}

/// A name with a span on which no lint is reported, such as that of a deprecated variant.
pub(crate) fn unlinted(name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(name.span().resolved_at(Span::mixed_site()));
    name
}
