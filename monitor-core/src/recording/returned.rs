//! From a returned value to an [`Outcome`], by the traits its type implements, and the functions behind the attribute's
//! arguments that read the value.
//!
//! Whether the value is a `Result`, and how its error can be read, depends on a type that only the compiler knows: it
//! may hide behind an alias. It is answered by method look-up on [`Probe`]: each rung has an inherent method `outcome`
//! under a bound of its own and derefs to the next rung, so the compiler takes the first whose bound holds. Inherent
//! methods need no trait in scope: an expansion imports nothing into the user's function.
//!
//! Errors are read out of line, in one cold function for each type of error.
//!
//! An expansion has two more questions where a feature lets values be responses: `ok_outcome`, about the value in an `Ok`,
//! and `end`, whether the call goes on in a stream of the value.

#[cfg(feature = "tonic")]
mod grpc;
#[cfg(feature = "http")]
mod http;

use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::errors::{ErrorText, ErrorView, MonitorError, NamedView, Outcome, named, named_below};
use crate::recording::args::ByteSize;
use crate::recording::guard::CallGuard;
use crate::recording::run::EndsAtReturn;

/// Of a [`Probe`]: the error in the value is of a type without lifetimes, so a trait object in it can be asked which
/// error it is.
#[derive(Debug)]
pub struct Owned;

/// Of a [`Probe`]: the error in the value may borrow, so a trait object in it cannot be asked; its sources can.
#[derive(Debug)]
pub struct Borrowing;

