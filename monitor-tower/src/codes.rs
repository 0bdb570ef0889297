//! gRPC status codes: the error type of each, its meaning, and where a response or an error has one.
//!
//! A code stands in the trailers (`grpc-status`), or in the head of a response that has nothing else ("trailers only"). A
//! response without one has the code that a client derives from its HTTP status, as the gRPC specification says.

use std::any::Any;
use std::error::Error;
use std::panic::catch_unwind;

use http::{HeaderMap, StatusCode};
use monitor_core::errors::grpc_type;
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use crate::call::Verdict;
use crate::errors::BoxError;

/// The header, or trailer, of a code.
const GRPC_STATUS: &str = "grpc-status";

/// The failure of a response whose body ended with an error.
pub(crate) const BROKEN_BODY: &str = "grpc_body";

monitor_core::__private::inventory::submit! { monitor_core::__private::LateTypes(&[BROKEN_BODY]) }

/// The error type of a code.
pub(crate) fn type_of(code: Code) -> &'static str {
    grpc_type(code.into())
}

/// The meaning of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeOutcome {
    /// A success.
    Success,
    /// A failure that does not affect health: an answer about the request.
    Expected,
    /// A failure.
    Failure,
    /// The caller gave the call up.
    Cancelled,
}

impl CodeOutcome {
    /// The meaning that a code of a server has by default. Answers about the request are expected; an answer that the
    /// service could not give is a failure.
    ///
    /// `CANCELLED` is a failure: the failures of a handler whose client has left are `cancelled` in any case, so another
    /// `CANCELLED` is one that a waiting client gets, for example because a dependency of the handler ran into a time
    /// limit, which tonic reports so.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_tower::CodeOutcome;
    /// use tonic::Code;
    ///
    /// assert_eq!(CodeOutcome::of_server(Code::Ok), CodeOutcome::Success);
    /// assert_eq!(CodeOutcome::of_server(Code::NotFound), CodeOutcome::Expected);
    /// assert_eq!(CodeOutcome::of_server(Code::Unauthenticated), CodeOutcome::Expected);
    /// assert_eq!(CodeOutcome::of_server(Code::ResourceExhausted), CodeOutcome::Failure);
    /// ```
    #[must_use]
    pub fn of_server(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied => {
                Self::Expected
            }
            other => Self::of_client(other),
        }
    }

    /// The meaning that a code has by default for the service that made the call. Only answers about the data are
    /// expected; a call with invalid arguments or credentials is a fault of this service, and fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_tower::CodeOutcome;
    /// use tonic::Code;
    ///
    /// assert_eq!(CodeOutcome::of_client(Code::NotFound), CodeOutcome::Expected);
    /// assert_eq!(CodeOutcome::of_client(Code::Unauthenticated), CodeOutcome::Failure);
    /// ```
    #[must_use]
    pub fn of_client(code: Code) -> Self {
        match code {
            Code::Ok => Self::Success,
            Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange => Self::Expected,
            _ => Self::Failure,
        }
    }

    /// The meaning of a code by this rule; by the default one where the rule panics.
    pub(crate) fn by(rule: CodeRule, default: CodeRule, code: Code) -> Self {
        catch_unwind(|| rule(code)).unwrap_or_else(|_| default(code))
    }

    /// The outcome of a call that ended with this code.
    pub(crate) fn verdict(self, code: Code) -> Verdict {
        match self {
            Self::Success => Verdict::Success,
            Self::Expected => Verdict::Expected(type_of(code)),
            Self::Failure => Verdict::Failure(type_of(code)),
            Self::Cancelled => Verdict::Cancelled,
        }
    }
}

/// Returns the meaning of a code.
pub(crate) type CodeRule = fn(Code) -> CodeOutcome;

/// The code in a response's head or trailers. Anything but a known number is `UNKNOWN`.
pub(crate) fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers
        .get(GRPC_STATUS)
        .map(|code| Code::from_bytes(code.as_bytes()))
}

/// The code of a response that has none, by its HTTP status ("HTTP to gRPC Status Code Mapping" of the specification). A
/// response that should have had one is `UNKNOWN`.
pub(crate) fn code_of_status(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The code of an error that has one of tonic's types, or is of a limit of tower's, itself or in its chain of sources. An
/// expired time limit is `DEADLINE_EXCEEDED`, which tonic itself reports as `CANCELLED`.
pub(crate) fn code_of_error<E: 'static>(error: &E) -> Option<Code> {
    let any: &dyn Any = error;
    if let Some(status) = any.downcast_ref::<Status>() {
        return Some(status.code());
    }
    let boxed = any.downcast_ref::<BoxError>()?;
    let mut next: Option<&(dyn Error + 'static)> = Some(&**boxed);
    // The core reads no more sources of an error either.
    for _ in 0..64 {
        let error = next?;
        if let Some(status) = error.downcast_ref::<Status>() {
            return Some(status.code());
        }
        if error.is::<TimeoutExpired>() || error.is::<Elapsed>() {
            return Some(Code::DeadlineExceeded);
        }
        if error.is::<ConnectError>() {
            return Some(Code::Unavailable);
        }
        if error.is::<Overloaded>() {
            return Some(Code::ResourceExhausted);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_and_an_unreadable_one_is_unknown() {
        let with = |code: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_STATUS, code.parse().expect("a header"));
            code_in(&headers)
        };
        assert_eq!(with("14"), Some(Code::Unavailable));
        for unreadable in ["", "17", "140", "-1", "ok"] {
            assert_eq!(with(unreadable), Some(Code::Unknown), "{unreadable:?}");
        }
        assert_eq!(code_in(&HeaderMap::new()), None);
    }

    #[test]
    fn a_code_is_found_in_the_sources_of_an_error() {
        let boxed: BoxError = Box::new(Status::not_found("gone"));
        assert_eq!(code_of_error(&boxed), Some(Code::NotFound));
        let refused: BoxError = Box::new(ConnectError("refused".into()));
        assert_eq!(code_of_error(&refused), Some(Code::Unavailable));
        let late: BoxError = Box::new(TimeoutExpired(()));
        assert_eq!(code_of_error(&late), Some(Code::DeadlineExceeded));
        let shed: BoxError = Box::new(Overloaded::new());
        assert_eq!(code_of_error(&shed), Some(Code::ResourceExhausted));
        assert_eq!(code_of_error(&Status::internal("")), Some(Code::Internal));
        assert_eq!(code_of_error(&BoxError::from("other")), None);
    }
}
