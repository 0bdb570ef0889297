//! How a function has to be wrapped: decided by its signature, and by its body only where that saves work at run time.

mod body;
mod returned;

use proc_macro2::{Span, TokenStream};
use syn::{PatIdent, Type};

pub(crate) use body::{STRAY_BREAK, SUSPENDS, Tail, UNCLEAR, ends_in_a_statement, may, scan};
pub(crate) use returned::{
    Borrow, Boxing, FUTURE, ResponseStream, Returned, STREAM, is_unit, last_segment, may_be_result,
    names_result, traits,
};

use crate::attribute::FOLLOWS_STREAMS;
use crate::item::Target;
use crate::parse::Args;
use body::{ASKS, Facts, RETURNS, boxed_tail, gives_a_closure, is_stub, opaque_tail, taken_apart};
use returned::{has_word, iterates, return_type, takes_calls};

/// How the body becomes a call.
pub(crate) enum Shape {
    /// The body moves into a closure: it may return early. Also in an `async fn` that cannot suspend: no inner future,
    /// so its own is no larger.
    Sync,
    /// The body of an `async fn` moves into an inner future, awaited at once: it may return early. An argument that the
    /// bare function would use up before its first await takes its place twice then, in the outer future and in the
    /// inner.
    Async,
    /// The body stays where it is, between the two ends of the call. If its value is a stream, the call goes on in
    /// there, boxed like that.
    InPlace(Around, Option<Boxing>),
    /// The function never returns, or not yet: a guard alone.
    Diverging(Around),
    /// `#[track_caller]` would not survive a closure: the body stays where it is, and values returned early are not
    /// seen.
    TrackCaller(Span, Around),
    /// The body infers from an `impl Trait` of the return type, which it can only at the very end of its function: a
    /// guard alone. It need not see the value, which is no `Result`.
    End,
    /// The function returns a future: that is the call.
    Future(Boxing, Around),
    /// The body ends in an async block, which is the call: wrapped where it stands, inside of its box if it has one.
    Tail(Tail),
    /// The body is nothing but an async block, and the function could be an `async fn`: the block becomes the body of
    /// one.
    Block(Tail, Box<Self>),
    /// The function returns a stream: that is the call.
    Stream(Boxing, Around),
}

/// The item that the expansion puts around a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    /// None: the body leaves at its end alone, and each place where it may be suspended shows.
    Nothing,
    /// A closure, called at once: the body may return early.
    Closure,
    /// A future, awaited at once: the body may return early, or be suspended where that does not show.
    Future,
}

impl Around {
    /// This, or nothing where it is not needed.
    fn if_needed(self, needed: bool) -> Self {
        if needed { self } else { Self::Nothing }
    }
}

impl Shape {
    /// Decides.
    pub(crate) fn of(target: &Target, args: &Args) -> (Self, Returned) {
        let (sig, body) = (&target.sig, target.block.stream());
        let ty = return_type(&sig.output);
        let asynchronous = sig.asyncness.is_some();
        let plain = |shape: Self| (shape, Returned::plain(ty.clone()));
        let body = Body::new(&body, args);
        if let Type::Never(_) = ty {
            let around = body.future_around().if_needed(asynchronous);
            return plain(Self::Diverging(around));
        }
        let is_stub = is_stub(body.tokens);
        if matches!(ty, Type::ImplTrait(_)) && is_stub && args.about_the_value().is_empty() {
            // The type of the missing value could not be inferred. Its message may await something.
            let around = Around::Future.if_needed(asynchronous && body.may(UNCLEAR));
            return plain(Self::Diverging(around));
        }
        if let Some((boxing, returned)) = STREAM.returned(&ty, args.stream.given()) {
            let shape = if asynchronous {
                Self::InPlace(body.future_around(), Some(boxing))
            } else {
                Self::Stream(boxing, body.closure_around(&ty))
            };
            return (shape, returned);
        }
        if asynchronous {
            return plain(body.asynchronous(&ty, is_stub && sig.inputs.is_empty()));
        }
        if let Some((boxing, returned)) = FUTURE.returned(&ty, args.future.given()) {
            return (body.future(&ty, boxing), returned);
        }
        if body.infers_at_the_end(&ty) {
            return plain(Self::End);
        }
        let around = body.closure_around(&ty);
        let mut attrs = target.attrs.iter();
        plain(
            match attrs.find(|attr| attr.path().is_ident("track_caller")) {
                Some(attr) => Self::TrackCaller(attr.path().segments[0].ident.span(), around),
                None if around == Around::Nothing => Self::InPlace(around, None),
                None => Self::Sync,
            },
        )
    }

