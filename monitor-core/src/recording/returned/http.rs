//! Values that have an HTTP status: responses, statuses, and the tuples that frameworks make responses of. The status
//! decides, in an `Ok` and in an `Err`.

use http::{Response, StatusCode};

use super::{Known, Probe};
use crate::errors::Outcome;

/// A value with an HTTP status.
pub trait HasStatus {
    /// The status.
    fn status(&self) -> StatusCode;
}

impl HasStatus for StatusCode {
    #[inline]
    fn status(&self) -> StatusCode {
        *self
    }
}

impl<B> HasStatus for Response<B> {
    #[inline]
    fn status(&self) -> StatusCode {
        self.status()
    }
}

macro_rules! tuples {
    ($(($($part:ident),+))+) => {$(
        impl<$($part),+> HasStatus for (StatusCode, $($part),+) {
            #[inline]
            fn status(&self) -> StatusCode {
                self.0
            }
        }
    )+};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }

#[inline]
fn outcome_of<T: HasStatus>(value: &T) -> Outcome<'static> {
    Outcome::of_http_status(value.status().as_u16())
}

impl<'a, T: HasStatus, L> Known<'a, T, L> {
    /// The outcome this value stands for: that of its status.
    #[inline]
    pub fn outcome(&self) -> Outcome<'a> {
        outcome_of(self.value())
    }
}

impl<'a, T, E: HasStatus, L> Known<'a, Result<T, E>, L> {
    /// The outcome this value stands for: that of the status in an `Err`.
    #[inline]
    pub fn outcome(&self) -> Outcome<'a> {
        self.value()
            .as_ref()
            .err()
            .map_or(Outcome::Success, outcome_of)
    }
}

impl<'a, T: HasStatus, E, L> Probe<'a, Result<T, E>, L> {
    /// The outcome of the value in an `Ok`.
    #[inline]
    pub fn ok_outcome(&self) -> Outcome<'a> {
        self.value().as_ref().map_or(Outcome::Success, outcome_of)
    }
}
