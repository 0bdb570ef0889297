//! The rules for a function and its arguments.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{FnArg, LitStr, Signature};

use super::{Checked, Surroundings};
use crate::item::{Target, bindings};
use crate::parse::{Args, MethodName, Once, check_name};
use crate::shape::{FUTURE, Returned, STREAM, Shape, names_result};

/// Checks arguments and function together.
pub(crate) fn function(
    mut args: Args,
    target: Target,
    around: &Surroundings,
    errors: &mut Vec<syn::Error>,
) -> Checked {
    let (sig, body) = (&target.sig, target.body.block.stream());
    let (shape, returned) = Shape::of(sig, &target.attrs, &body, &args);
    let bound_again = shape.bound_again(sig, &body, &args);
    let names = sig.inputs.iter().flat_map(|input| match input {
        FnArg::Typed(argument) => bindings(&argument.pat),
        FnArg::Receiver(_) => Vec::new(),
    });
    let mut names: Vec<Ident> = names.collect();
    let context = Context {
        args: &args,
        sig,
        shape: &shape,
        names: &names,
    };
    errors.extend(context.faults(&returned, around.in_block));
    if args.call.value().is_some_and(|call| names.contains(call)) {
        args.call = Once::default();
    }
    names.retain(|name| args.words.contains(&name.to_string()));
    let method = args.method.value().cloned();
    let at_attribute = Span::mixed_site();
    args.inherit(&around.args);
    Checked {
        method: method.unwrap_or_else(|| default_name(sig, around, errors)),
        place: if around.in_block {
            sig.ident.span()
        } else {
            at_attribute
        },
        outer_generics: around.generics.clone(),
        mentioned: names,
        bound_again,
        args,
        shape,
        returned,
        target,
    }
}

/// The name of a function as the value of the label `method`.
fn default_name(
    sig: &Signature,
    around: &Surroundings,
    errors: &mut Vec<syn::Error>,
) -> MethodName {
    let ident = sig.ident.unraw();
    let mut name = LitStr::new(&format!("{}{ident}", around.prefix), ident.span());
    errors.extend(check_name("the method name", &name).err());
    name.set_span(ident.span().resolved_at(Span::mixed_site()));
    MethodName::Literal(name)
}

/// What the rules are about.
struct Context<'a> {
    args: &'a Args,
    sig: &'a Signature,
    shape: &'a Shape,
    /// The names of the function's arguments.
    names: &'a [Ident],
}

impl Context<'_> {
    fn faults(&self, returned: &Returned, in_block: bool) -> Vec<syn::Error> {
        let mut faults = Vec::new();
        if let Some(constness) = self.sig.constness {
            let message = "a `const fn` cannot be monitored: it may run in the compiler, where nothing can be recorded";
            faults.push(syn::Error::new(constness.span, message));
        }
        if let Shape::TrackCaller(at, _) = *self.shape
            && names_result(&returned.body)
        {
            let instead = if in_block {
                "leave this one alone with `#[monitored(skip)]`"
            } else {
                "put `#[monitored]` on an inner function"
            };
            let message = format!(
                "`#[track_caller]` cannot be kept on a monitored function that returns a `Result`: seeing the \
                 `Result` takes a closure around the body, and in a closure the caller's place is lost; {instead}"
            );
            faults.push(syn::Error::new(at, message));
        }
        faults.extend(exclusions(self.args));
        faults.extend(self.misfits());
        faults
    }

    /// Arguments that a function of this shape cannot have: about the value, the name of the call, a permit, `future`, `stream`.
    fn misfits(&self) -> Vec<syn::Error> {
        let args = self.args;
        let mut misfits = Vec::new();
        let mut refuse = |key: Option<&Ident>, why: Option<String>| {
            if let (Some(key), Some(why)) = (key, why) {
                misfits.push(syn::Error::new(key.span(), why));
            }
        };
        let (value, call, permit) = self.reasons();
        for key in args.about_the_value() {
            let why = value.map(|why| format!("`{key}` is about the returned value, {why}"));
            refuse(Some(key), why);
        }
        let why = call.map(|why| format!("`call` cannot be bound in this body: {why}"));
        let clash = (args.call.value()).filter(|name| why.is_none() && self.names.contains(name));
        refuse(args.call.key(), why);
        refuse(
            clash,
            clash.map(|name| {
                format!("`{name}` is an argument of this function: the call needs another name")
            }),
        );
        let why = permit.map(|why| format!("`max_concurrency` cannot be kept here: {why}"));
        refuse(args.max_concurrency.key(), why);
        // Both at once are a fault of their own.
        if args.future.given() != args.stream.given() {
            for (key, kind) in [(args.future.key(), FUTURE), (args.stream.key(), STREAM)] {
                let what = kind.word;
                refuse(
                    key,
                    kind.not_returned_by(self.sig).map(|why| {
                        format!("`{what}` is for a function that returns a {what}: {why}")
                    }),
                );
            }
        }
        misfits
    }

    /// Why a function of this shape has no value that is looked at, no name for its call, and no permit.
    fn reasons(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let no_wait = (self.sig.asyncness.is_none()).then_some(
            "waiting for a permit takes an `async fn`, or a function that returns a future",
        );
        match self.shape {
            Shape::Diverging(_) => (Some("and this function never returns"), None, no_wait),
            Shape::TrackCaller(..) => (
                Some(
                    "which is not looked at under `#[track_caller]`: seeing it takes a closure around the body, and in a \
                     closure the caller's place is lost",
                ),
                Some("`#[track_caller]` leaves the call out of the body's reach"),
                no_wait,
            ),
            Shape::Future(..) => (
                None,
                Some("the call goes on in the future that this function returns"),
                None,
            ),
            Shape::Tail(_) | Shape::Block(..) => (None, None, None),
            shape if shape.is_stream() => (
                None,
                matches!(shape, Shape::Stream(..))
                    .then_some("the call goes on in the stream that this function returns"),
                Some("a permit ends with the function, and the stream goes on"),
            ),
            _ => (None, None, no_wait),
        }
    }
}

/// Arguments that exclude each other, in the same words on functions and blocks.
pub(super) fn exclusions(args: &Args) -> Vec<syn::Error> {
    let no_health = args.health.get().filter(|(_, flag)| !flag.value);
    let pairs = [
        (
            args.ok_if.key(),
            args.error_if.key(),
            "`ok_if` and `error_if` exclude each other: one predicate tells success from failure",
        ),
        (
            args.task.key(),
            no_health.map(|(key, _)| key),
            "`task` and `health = false` exclude each other: one names whose status is fed, the other feeds none",
        ),
        (
            args.future.key(),
            args.stream.key(),
            "`future` and `stream` exclude each other: a call goes on in one of them",
        ),
    ];
    let both = pairs.into_iter().filter(|(one, ..)| one.is_some());
    both.filter_map(|(_, other, why)| Some(syn::Error::new(other?.span(), why)))
        .collect()
}
