//! The attribute from its tokens to the item it gives back.

use proc_macro2::TokenStream;

use crate::args::{Args, Place};
use crate::expand;
use crate::fallback::fallback;
use crate::item::{Block, Item, Target, is_closure};
use crate::validate::{self, Checked, Surroundings};

/// Expands the attribute.
pub(crate) fn monitored(args: TokenStream, item: TokenStream) -> TokenStream {
    match Item::read(item.clone()) {
        Ok(Item::Function(target)) => function(args, target),
        Ok(Item::Block(block)) => impl_block(args, block),
        Err(error) => {
            let mut errors = Vec::new();
            Args::read(args, Place::Other, &mut errors);
            errors.push(error);
            let is_closure = is_closure(item.clone());
            let output = fallback(errors, item);
            // Errors are items: without braces around, they would be the left side of a closure's `||`.
            if is_closure {
                quote::quote!({ #output })
            } else {
                output
            }
        }
    }
}

/// Whether a feature of the crate says that nothing is to be instrumented.
pub(crate) const IS_OFF: bool = cfg!(feature = "off");

/// How a function is written that has no faults: instrumented, unless that is off.
const SOUND: fn(&Checked) -> TokenStream = if IS_OFF {
    expand::uninstrumented
} else {
    expand::expand
};

fn function(args: TokenStream, target: Target) -> TokenStream {
    let mut errors = Vec::new();
    let args = Args::read(args, Place::Function, &mut errors);
    let checked = validate::function(args, target, &Surroundings::default(), &mut errors);
    if errors.is_empty() {
        return SOUND(&checked);
    }
    fallback(errors, expand::refused(&checked))
}

fn impl_block(args: TokenStream, block: Block) -> TokenStream {
    let mut errors = Vec::new();
    let args = Args::read(args, Place::Block, &mut errors);
    let checked = validate::block(args, block, &mut errors);
    if errors.is_empty() {
        return expand::block(&checked, SOUND);
    }
    fallback(errors, expand::block(&checked, expand::refused))
}