    /// The arguments that an `async fn` binds again once its call has begun. Those that the attribute borrows before
    /// are kept in any case, and so are all while a call waits for a permit.
    pub(crate) fn bound_again(&self, target: &Target, args: &Args) -> Vec<PatIdent> {
        let sig = &target.sig;
        if matches!(self, Self::Sync) || sig.asyncness.is_none() || args.max_concurrency.given() {
            return Vec::new();
        }
        let mut names = taken_apart(sig, &target.block.stream());
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

    /// Whether the call is a stream.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(..) | Self::InPlace(_, Some(_)))
    }
}

/// The inputs, beside the types, that decide the shape of a call.
struct Body<'a> {
    tokens: &'a TokenStream,
    facts: Facts,
    args: &'a Args,
}

impl<'a> Body<'a> {
    fn new(tokens: &'a TokenStream, args: &'a Args) -> Self {
        let (facts, _) = scan(tokens.clone(), None);
        Self {
            tokens,
            facts,
            args,
        }
    }

    /// Of an `async fn`. Clippy (`unused_async`) reports one that waits for nothing, but none whose body is only `todo!()`
    /// and that has no arguments: there an inner future has to hide the body from clippy.
    fn asynchronous(&self, ty: &Type, opaque_stub: bool) -> Shape {
        let limited = self.args.max_concurrency.given();
        let suspends = limited || opaque_stub || self.may(SUSPENDS);
        // Each of its awaits can be found.
        if self.infers_at_the_end(ty) && !self.may(UNCLEAR) {
            return Shape::End;
        }
        // The call may have to be there when the value is.
        let follows = FOLLOWS_STREAMS && ResponseStream::of(ty).is_some();
        if !suspends && !follows && self.closure_around(ty) == Around::Closure {
            return Shape::Sync;
        }
        match self.future_around() {
            Around::Nothing if !opaque_stub => Shape::InPlace(Around::Nothing, None),
            _ if limited || follows || self.args.call.given() => {
                Shape::InPlace(Around::Future, None)
            }
            _ => Shape::Async,
        }
    }

    /// Of a function that returns a future.
    fn future(&self, ty: &Type, boxing: Boxing) -> Shape {
        let tail = match boxing {
            Boxing::Opaque => opaque_tail(self.tokens),
            Boxing::Pinned => boxed_tail(self.tokens),
            Boxing::Boxed => None,
        };
        let Some(tail) = tail else {
            return Shape::Future(boxing, self.closure_around(ty));
        };
        match FUTURE.shown(ty) {
            Some((_, output)) if tail.is_alone() && self.args.touch_nothing() => {
                match Body::new(&tail.block.stream(), self.args).asynchronous(&output, false) {
                    // The closure would move values that the block only borrows.
                    Shape::Sync if !tail.moves() => Shape::Tail(tail),
                    within => Shape::Block(tail, Box::new(within)),
                }
            }
            _ => Shape::Tail(tail),
        }
    }

    /// True if it may infer types from the bounds of the `impl Trait` it returns, such as those of a closure's
    /// arguments. The compiler hands these bounds down from the function's end alone; there the value cannot be looked
    /// at, so it has to be one that is surely no `Result`, and that no argument reads.
    fn infers_at_the_end(&self, ty: &Type) -> bool {
        let no_result = match ty {
            Type::ImplTrait(opaque) => {
                // Behind a `return`, the type of the items is known.
                takes_calls(opaque)
                    || gives_a_closure(self.tokens)
                    || iterates(opaque) && self.may(RETURNS)
            }
            Type::Tuple(_) | Type::Array(_) | Type::Reference(_) => has_word(ty, "impl"),
            _ => false,
        };
        no_result && self.args.about_the_value().is_empty()
    }

    fn may(&self, facts: Facts) -> bool {
        self.facts & facts != 0
    }

    fn future_around(&self) -> Around {
        Around::Future.if_needed(self.may(RETURNS | ASKS | UNCLEAR))
    }

    /// In a closure, lints no longer see the arguments. But only in a function or closure does the compiler report a
    /// missing value, and its place. For a stray `break`, the message differs in a closure.
    fn closure_around(&self, ty: &Type) -> Around {
        let gives = is_unit(ty) || !ends_in_a_statement(self.tokens) || self.may(STRAY_BREAK);
        Around::Closure.if_needed(!gives || self.may(RETURNS | ASKS | UNCLEAR))
    }
}
