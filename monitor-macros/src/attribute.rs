//! The attribute from its tokens to the item it gives back.

use proc_macro2::TokenStream;

use crate::args::{Args, Place};
use crate::expand;
use crate::fallback::fallback;
use crate::target::{Block, Item, Target};
use crate::validate;

/// Whether functions are instrumented at all, or only their arguments checked.
const OFF: bool = cfg!(feature = "off");

/// Expands the attribute.
pub(crate) fn monitored(args: TokenStream, item: TokenStream) -> TokenStream {
    match Item::read(item.clone()) {
        Ok(Item::Function(target)) => function(args, target),
        Ok(Item::Block(block)) => impl_block(args, block),
        Err(error) => {
            let mut errors = Vec::new();
            Args::read(args, Place::Other, &mut errors);
            errors.push(error);
            fallback(errors, item)
        }
    }
}

fn function(args: TokenStream, target: Target) -> TokenStream {
    let mut errors = Vec::new();
    let args = Args::read(args, Place::Function, &mut errors);
    let checked = validate::function(
        args,
        target,
        &validate::Surroundings::default(),
        &mut errors,
    );
    if errors.is_empty() && !OFF {
        return expand::expand(&checked);
    }
    fallback(errors, expand::as_written(&checked))
}

fn impl_block(args: TokenStream, block: Block) -> TokenStream {
    let mut errors = Vec::new();
    let args = Args::read(args, Place::Block, &mut errors);
    let checked = validate::block(args, block, &mut errors);
    if errors.is_empty() && !OFF {
        return expand::block(&checked, expand::expand);
    }
    fallback(errors, expand::block(&checked, expand::as_written))
}
