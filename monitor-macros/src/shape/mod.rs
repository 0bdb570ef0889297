//! How a function has to be wrapped: decided by its signature, and by its body only where that saves work at run time.

mod awaits;
mod body;
mod borrow;
mod flow;
mod returned;
mod stray;
mod taken_apart;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, PatIdent, Signature, Type};

pub(crate) use awaits::rewritten;
pub(crate) use body::Tail;
pub(crate) use borrow::Borrow;
pub(crate) use flow::{ends_in_a_statement, may_suspend};
pub(crate) use returned::{Boxing, Returned, Returns, Value, is_unit, may_be_result, names_result};
pub(crate) use stray::has_a_stray_break;

use crate::args::Args;
use awaits::are_clear;
use body::{boxed_tail, opaque_tail};
use flow::{Flow, gives_a_closure, is_stub};
use returned::{FUTURE, STREAM, has_an_opaque_part, iterates, return_type, takes_calls};
use taken_apart::taken_apart;

/// How the body becomes a call.
pub(crate) enum Shape {
    /// The body moves into a closure: it may return early. Also in an `async fn` that cannot suspend: no inner future, so
    /// its own is no larger.
    Sync,
    /// The body of an `async fn` moves into an inner future, awaited at once: it may return early. An argument that the
    /// bare function would use up before its first await takes its place twice then, in the outer future and in the inner.
    Async,
    /// The body stays where it is, between the two ends of the call.
    InPlace(Inner, Ending),
    /// The function never returns, or not yet: a guard alone.
    Diverging(Inner),
    /// `#[track_caller]` would not survive a closure: the body stays where it is, and what it may return early is not seen.
    TrackCaller(Span, CallForm),
    /// The body infers from an `impl Trait` of the return type, which it can only at the very end of its function: a guard
    /// alone. It need not see the value, which is no `Result`.
    End,
    /// The function returns a future: that is the call.
    Future(Boxing, CallForm),
    /// The body ends in an async block, which is the call: wrapped where it stands, inside of its box if it has one.
    Tail(Tail),
    /// The body is nothing but an async block, and the function could be an `async fn`: the block becomes the body of one.
    Block(Tail, Box<Self>),
    /// The function returns a stream: that is the call.
    Stream(Boxing, CallForm),
}

/// What the body is between the two ends of its call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    /// Itself: it has no way out but its end, and each place where it may be suspended shows.
    Block,
    /// An inner future, awaited at once: it may return early, or be suspended where that does not show.
    Future,
}

/// How the body gives the future or stream that is the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallForm {
    /// Before the call: it has no way out but its end.
    Straight,
    /// In a closure: it may return early.
    Closure,
}

/// What ends a call that stays in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The value.
    Value,
    /// The stream that is the value: the call goes on in there.
    Stream(Boxing),
}

impl Shape {
    /// Decides.
    pub(crate) fn of(
        sig: &Signature,
        attrs: &[Attribute],
        body: &TokenStream,
        args: &Args,
    ) -> (Self, Returned) {
        let ty = return_type(&sig.output);
        if let Type::Never(_) = ty {
            let asynchronous = sig.asyncness.is_some();
            let inner = if asynchronous {
                inner(body)
            } else {
                Inner::Block
            };
            return (Self::Diverging(inner), Returned::plain(ty));
        }
        if let Type::ImplTrait(_) = ty
            && is_stub(body)
            && !args.ask_the_value()
        {
            // The type of the value that never comes could not be told.
            return (Self::Diverging(Inner::Block), Returned::plain(ty));
        }
        if let Some((boxing, returned)) = stream(&ty, args) {
            let shape = if sig.asyncness.is_some() {
                Self::InPlace(inner(body), Ending::Stream(boxing))
            } else {
                Self::Stream(boxing, call_form(body, &ty))
            };
            return (shape, returned);
        }
        if sig.asyncness.is_some() {
            let opaque_stub = is_stub(body) && sig.inputs.is_empty();
            let shape = Self::of_async(body, &ty, args, opaque_stub);
            return (shape, Returned::plain(ty));
        }
        if let Some((boxing, returned)) = future(&ty, args) {
            return (Self::of_future(&ty, boxing, body, args), returned);
        }
        if infers_at_the_end(body, &ty, args) {
            return (Self::End, Returned::plain(ty));
        }
        let mut attrs = attrs.iter();
        let shape = match attrs.find(|attr| attr.path().is_ident("track_caller")) {
            Some(attr) => {
                Self::TrackCaller(attr.path().segments[0].ident.span(), call_form(body, &ty))
            }
            None if call_form(body, &ty) == CallForm::Straight => {
                Self::InPlace(Inner::Block, Ending::Value)
            }
            None => Self::Sync,
        };
        (shape, Returned::plain(ty))
    }