/// Declares one rung: the type it derefs to, the bound on the error type, and how such an error is read. A rung of
/// errors that give a trait object reads it in two ways: as one that does not borrow, and as one that may.
macro_rules! rung {
    (
        $(#[$doc:meta])* $rung:ident -> $next:ident,
        E $(: $bound:path $(, $also:path)?)?, |$error:ident| $outcome:expr
    ) => {
        rung!(@type $(#[$doc])* $rung -> $next);

        impl<'a, T, E $(: $bound $(+ $also)?)?, L> $rung<'a, Result<T, E>, L> {
            rung!(@outcome |$error| $outcome);
        }
    };
    (
        $(#[$doc:meta])* $rung:ident -> $next:ident,
        E: AsRef<dyn $object:path $(, $auto:path)*> $(, $also:path)?, |$error:ident| $outcome:expr, $borrowed:expr
    ) => {
        rung!(@type $(#[$doc])* $rung -> $next);

        impl<'a, T, E: AsRef<dyn $object $(+ $auto)* + 'static> $(+ $also)?> $rung<'a, Result<T, E>, Owned> {
            rung!(@outcome |$error| $outcome);
        }

        impl<'a, 'e: 'a, T, E: AsRef<dyn $object $(+ $auto)* + 'e> $(+ $also)?> $rung<'a, Result<T, E>, Borrowing> {
            rung!(@outcome |$error| $borrowed);
        }
    };
    (@type $(#[$doc:meta])* $rung:ident -> $next:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $rung<'a, T, L>($next<'a, T, L>);

        impl<'a, T, L> Deref for $rung<'a, T, L> {
            type Target = $next<'a, T, L>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
    (@outcome |$error:ident| $outcome:expr) => {
        /// The outcome this value stands for.
        #[inline]
        pub fn outcome(&self) -> Outcome<'a> {
            match self.value() {
                Ok(_) => Outcome::Success,
                Err(error) => failed(error, |$error| $outcome),
            }
        }
    };
}

rung! {
    /// A look at a returned value: `Probe::new(&value).outcome()` classifies it.
    ///
    /// A `Result` is seen through aliases, with any error type. Not seen, and so a success: a generic `T` that happens
    /// to be a `Result`, and a `Result` inside of another value. This rung: a std error that may name its type itself.
    Probe -> TypedDisplay, E: MonitorError, Error, |error| {
        read::<E>(error.error_type().or_else(|| named_below(error)), ErrorText::Error(error))
    }
}
rung! {
    /// An error that may name its type, and can be displayed.
    TypedDisplay -> TypedDebug, E: MonitorError, fmt::Display,
    |error| read::<E>(error.error_type(), ErrorText::Display(error))
}
rung! {
    /// An error that may name its type, and has Debug.
    TypedDebug -> Typed, E: MonitorError, fmt::Debug, |error| read::<E>(error.error_type(), ErrorText::Debug(error))
}
rung! {
    /// An error that may name its type, and can do nothing else.
    Typed -> Known, E: MonitorError, |error| read::<E>(error.error_type(), ErrorText::Opaque)
}
rung!(
    @type
    /// Values and errors of types that are known here: the error of the standard library that has another inside of it, boxed
    /// or shared too; and the answers of HTTP and gRPC, where a feature switches them on.
    Known -> SharedSendSync
);

macro_rules! io {
    ($($error:ty),*) => {$(
        impl<'a, T, L> Known<'a, Result<T, $error>, L> {
            rung!(@outcome |error| read::<$error>(named(error), ErrorText::Error(error)));
        }
    )*};
}

io!(io::Error, Box<io::Error>, Arc<io::Error>);

rung! {
    /// `Arc<dyn Error + Send + Sync>`, which is a std error itself.
    SharedSendSync -> Shared, E: AsRef<dyn Error, Send, Sync>, Error,
    |error| read::<E>(named(error.as_ref()), ErrorText::Error(error)),
    read::<E>(named_below(error), ErrorText::Error(error))
}
rung! {
    /// `Arc<dyn Error>`.
    Shared -> AsError, E: AsRef<dyn Error>, Error,
    |error| read::<E>(named(error.as_ref()), ErrorText::Error(error)),
    read::<E>(named_below(error), ErrorText::Error(error))
}
rung! {
    /// An error that is a std error.
    AsError -> BorrowingBox, E: Error, |error| read::<E>(named_below(error), ErrorText::Error(error))
}
rung!(
    @type
    /// A box that may borrow. It stands before the next rung, whose bounds it fulfils but for the lifetime.
    BorrowingBox -> CatchAll
);

macro_rules! borrowing_box {
    ($($object:ty),*) => {$(
        impl<'a, 'e: 'a, T> BorrowingBox<'a, Result<T, Box<$object>>, Borrowing> {
            rung!(@outcome |error| borrowing(error.as_ref()));
        }
    )*};
}

borrowing_box!(
    dyn Error + Send + Sync + 'e,
    dyn Error + Send + 'e,
    dyn Error + 'e
);

rung! {
    /// An error made of any other, as `anyhow::Error` and its kin: it owns the error it gives, regardless of lifetimes
    /// in its type.
    CatchAll -> AsSendSync, E: AsRef<dyn Error + Send + Sync + 'static>, From<fmt::Error>,
    |error| owning(error.as_ref())
}
rung! {
    /// An error that gives a thread-safe std error: `anyhow::Error` and its kin, `Box<dyn Error + Send + Sync>`.
    AsSendSync -> AsSend, E: AsRef<dyn Error, Send, Sync>,
    |error| owning(error.as_ref()), borrowing(error.as_ref())
}
rung! {
    /// `Box<dyn Error + Send>`.
    AsSend -> AsBoxed, E: AsRef<dyn Error, Send>,
    |error| owning(error.as_ref()), borrowing(error.as_ref())
}
rung! {
    /// `Box<dyn Error>`.
    AsBoxed -> AsDisplay, E: AsRef<dyn Error>,
    |error| owning(error.as_ref()), borrowing(error.as_ref())
}
rung! {
    /// An error that can only be displayed: `String`, `&str`.
    AsDisplay -> AsDebug, E: fmt::Display, |error| read::<E>(None, ErrorText::Display(error))
}
rung! {
    /// An error that has Debug alone.
    AsDebug -> AsAny, E: fmt::Debug, |error| read::<E>(None, ErrorText::Debug(error))
}
rung! {
    /// An error that can do nothing: its type's name is all there is.
    AsAny -> AsValue, E, |_error| read::<E>(None, ErrorText::Opaque)
}

/// The last rung: no `Result`.
#[derive(Debug)]
pub struct AsValue<'a, T, L>(&'a T, PhantomData<L>);

impl<'a, T, L> AsValue<'a, T, L> {
    /// The value.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same question as that of a `Result`"
    )]
    #[inline]
    pub fn get(&self) -> Option<&'a T> {
        Some(self.0)
    }

    /// A success: the call returned without an error.
    #[expect(
        clippy::unused_self,
        reason = "the ladder is climbed by method look-up"
    )]
    #[inline]
    pub fn outcome(&self) -> Outcome<'a> {
        Outcome::Success
    }

    /// The outcome of the value in an `Ok`, where it has one of its own.
    #[expect(
        clippy::unused_self,
        reason = "the ladder is climbed by method look-up"
    )]
    #[inline]
    pub fn ok_outcome(&self) -> Outcome<'a> {
        Outcome::Success
    }

    /// When the call ends: with this value.
    #[expect(
        clippy::unused_self,
        reason = "the ladder is climbed by method look-up"
    )]
    #[inline]
    pub fn end(&self) -> EndsAtReturn {
        EndsAtReturn
    }

    /// The same for a value in which a type is not named.
    #[inline]
    pub fn opaque_end(&self) -> EndsAtReturn {
        self.end()
    }

    #[inline]
    fn value(&self) -> &'a T {
        self.0
    }
}

