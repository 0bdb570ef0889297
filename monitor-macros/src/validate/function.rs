//! The rules for a function and its arguments.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{FnArg, LitStr, Signature};

use super::listed::{bindings, list};
use super::{Checked, Entry, Exit, Health, Judge, Site, Surroundings, lasting};
use crate::args::{Args, MethodName, check_name};
use crate::item::Target;
use crate::shape::{Ending, Returned, Shape, names_result};

/// Checks arguments and function together.
pub(crate) fn function(
    args: Args,
    target: Target,
    around: &Surroundings,
    errors: &mut Vec<syn::Error>,
) -> Checked {
    let Target {
        head,
        attrs,
        sig,
        body,
        ..
    } = target;
    let (shape, returned) = Shape::of(&sig, &attrs, &body.block.stream(), &args);
    let bound_again = shape.bound_again(&sig, &body.block.stream(), &args);
    let mut rules = Rules {
        args: &args,
        sig: &sig,
        shape: &shape,
        returned: &returned,
        in_block: around.in_block,
        errors,
    };
    rules.check();
    let method = name(args.method.value(), &sig, around, errors);
    Checked {
        mentioned: arguments(&sig)
            .filter(|name| args.words.contains(&name.to_string()))
            .collect(),
        call: (args.call.value().cloned()).filter(|call| arguments(&sig).all(|name| name != *call)),
        site: site(&args, method, place(&sig, around), &shape, around),
        entry: Entry {
            labels: list(
                args.labels.take().unwrap_or_default(),
                &sig,
                &around.generics,
            ),
            request_size: args.request_size.take(),
            deadline: args.deadline.take(),
        },
        exit: Exit {
            judge: match args.ok_if.take() {
                Some(predicate) => Some(Judge::OkIf(predicate)),
                None => args.error_if.take().map(Judge::ErrorIf),
            },
            error_type: args.error_type.take(),
            response_size: args.response_size.take(),
        },
        limit: args.max_concurrency.take(),
        root: args.root.take().or_else(|| around.root.clone()),
        asynchronous: sig.asyncness.is_some(),
        bound_again,
        head,
        body,
        shape,
        returned,
    }
}

/// Where a site is: at the attribute, or at the method's name where one attribute stands for several.
fn place(sig: &Signature, around: &Surroundings) -> Span {
    if around.in_block {
        sig.ident.span()
    } else {
        Span::mixed_site()
    }
}

fn site(
    args: &Args,
    method: MethodName,
    place: Span,
    shape: &Shape,
    around: &Surroundings,
) -> Site {
    let own = health(
        args.task.value(),
        args.health.value().map(|flag| flag.value),
    );
    let buckets = args.buckets.value().or(around.buckets.as_ref());
    Site {
        method,
        place,
        health: own.unwrap_or_else(|| around.health.clone()),
        expected: args.expected.value().cloned().unwrap_or_default(),
        buckets: buckets.cloned(),
        streaming: matches!(
            shape,
            Shape::Stream(..) | Shape::InPlace(_, Ending::Stream(_))
        ),
    }
}

/// What `task` and `health` say together; nothing, if neither is given.
pub(super) fn health(task: Option<&LitStr>, health: Option<bool>) -> Option<Health> {
    match (task, health) {
        (Some(task), _) => Some(Health::Task(task.clone())),
        (None, Some(false)) => Some(Health::Off),
        (None, Some(true)) => Some(Health::Own),
        (None, None) => None,
    }
}

fn name(
    given: Option<&MethodName>,
    sig: &Signature,
    around: &Surroundings,
    errors: &mut Vec<syn::Error>,
) -> MethodName {
    given.cloned().unwrap_or_else(|| {
        let ident = sig.ident.unraw();
        let mut name = LitStr::new(&format!("{}{ident}", around.prefix), ident.span());
        if let Err(error) = check_name("the method name", &name) {
            errors.push(error);
        }
        name.set_span(ident.span().resolved_at(Span::mixed_site()));
        MethodName::Literal(name)
    })
}

