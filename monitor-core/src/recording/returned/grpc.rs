//! Values that gRPC methods return: a [`Status`] in an `Err`, and responses whose stream goes on after the function
//! returned.
//!
//! A stream can be followed in two places. Where it is a boxed trait object, another box of the same type takes its
//! place, around the stream and its call. Where the function returns an `impl Stream`, its type may be another one. A
//! stream of any other type cannot be replaced by one that is monitored, so the call ends with the response.

use std::pin::Pin;

use futures_core::Stream;
use tonic::{Code, Response, Status};

use super::{Known, Probe};
use crate::errors::{ErrorText, NamedView, Outcome, named_below};
use crate::recording::guard::CallGuard;
use crate::recording::run::{CallEnd, EndsAtReturn, InPlaceCall, RestOfCall, without_call};

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
            // Its Display ends in the Debug of its source, whose fields may be secrets.
            text: ErrorText::Text(status.message()),
        }),
        outcome => outcome,
    }
}

/// The end of a call whose value has a boxed stream in it: that of the stream. A box of the same type takes its place.
#[derive(Debug, Clone, Copy)]
pub struct EndsWithBox;

/// The same for a stream of a type that the function does not name: the function returns another one.
#[derive(Debug, Clone, Copy)]
pub struct EndsWithStream;

/// An item of a gRPC stream.
type Item<M> = Result<M, Status>;

/// Reads the outcome off an item.
type ItemVerdict<M> = for<'a> fn(&'a Item<M>, &mut CallGuard) -> Outcome<'a>;

fn item_outcome<'a, M>(item: &'a Item<M>, _: &mut CallGuard) -> Outcome<'a> {
    Probe::new(item).outcome()
}

macro_rules! boxes {
    ($($stream:ty),*) => {$(
        impl<'a, 's: 'a, M, E, L> Probe<'a, Result<Response<Pin<Box<$stream>>>, E>, L> {
            /// When the call ends: with the stream in the response.
            #[inline]
            pub fn end(&self) -> EndsWithBox {
                EndsWithBox
            }
        }

        impl<'s, M: 's, E> CallEnd<Result<Response<Pin<Box<$stream>>>, E>> for EndsWithBox {
            type Value = Result<Response<Pin<Box<$stream>>>, E>;

            fn succeed(self, call: InPlaceCall<false>, value: Self::Value) -> Self::Value {
                match EndsWithStream.succeed(call, value) {
                    Ok(response) => Ok(response.map(|stream| -> Pin<Box<$stream>> { Box::pin(stream) })),
                    Err(error) => Err(error),
                }
            }

            fn ended(self, value: Self::Value) -> Self::Value {
                value
            }
        }
    )*};
}

boxes!(
    dyn Stream<Item = Item<M>> + Send + 's,
    dyn Stream<Item = Item<M>> + Send + Sync + 's,
    dyn Stream<Item = Item<M>> + 's
);

impl<S: Stream<Item = Item<M>>, M, E, L> Probe<'_, Result<Response<S>, E>, L> {
    /// When the call ends, where the function does not name the stream's type: with the stream in the response.
    #[inline]
    pub fn opaque_end(&self) -> EndsWithStream {
        EndsWithStream
    }
}

impl<S: Stream<Item = Item<M>>, M, E> CallEnd<Result<Response<S>, E>> for EndsWithStream {
    type Value = Result<Response<RestOfCall<S, ItemVerdict<M>>>, E>;

    fn succeed(self, call: InPlaceCall<false>, value: Result<Response<S>, E>) -> Self::Value {
        let verdict: ItemVerdict<M> = item_outcome;
        match value {
            Ok(response) => Ok(response.map(|stream| call.into_stream(stream, verdict))),
            // One that the attribute's `ok_if` takes for a success.
            failed => self.ended(EndsAtReturn.succeed(call, failed)),
        }
    }

    fn ended(self, value: Result<Response<S>, E>) -> Self::Value {
        let verdict: ItemVerdict<M> = item_outcome;
        value.map(|response| response.map(|stream| without_call(stream, verdict)))
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use std::error::Error;
    use std::fmt;
    use std::time::Duration;

    use super::*;
    use crate::{Monitor, StorageConfig};

    /// An error with a field that only its Debug prints.
    #[derive(Debug)]
    struct LoginError {
        #[expect(dead_code, reason = "it is printed by Debug")]
        password: &'static str,
    }

    impl fmt::Display for LoginError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no login")
        }
    }

    impl Error for LoginError {}

    /// An error whose source is a status.
    #[derive(Debug)]
    struct CallError(Status);

    impl fmt::Display for CallError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the call failed")
        }
    }

    impl Error for CallError {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn status() -> Status {
        Status::from_error(Box::new(LoginError {
            password: "hunter2",
        }))
    }

    fn kept_text(outcome: Outcome<'_>) -> String {
        let monitor = Monitor::new(StorageConfig::default());
        let method = monitor.method("Login").expect("a name");
        method.start().finish(outcome);
        monitor.last_errors(Duration::MAX).remove(0).text
    }

    #[test]
    fn the_text_of_a_status_has_no_field_of_its_source() {
        assert!(status().to_string().contains("hunter2"));
        let (bare, boxed) = (Err::<(), _>(status()), Err::<(), _>(Box::new(status())));
        assert_eq!(kept_text(Probe::new(&bare).outcome()), "no login");
        assert_eq!(kept_text(Probe::new(&boxed).outcome()), "no login");
        let inside = Err::<(), _>(CallError(status()));
        assert_eq!(
            kept_text(Probe::new(&inside).outcome()),
            "the call failed: no login"
        );
    }
}
