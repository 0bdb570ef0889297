//! The `#[monitored]` attribute of `monitor-core`; see there.

use proc_macro::TokenStream;

/// Instruments a function.
#[proc_macro_attribute]
pub fn monitored(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
