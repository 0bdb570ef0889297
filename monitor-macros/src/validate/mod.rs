//! Every "not allowed" rule that needs more than one argument's own tokens. All faults are collected, so one attempt shows
//! them all.

mod block;
mod function;

use proc_macro2::{Ident, Span};
use syn::PatIdent;

use crate::item::Target;
use crate::parse::{Args, MethodName};
use crate::shape::{Returned, Shape};

pub(crate) use block::{CheckedBlock, Part, block};
pub(crate) use function::function;

/// Arguments and function, checked: expanding this cannot fail.
pub(crate) struct Checked {
    /// The arguments: the method's own, and what its block says for it.
    pub(crate) args: Args,
    /// The function.
    pub(crate) target: Target,
    /// How it is wrapped.
    pub(crate) shape: Shape,
    /// Its type.
    pub(crate) returned: Returned,
    /// The value of the label `method`.
    pub(crate) method: MethodName,
    /// Where its site is: at the attribute, or at the method's name where one attribute stands for several.
    pub(crate) place: Span,
    /// The names of its block's type and const parameters.
    pub(crate) outer_generics: Vec<String>,
    /// The arguments that it binds again once its call has begun.
    pub(crate) bound_again: Vec<PatIdent>,
    /// The function's arguments that the attribute mentions: they are used, even if only there.
    pub(crate) mentioned: Vec<Ident>,
}

impl Checked {
    /// Whether it is an `async fn`.
    pub(crate) fn is_async(&self) -> bool {
        self.target.sig.asyncness.is_some()
    }
}

/// What an `impl` block says for its methods.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// What stands before a method's name, with its `::`.
    pub(crate) prefix: String,
    /// The block's arguments.
    pub(crate) args: Args,
    /// The names of the block's type and const parameters.
    pub(crate) generics: Vec<String>,
    /// Whether there is a block.
    pub(crate) in_block: bool,
}
