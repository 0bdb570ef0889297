//! What is left of an item whose attribute is at fault: the errors, and the item as it was.

use proc_macro2::TokenStream;

/// The errors, and the item untouched: what calls it still finds it, and one mistake gives one message.
pub(crate) fn fallback(errors: Vec<syn::Error>, item: TokenStream) -> TokenStream {
    let mut output: TokenStream = errors
        .into_iter()
        .map(syn::Error::into_compile_error)
        .collect();
    output.extend(item);
    output
}
