//! What the attribute's arguments ask of a returned value.

use std::ops::Deref;

use crate::errors::Outcome;
use crate::recording::guard::CallGuard;
use crate::recording::plan::ByteSize;

/// What a size of the response is read from: `Answer::new(&value).get()` is what is in an `Ok`, and any value that is no
/// `Result`.
#[derive(Debug)]
pub struct Answer<'a, T>(AnyAnswer<'a, T>);

/// An answer that is no `Result`.
#[derive(Debug)]
pub struct AnyAnswer<'a, T>(&'a T);

impl<'a, T> Answer<'a, T> {
    /// Looks at `value`.
    #[inline]
    pub fn new(value: &'a T) -> Self {
        Self(AnyAnswer(value))
    }
}

impl<'a, T> Deref for Answer<'a, T> {
    type Target = AnyAnswer<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T, E> Answer<'a, Result<T, E>> {
    /// What is in the `Ok`.
    #[inline]
    pub fn get(&self) -> Option<&'a T> {
        self.0.0.as_ref().ok()
    }
}

impl<'a, T> AnyAnswer<'a, T> {
    /// The value.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same question as that of a `Result`"
    )]
    #[inline]
    pub fn get(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// Notes the size of an answer, if there is one.
#[inline]
pub fn response_size<T, S: ByteSize>(
    call: &mut CallGuard,
    answer: Option<&T>,
    size: impl FnOnce(&T) -> S,
) {
    if let Some(bytes) = answer.and_then(|answer| size(answer).bytes()) {
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

/// For the arguments `error_type`, `ok_if` and `error_if`.
impl<'a> Outcome<'a> {
    /// With this error type, if it is a failure.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn named(self, name: &'a str) -> Self {
        match self {
            Self::Success => self,
            _ => Self::ErrorType(name),
        }
    }

    /// A success if `ok`; else a failure, of the type it had if it was one.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn ok_if(self, ok: bool) -> Self {
        match self {
            _ if ok => Self::Success,
            Self::Success => Self::ErrorType("other"),
            failed => failed,
        }
    }

    /// The contrary of [`ok_if`](Self::ok_if).
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn error_if(self, error: bool) -> Self {
        self.ok_if(!error)
    }
}
