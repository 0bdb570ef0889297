//! Values that gRPC methods return: a [`Status`] in an `Err`, and responses whose stream goes on after the function
//! returned.
//!
//! A stream is found where it is a boxed trait object, by its type: then another box with the same type, around the
//! stream and its call, takes its place. A stream of any other type cannot be replaced by one that is monitored, so the
//! call ends with the response.

use std::pin::Pin;

use futures_core::Stream;
use tonic::{Code, Response, Status};

use super::{Known, Probe};
use crate::errors::{ErrorText, NamedView, Outcome, named_below};
use crate::recording::run::{CallEnd, EndsAtReturn, InPlaceCall};

impl<'a, T, L> Known<'a, Result<T, Status>, L> {
    /// The outcome this value stands for: that of the code in an `Err`.
    #[inline]
    pub fn outcome(&self) -> Outcome<'a> {
        self.value()
            .as_ref()
            .err()
            .map_or(Outcome::Success, outcome_of)
    }
}

impl<'a, T, L> Known<'a, Result<T, Box<Status>>, L> {
    /// The outcome this value stands for: that of the code in an `Err`.
    #[inline]
    pub fn outcome(&self) -> Outcome<'a> {
        let status = self.value().as_ref().err();
        status.map_or(Outcome::Success, |status| outcome_of(status))
    }
}

/// The outcome of a status that is an error: one that was made of an error which names its type has that one.
#[cold]
#[inline(never)]
fn outcome_of(status: &Status) -> Outcome<'_> {
    let outcome = match (named_below(status), status.code()) {
        (Some(name), _) => Outcome::ErrorType(name),
        // A mistake: the caller gets no message.
        (None, Code::Ok) => Outcome::of_grpc_code(Code::Unknown as i32),
        (None, code) => Outcome::of_grpc_code(code as i32),
    };
    match outcome {
        Outcome::ErrorType(error_type) => Outcome::Named(NamedView {
            error_type,
            text: ErrorText::Error(status),
        }),
        outcome => outcome,
    }
}

/// The end of a call whose value has a stream in it: that of the stream.
#[derive(Debug, Clone, Copy)]
pub struct EndsWithStream;

macro_rules! streams {
    ($($object:ty),*) => {$(
        impl<'a, 's: 'a, M, E, L> Probe<'a, Result<Response<Pin<Box<$object>>>, E>, L> {
            /// When the call ends: with the stream in the response.
            #[inline]
            pub fn end(&self) -> EndsWithStream {
                EndsWithStream
            }
        }

        impl<'s, M: 's, E> CallEnd<Result<Response<Pin<Box<$object>>>, E>> for EndsWithStream {
            fn succeed(
                self,
                call: InPlaceCall<false>,
                value: Result<Response<Pin<Box<$object>>>, E>,
            ) -> Result<Response<Pin<Box<$object>>>, E> {
                match value {
                    Ok(response) => Ok(response.map(|stream| -> Pin<Box<$object>> {
                        Box::pin(call.into_stream(stream, |item, _| Probe::new(item).outcome()))
                    })),
                    // One that the attribute's `ok_if` takes for a success.
                    failed => EndsAtReturn.succeed(call, failed),
                }
            }
        }
    )*};
}

streams!(
    dyn Stream<Item = Result<M, Status>> + Send + 's,
    dyn Stream<Item = Result<M, Status>> + Send + Sync + 's,
    dyn Stream<Item = Result<M, Status>> + 's
);
