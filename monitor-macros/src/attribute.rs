//! The attribute from its tokens to the item it gives back.

use proc_macro2::TokenStream;

use crate::expand;
use crate::fallback::{self, fallback};
use crate::item::{Item, is_closure};
use crate::parse::{Args, ON_ANYTHING, ON_BLOCK, ON_FUNCTION};
use crate::validate::{self, Checked, Surroundings};

/// Whether the feature that turns instrumentation off is on.
pub(crate) const IS_OFF: bool = cfg!(feature = "off");

/// Whether the value in an `Ok` may be a response of HTTP: see the features. Not in unit tests, which compare
/// expansions, as a build of the whole workspace has all features.
pub(crate) const READS_RESPONSES: bool = cfg!(all(feature = "http", not(test)));

/// Whether it may be a response of gRPC with a stream.
pub(crate) const FOLLOWS_STREAMS: bool = cfg!(all(feature = "tonic", not(test)));

/// Expands the attribute.
pub(crate) fn monitored(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Vec::new();
    let output = match Item::read(item.clone()) {
        Ok(Item::Function(target)) => {
            let args = Args::read(args, ON_FUNCTION, &mut errors);
            let checked = validate::function(args, target, &Surroundings::default(), &mut errors);
            writer(&errors)(&checked)
        }
        Ok(Item::Block(block)) => {
            let args = Args::read(args, ON_BLOCK, &mut errors);
            let checked = validate::block(args, block, &mut errors);
            expand::block(&checked, writer(&errors))
        }
        Err(error) => {
            Args::read(args, ON_ANYTHING, &mut errors);
            errors.push(error);
            item.clone()
        }
    };
    let output = fallback(errors, output);
    // Errors are items: without braces around, they would be the left side of a closure's `||`.
    if is_closure(item) {
        return quote::quote!({ #output });
    }
    output
}

/// How functions are written: instrumented, unless that is off or an attribute is at fault.
fn writer(errors: &[syn::Error]) -> fn(&Checked) -> TokenStream {
    if !errors.is_empty() {
        fallback::refused
    } else if IS_OFF {
        fallback::uninstrumented
    } else {
        expand::expand
    }
}