impl<'a, T, E, L> Probe<'a, Result<T, E>, L> {
    /// The value in the `Ok`.
    #[inline]
    pub fn get(&self) -> Option<&'a T> {
        self.value().as_ref().ok()
    }
}

impl<'a, T> Probe<'a, T, Owned> {
    /// Looks at `value`, an error in which has a type without lifetimes.
    #[inline]
    pub fn new(value: &'a T) -> Self {
        Self::at(value)
    }
}

impl<'a, T> Probe<'a, T, Borrowing> {
    /// Looks at `value`, an error in which may borrow.
    #[inline]
    pub fn borrowing(value: &'a T) -> Self {
        Self::at(value)
    }
}

impl<'a, T, L> Probe<'a, T, L> {
    #[inline]
    fn at(value: &'a T) -> Self {
        let unnamed = AsDisplay(AsDebug(AsAny(AsValue(value, PhantomData))));
        let boxed = BorrowingBox(CatchAll(AsSendSync(AsSend(AsBoxed(unnamed)))));
        let known = Known(SharedSendSync(Shared(AsError(boxed))));
        Self(TypedDisplay(TypedDebug(Typed(known))))
    }
}

/// Finds out whether a return type has a lifetime that may hide in an alias: `ReturnType::of(|_: fn(&()) -> R|
/// {}).probe(&value)` is a [`Probe`] for it.
///
/// Method look-up does not distinguish lifetimes, but it does recognise a function that returns the same type for each
/// lifetime of its argument. An elided lifetime of `R`, written or not, is that of the argument. A lifetime in `Self`
/// or in a type parameter cannot be seen this way.
#[derive(Debug)]
pub struct ReturnType<F>(MayBorrow, PhantomData<F>);

/// A function that gives the same type for each lifetime of its argument.
pub trait GivesOneType {}

impl<R> GivesOneType for for<'x> fn(&'x ()) -> R {}

impl<F> ReturnType<F> {
    /// Of a function of this type, which is neither made nor called.
    #[inline]
    pub fn of(_takes_it: impl FnOnce(F)) -> Self {
        Self(MayBorrow, PhantomData)
    }
}

impl<F: GivesOneType> ReturnType<F> {
    /// Looks at a value without lifetimes in its error.
    #[inline]
    pub fn probe<'a, T>(&self, value: &'a T) -> Probe<'a, T, Owned> {
        Probe::new(value)
    }
}

impl<F> Deref for ReturnType<F> {
    type Target = MayBorrow;

    #[inline]
    fn deref(&self) -> &MayBorrow {
        &self.0
    }
}

/// A return type with a lifetime.
#[derive(Debug)]
pub struct MayBorrow;