    /// An async function that waits for nothing is told so by clippy, unless its body is only `todo!()` and it has no
    /// arguments: then it has to be left in the dark by an inner future.
    fn of_async(body: &TokenStream, ty: &Type, args: &Args, opaque_stub: bool) -> Self {
        let limited = args.max_concurrency.given();
        let suspends = limited || opaque_stub || Flow::of(body.clone()).suspends;
        if infers_at_the_end(body, ty, args) && are_clear(body.clone()) {
            return Self::End;
        }
        if !suspends && call_form(body, ty) == CallForm::Closure {
            return Self::Sync;
        }
        match inner(body) {
            Inner::Block if !opaque_stub => Self::InPlace(Inner::Block, Ending::Value),
            _ if limited || args.call.given() => Self::InPlace(Inner::Future, Ending::Value),
            _ => Self::Async,
        }
    }

    fn of_future(ty: &Type, boxing: Boxing, body: &TokenStream, args: &Args) -> Self {
        let tail = match boxing {
            Boxing::Opaque => opaque_tail(body),
            Boxing::Pinned => boxed_tail(body),
            Boxing::Boxed => None,
        };
        match (tail, FUTURE.shown(ty)) {
            (Some(tail), Some((_, output))) if tail.is_alone() && args.touch_nothing() => {
                match Self::of_async(&tail.block.stream(), &output, args, false) {
                    // The closure would take what the block only borrows.
                    Self::Sync if !tail.moves() => Self::Tail(tail),
                    within => Self::Block(tail, Box::new(within)),
                }
            }
            (Some(tail), _) => Self::Tail(tail),
            (None, _) => Self::Future(boxing, call_form(body, ty)),
        }
    }

    /// The arguments that an `async fn` binds again once its call has begun. Those that the attribute borrows before are kept
    /// in any case, and so are all while a call waits for a permit.
    pub(crate) fn bound_again(
        &self,
        sig: &Signature,
        body: &TokenStream,
        args: &Args,
    ) -> Vec<PatIdent> {
        let binds = matches!(
            self,
            Self::Async | Self::InPlace(..) | Self::End | Self::Diverging(_)
        );
        if !binds || sig.asyncness.is_none() || args.max_concurrency.given() {
            return Vec::new();
        }
        let mut names = taken_apart(sig, body);
        if (names.iter()).any(|name| args.words.contains(&name.ident.to_string())) {
            names.clear();
        }
        names
    }

    /// Whether the call goes on in a future or stream that the function returns.
    pub(crate) fn outlives_the_function(&self) -> bool {
        matches!(
            self,
            Self::Future(..) | Self::Tail(_) | Self::Block(..) | Self::Stream(..)
        )
    }
}

/// Whether a body may infer something from the bounds of an `impl Trait` that it gives, the arguments of a closure say. The
/// compiler hands these bounds down from the function's end alone; there the value cannot be looked at, so it has to be one
/// that is surely no `Result`, and that no argument asks for.
fn infers_at_the_end(body: &TokenStream, ty: &Type, args: &Args) -> bool {
    let no_result = match ty {
        Type::ImplTrait(opaque) => {
            // Behind a `return`, what the iterator gives is known.
            takes_calls(opaque)
                || gives_a_closure(body)
                || iterates(opaque) && Flow::of(body.clone()).returns
        }
        Type::Tuple(_) | Type::Array(_) | Type::Reference(_) => has_an_opaque_part(ty),
        _ => false,
    };
    no_result && !args.ask_the_value()
}

fn inner(body: &TokenStream) -> Inner {
    let flow = Flow::of(body.clone());
    if flow.returns || flow.asks || !are_clear(body.clone()) {
        Inner::Future
    } else {
        Inner::Block
    }
}

/// In a closure, lints lose sight of the arguments. But of a value that is missing, the compiler says only in a function or
/// closure that it is, and where it should be. Of a stray `break` it says something else in a closure.
fn call_form(body: &TokenStream, ty: &Type) -> CallForm {
    let gives = is_unit(ty) || !ends_in_a_statement(body) || has_a_stray_break(body.clone());
    if gives && inner(body) == Inner::Block {
        CallForm::Straight
    } else {
        CallForm::Closure
    }
}

fn future(ty: &Type, args: &Args) -> Option<(Boxing, Returned)> {
    match FUTURE.shown(ty) {
        Some((boxing, output)) => Some((boxing, Returned::giving(ty.clone(), output))),
        None if args.future.given() => Some(hidden(ty, Value::OutputOf)),
        None => None,
    }
}

fn stream(ty: &Type, args: &Args) -> Option<(Boxing, Returned)> {
    match STREAM.shown(ty) {
        Some((boxing, item)) => Some((boxing, Returned::giving(ty.clone(), item))),
        None if args.stream.given() => Some(hidden(ty, Value::ItemOf)),
        None => None,
    }
}

/// A pinned box behind an alias.
fn hidden(ty: &Type, value: fn(Type) -> Value) -> (Boxing, Returned) {
    let plain = Returned::plain(ty.clone());
    let returned = Returned {
        value: value(plain.body.clone()),
        ..plain
    };
    (Boxing::Pinned, returned)
}