/// The names of the function's arguments.
fn arguments(sig: &Signature) -> impl Iterator<Item = Ident> {
    sig.inputs.iter().flat_map(|input| match input {
        FnArg::Typed(argument) => bindings(&argument.pat),
        FnArg::Receiver(_) => Vec::new(),
    })
}

struct Rules<'a> {
    args: &'a Args,
    sig: &'a Signature,
    shape: &'a Shape,
    returned: &'a Returned,
    in_block: bool,
    errors: &'a mut Vec<syn::Error>,
}

impl Rules<'_> {
    fn check(&mut self) {
        self.constness();
        self.track_caller();
        check_pairs(self.args, self.errors);
        self.value_is_seen();
        self.call();
        self.permit();
        lasting::check(self.args, self.sig, self.errors);
    }

    fn refuse(&mut self, span: Span, message: impl std::fmt::Display) {
        self.errors.push(syn::Error::new(span, message));
    }

    fn constness(&mut self) {
        if let Some(constness) = self.sig.constness {
            let message = "a `const fn` cannot be monitored: it may run in the compiler, where nothing can be recorded";
            self.refuse(constness.span, message);
        }
    }

    fn track_caller(&mut self) {
        if let Shape::TrackCaller(span, _) = *self.shape
            && names_result(&self.returned.body)
        {
            let instead = if self.in_block {
                "leave this one alone with `#[monitored(skip)]`"
            } else {
                "put `#[monitored]` on an inner function"
            };
            self.refuse(
                span,
                format_args!(
                    "`#[track_caller]` cannot be kept on a monitored function that returns a `Result`: seeing the \
                     `Result` takes a closure around the body, and in a closure the caller's place is lost; {instead}"
                ),
            );
        }
    }

    /// Arguments about the returned value need one.
    fn value_is_seen(&mut self) {
        let why = match self.shape {
            Shape::Diverging(_) => "and this function never returns",
            Shape::TrackCaller(..) => {
                "which is not looked at under `#[track_caller]`: seeing it takes a closure around the body, and in a \
                 closure the caller's place is lost"
            }
            _ => return,
        };
        let args = self.args;
        let keys = [
            args.ok_if.key(),
            args.error_if.key(),
            args.error_type.key(),
            args.response_size.key(),
        ];
        for key in keys.into_iter().flatten() {
            let message = format!("`{key}` is about the returned value, {why}");
            self.refuse(key.span(), message);
        }
    }

    fn call(&mut self) {
        let Some((key, name)) = self.args.call.get() else {
            return;
        };
        let why = match self.shape {
            Shape::Future(..) => "the call goes on in the future that this function returns",
            Shape::Stream(..) => "the call goes on in the stream that this function returns",
            Shape::TrackCaller(..) => "`#[track_caller]` leaves the call out of the body's reach",
            _ => return self.call_name(name),
        };
        self.refuse(
            key.span(),
            format_args!("`call` cannot be bound in this body: {why}"),
        );
    }

    fn call_name(&mut self, name: &Ident) {
        if arguments(self.sig).any(|argument| argument == *name) {
            let message =
                format!("`{name}` is an argument of this function: the call needs another name");
            self.refuse(name.span(), message);
        }
    }

    fn permit(&mut self) {
        let Some(key) = self.args.max_concurrency.key() else {
            return;
        };
        let why = match self.shape {
            Shape::Stream(..) | Shape::InPlace(_, Ending::Stream(_)) => {
                "a permit ends with the function, and the stream goes on"
            }
            Shape::Future(..) | Shape::Tail(_) | Shape::Block(..) => return,
            _ if self.sig.asyncness.is_some() => return,
            _ => "waiting for a permit takes an `async fn`, or a function that returns a future",
        };
        self.refuse(
            key.span(),
            format_args!("`max_concurrency` cannot be kept here: {why}"),
        );
    }
}

/// Refuses arguments that exclude each other, in the same words on functions and blocks.
pub(super) fn check_pairs(args: &Args, errors: &mut Vec<syn::Error>) {
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
    for (one, other, message) in pairs {
        if let (Some(_), Some(key)) = (one, other) {
            errors.push(syn::Error::new(key.span(), message));
        }
    }
}
