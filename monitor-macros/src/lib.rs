//! The `#[monitored]` attribute of `monitor-core`; see there.

mod args;
mod expand;
mod fallback;
mod nearest;
mod shape;
mod target;
mod validate;

use proc_macro::TokenStream;

/// Instruments a function.
#[proc_macro_attribute]
pub fn monitored(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match validate::check(args.into(), item.clone()) {
        Ok(checked) => expand::expand(&checked),
        Err(errors) => fallback::fallback(errors, item),
    }
    .into()
}
