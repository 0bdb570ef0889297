//! Every "not allowed" rule. All faults are collected, so one attempt shows them all.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::{LitStr, Path};

use crate::args::{Args, MethodName};
use crate::shape::{Returned, Shape, names_result};
use crate::target::{Body, Target};

/// Arguments and function, checked: expanding this cannot fail.
pub(crate) struct Checked {
    /// The value of the label `method`.
    pub(crate) method: MethodName,
    /// Where generated paths begin; `None` for `::monitor_core`.
    pub(crate) root: Option<Path>,
    /// All tokens before the body.
    pub(crate) head: TokenStream,
    /// The body.
    pub(crate) body: Body,
    /// How it is wrapped.
    pub(crate) shape: Shape,
    /// Its type.
    pub(crate) returned: Returned,
}

/// Checks arguments and item together.
pub(crate) fn check(args: TokenStream, item: TokenStream) -> Result<Checked, Vec<syn::Error>> {
    let mut errors = Vec::new();
    let args = Args::read(args, &mut errors);
    match Target::read(item) {
        Ok(target) => {
            let checked = check_function(args, target, &mut errors);
            if errors.is_empty() {
                Ok(checked)
            } else {
                Err(errors)
            }
        }
        Err(error) => {
            errors.push(error);
            Err(errors)
        }
    }
}

fn check_function(args: Args, target: Target, errors: &mut Vec<syn::Error>) -> Checked {
    let Target {
        head,
        attrs,
        sig,
        body,
    } = target;
    if let Some(constness) = sig.constness {
        errors.push(syn::Error::new(
            constness.span,
            "a `const fn` cannot be monitored: it may run in the compiler, where nothing can be recorded",
        ));
    }
    let (shape, returned) = Shape::of(&sig, &attrs, &body.block.stream());
    if let Shape::TrackCaller(span) = shape
        && names_result(&returned.body)
    {
        errors.push(syn::Error::new(
            span,
            "`#[track_caller]` cannot be kept on a monitored function that returns a `Result`: seeing the `Result` takes a \
             closure around the body, and in a closure the caller's place is lost; put `#[monitored]` on an inner function",
        ));
    }
    let name = sig.ident.unraw();
    Checked {
        method: args.method.take().unwrap_or_else(|| {
            MethodName::Literal(LitStr::new(
                &name.to_string(),
                name.span().resolved_at(Span::mixed_site()),
            ))
        }),
        root: args.root.take(),
        head,
        body,
        shape,
        returned,
    }
}
