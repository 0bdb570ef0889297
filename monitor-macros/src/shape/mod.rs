//! How a function has to be wrapped: decided by its signature, and by its body only where that saves work at run time.

mod body;
mod returned;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Signature, Type};

pub(crate) use body::Tail;
pub(crate) use returned::{Boxing, Returned, Returns, Value, is_unit, names_result};

use crate::args::Args;
use body::{boxed_tail, contains, opaque_tail};
use returned::{FUTURE, STREAM, return_type};

/// How the body becomes a call.
pub(crate) enum Shape {
    /// The body moves into a closure. Also an `async fn` that cannot suspend: no inner future, so its own is no larger.
    Sync,
    /// The body of an `async fn` moves into an inner future, awaited at once: it may return early. An argument that the
    /// bare function would use up before its first await takes its place twice then, in the outer future and in the inner.
    Async,
    /// An `async fn` that is no future of its own beside the body: the two ends of the call stand around that.
    InPlace(Inner, Ending),
    /// The function never returns: a guard alone.
    Never,
    /// `#[track_caller]` would not survive a closure: a guard alone, which sees no return value.
    TrackCaller(Span),
    /// The function returns a future: that is the call.
    Future(Boxing),
    /// The body ends in an async block, which is the call: wrapped where it stands, inside of its box if it has one.
    Tail(Tail),
    /// The function returns a stream: that is the call.
    Stream(Boxing),
}

/// What the body of an `async fn` is between the two ends of its call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    /// Itself: it has no way out but its end.
    Block,
    /// An inner future, awaited at once: it may return early.
    Future,
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
            return (Self::Never, Returned::plain(ty));
        }
        if let Some((boxing, returned)) = stream(&ty, args) {
            let shape = if sig.asyncness.is_some() {
                Self::InPlace(inner(body), Ending::Stream(boxing))
            } else {
                Self::Stream(boxing)
            };
            return (shape, returned);
        }
        if sig.asyncness.is_some() {
            return (Self::of_async(body, args), Returned::plain(ty));
        }
        if let Some((boxing, returned)) = future(&ty, args) {
            let tail = match boxing {
                Boxing::Opaque => opaque_tail(body),
                Boxing::Pinned => boxed_tail(body),
                Boxing::Boxed => None,
            };
            return (tail.map_or(Self::Future(boxing), Self::Tail), returned);
        }
        let mut attrs = attrs.iter();
        let shape = match attrs.find(|attr| attr.path().is_ident("track_caller")) {
            Some(attr) => Self::TrackCaller(attr.path().segments[0].ident.span()),
            None => Self::Sync,
        };
        (shape, Returned::plain(ty))
    }

    fn of_async(body: &TokenStream, args: &Args) -> Self {
        let suspends = contains(body.clone(), &["await"]);
        match inner(body) {
            _ if !suspends && !args.max_concurrency.given() => Self::Sync,
            Inner::Future if !args.max_concurrency.given() && !args.call.given() => Self::Async,
            inner => Self::InPlace(inner, Ending::Value),
        }
    }

    /// Whether the call goes on in a future or stream that the function returns.
    pub(crate) fn outlives_the_function(&self) -> bool {
        matches!(self, Self::Future(_) | Self::Tail(_) | Self::Stream(_))
    }
}

fn inner(body: &TokenStream) -> Inner {
    if contains(body.clone(), &["return", "?"]) {
        Inner::Future
    } else {
        Inner::Block
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
        body: plain.body,
    };
    (Boxing::Pinned, returned)
}