impl MayBorrow {
    /// Looks at a value with an error that may borrow.
    #[expect(
        clippy::unused_self,
        reason = "the ladder is climbed by method look-up"
    )]
    #[inline]
    pub fn probe<'a, T>(&self, value: &'a T) -> Probe<'a, T, Borrowing> {
        Probe::borrowing(value)
    }
}

/// How an error is read must not cost a call that succeeds any registers, nor the function its place in its caller.
#[cold]
#[inline(never)]
fn failed<'a, E>(error: &'a E, read: impl FnOnce(&'a E) -> Outcome<'a>) -> Outcome<'a> {
    read(error)
}

/// The outcome with the type that was found, or else with the text that the rules search.
fn read<'a, E>(found: Option<&'static str>, text: ErrorText<'a>) -> Outcome<'a> {
    named_or(found, type_name::<E>(), text)
}

/// Reads the error in a wrapper that owns it. The wrapper's own name (`anyhow::Error`, `Box<dyn ..>`) does not describe
/// the failure.
fn owning<'a>(error: &'a (dyn Error + 'static)) -> Outcome<'a> {
    named_or(named(error), "", ErrorText::Error(error))
}

/// Reads the error in a wrapper that may borrow it.
fn borrowing<'a>(error: &'a (dyn Error + 'a)) -> Outcome<'a> {
    named_or(named_below(error), "", ErrorText::Error(error))
}

fn named_or<'a>(
    found: Option<&'static str>,
    type_name: &'static str,
    text: ErrorText<'a>,
) -> Outcome<'a> {
    match found {
        Some(error_type) => Outcome::Named(NamedView { error_type, text }),
        None => Outcome::Error(ErrorView { type_name, text }),
    }
}

/// Notes the size of the returned value ([`Probe::get`]), if it is a success.
#[inline]
pub fn response_size<T, S: ByteSize>(
    call: &mut CallGuard,
    returned: Option<&T>,
    size: impl FnOnce(&T) -> S,
) {
    if let Some(bytes) = returned.and_then(|value| size(value).bytes()) {
        call.response_size(bytes);
    }
}

/// The outcome of a call whose errors a function names.
#[inline]
pub fn error_type<T, E>(
    value: &Result<T, E>,
    name: impl FnOnce(&E) -> &'static str,
) -> Outcome<'_> {
    match value {
        Ok(_) => Outcome::Success,
        Err(error) => Outcome::ErrorType(name(error)),
    }
}

/// Asks a predicate about a value.
#[inline]
pub fn holds<R>(value: &R, predicate: impl FnOnce(&R) -> bool) -> bool {
    predicate(value)
}

impl<'a> Outcome<'a> {
    /// The outcome of a call that failed with this error, as `#[monitored]` reads one in a `Box<dyn Error>`: the type that
    /// it or one of its sources names ([`MonitorError`]), else the one that the configured rules find in its texts.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Outcome, TimeoutError};
    ///
    /// let error: Box<dyn std::error::Error> = Box::new(TimeoutError::new(None));
    /// assert!(matches!(Outcome::of_error(&*error), Outcome::Named(view) if view.error_type == "timeout"));
    /// ```
    pub fn of_error(error: &'a (dyn Error + 'static)) -> Self {
        owning(error)
    }
}

