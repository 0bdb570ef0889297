//! Every "not allowed" rule that needs more than one argument's own tokens. All faults are collected, so one attempt shows
//! them all.

mod block;
mod function;
mod lasting;
mod listed;

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Expr, LitStr, PatIdent, Path, Type};

use crate::args::{Buckets, ErrorType, Label, Limit, MethodName};
use crate::item::Body;
use crate::shape::{Returned, Shape};

pub(crate) use block::{CheckedBlock, Part, block};
pub(crate) use function::function;

/// Arguments and function, checked: expanding this cannot fail.
pub(crate) struct Checked {
    /// Where generated paths begin; `None` for `::monitor_core`.
    pub(crate) root: Option<Path>,
    /// All tokens before the body.
    pub(crate) head: TokenStream,
    /// The body.
    pub(crate) body: Body,
    /// How it is wrapped.
    pub(crate) shape: Shape,
    /// Whether it is an `async fn`.
    pub(crate) asynchronous: bool,
    /// The arguments that it binds again once its call has begun.
    pub(crate) bound_again: Vec<PatIdent>,
    /// Its type.
    pub(crate) returned: Returned,
    /// What is known before the first call.
    pub(crate) site: Site,
    /// What is read off the arguments, when a call begins.
    pub(crate) entry: Entry,
    /// What is read off the value, when a call ends.
    pub(crate) exit: Exit,
    /// The name the body has for its call.
    pub(crate) call: Option<Ident>,
    /// How many calls may run at once.
    pub(crate) limit: Option<Limit>,
    /// The function's arguments that the attribute mentions: they are used, even if only there.
    pub(crate) mentioned: Vec<Ident>,
}

/// What is known of a method before its first call.
pub(crate) struct Site {
    /// The value of the label `method`.
    pub(crate) method: MethodName,
    /// Where it is said to be: a method of a block has its own place, not that of the block's attribute.
    pub(crate) place: Span,
    /// Whose status its calls feed.
    pub(crate) health: Health,
    /// Error types that are no illness.
    pub(crate) expected: Vec<LitStr>,
    /// The bounds of its durations.
    pub(crate) buckets: Option<Buckets>,
    /// Whether it is a stream.
    pub(crate) streaming: bool,
}

/// Whose status a method's calls feed, beside `default`.
#[derive(Clone, Default)]
pub(crate) enum Health {
    /// The method's own.
    #[default]
    Own,
    /// That of this task type.
    Task(LitStr),
    /// None, not even that of `default`.
    Off,
}

/// What is read off the arguments, when a call begins.
pub(crate) struct Entry {
    /// Labels beside `method`.
    pub(crate) labels: Vec<ListedLabel>,
    /// The size of the request.
    pub(crate) request_size: Option<Expr>,
    /// The time left.
    pub(crate) deadline: Option<Expr>,
}

/// A label, and what its values can be listed from.
pub(crate) struct ListedLabel {
    pub(crate) label: Label,
    /// The arguments that its value is made of, if a closure of them can be written outside of the function: the type of
    /// its result then tells all values before the first call.
    pub(crate) arguments: Option<Vec<Argument>>,
}

/// An argument of the function, as the parameter of a closure.
pub(crate) struct Argument {
    pub(crate) pattern: TokenStream,
    pub(crate) ty: Type,
}

/// What is read off the value, when a call ends.
pub(crate) struct Exit {
    /// Tells success from failure.
    pub(crate) judge: Option<Judge>,
    /// The type of a failure.
    pub(crate) error_type: Option<ErrorType>,
    /// The size of the response.
    pub(crate) response_size: Option<Expr>,
}

/// A predicate of the value.
pub(crate) enum Judge {
    /// Where it holds, the call is a success.
    OkIf(Expr),
    /// Where it holds, the call is a failure.
    ErrorIf(Expr),
}

impl Judge {
    /// The predicate.
    pub(crate) fn predicate(&self) -> &Expr {
        match self {
            Self::OkIf(predicate) | Self::ErrorIf(predicate) => predicate,
        }
    }
}

/// What an `impl` block says for its methods.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// What stands before a method's name, with its `::`.
    pub(crate) prefix: String,
    pub(crate) health: Health,
    pub(crate) buckets: Option<Buckets>,
    pub(crate) root: Option<Path>,
    /// The names of the block's type and const parameters.
    pub(crate) generics: Vec<String>,
    /// Whether there is a block.
    pub(crate) in_block: bool,
}