/// How the attribute's `error_type`, `ok_if` and `error_if` (`ok_if` with the condition negated) change an outcome.
impl<'a> Outcome<'a> {
    /// With this error type, if it is a failure.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn named(self, name: &'a str) -> Self {
        match self {
            Self::Success => self,
            Self::Expected(_) => Self::Expected(name),
            failed => match failed.error_text() {
                Some(text) => Self::Named(NamedView {
                    error_type: name,
                    text,
                }),
                None => Self::ErrorType(name),
            },
        }
    }

    /// A success if `ok`; else a failure, of the type it had if it was one. Neither is expected: the attribute decides.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn ok_if(self, ok: bool) -> Self {
        match self {
            _ if ok => Self::Success,
            Self::Success => Self::ErrorType("other"),
            Self::Expected(name) => Self::ErrorType(name),
            failed => failed,
        }
    }

    /// If it is a success, the outcome of the value in the `Ok`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn and(self, ok: Self) -> Self {
        match self {
            Self::Success => ok,
            failed => failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names the rung: how the error is read, and the last segment of its type's name.
    fn rung(outcome: &Outcome<'_>) -> String {
        match outcome {
            Outcome::Success => "success".to_owned(),
            Outcome::Error(view) => {
                let name = view.type_name.rsplit("::").next().unwrap_or_default();
                let name = name.split('<').next().unwrap_or_default();
                format!("{:?} {name}", view.text)
            }
            Outcome::Named(view) => format!("Named {:?} {:?}", view.error_type, view.text),
            other => format!("{other:?}"),
        }
    }

    macro_rules! assert_rung {
        ($type:ty, $value:expr, $rung:expr) => {{
            let value: $type = $value;
            assert_eq!(rung(&Probe::new(&value).outcome()), $rung);
        }};
    }

    struct Bare;
    #[derive(Debug)]
    struct DebugOnly;
    #[derive(Debug)]
    struct Typed(Option<&'static str>);
    impl MonitorError for Typed {
        fn error_type(&self) -> Option<&'static str> {
            self.0
        }
    }

    #[test]
    fn each_error_type_is_read_by_the_best_it_can_do() {
        let parse = || "x".parse::<i32>().map(|_| ());
        assert_rung!(Result<(), std::num::ParseIntError>, parse(), "Error ParseIntError");
        assert_rung!(
            io::Result<()>,
            Err(io::ErrorKind::NotFound.into()),
            "Error Error"
        );
        assert_rung!(anyhow::Result<()>, Err(anyhow::anyhow!("x")), "Error ");
        assert_rung!(Result<(), Box<dyn Error + Send + Sync>>, Err("x".into()), "Error ");
        assert_rung!(Result<(), Box<dyn Error>>, Err("x".into()), "Error ");
        assert_rung!(Result<(), String>, Err("x".to_owned()), "Display String");
        assert_rung!(Result<(), &str>, Err("x"), "Display &str");
        assert_rung!(Result<(), DebugOnly>, Err(DebugOnly), "Debug DebugOnly");
        assert_rung!(Result<(), Bare>, Err(Bare), "Opaque Bare");
        assert_rung!(Result<(), Typed>, Err(Typed(None)), "Debug Typed");
        assert_rung!(Result<(), Typed>, Err(Typed(Some("mine"))), "Named \"mine\" Debug");
        assert_rung!(Result<(), Box<Typed>>, Err(Box::new(Typed(Some("mine")))), "Named \"mine\" Debug");
    }

    #[test]
    fn what_is_no_failed_result_is_a_success() {
        assert_rung!(Result<(), Bare>, Ok(()), "success");
        assert_rung!(Option<Result<(), Bare>>, Some(Err(Bare)), "success");
        assert_rung!(Result<Result<(), Bare>, Bare>, Ok(Err(Bare)), "success");
        assert_rung!(u8, 1, "success");
    }

    #[test]
    fn a_boxed_error_may_borrow() {
        #[derive(Debug)]
        struct Borrowed<'a>(&'a str);
        impl fmt::Display for Borrowed<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
        impl Error for Borrowed<'_> {}

        fn check<'e>(value: &Result<(), Box<dyn Error + 'e>>) -> String {
            rung(&Probe::borrowing(value).outcome())
        }
        let text = "here".to_owned();
        assert_eq!(check(&Err(Box::new(Borrowed(&text)))), "Error ");
        assert_rung!(Result<(), Borrowed<'_>>, Err(Borrowed(&text)), "Error Borrowed");
    }

    #[test]
    fn a_bound_of_a_generic_error_is_used() {
        fn displayed<E: fmt::Display>(value: &Result<(), E>) -> String {
            rung(&Probe::new(value).outcome())
        }
        fn bare<E>(value: &Result<(), E>) -> String {
            rung(&Probe::new(value).outcome())
        }
        assert_eq!(displayed(&Err("x")), "Display &str");
        assert_eq!(bare(&Err("x")), "Opaque &str");
    }
}
