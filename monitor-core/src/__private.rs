//! The items that expansions of `#[monitored]` and of the derives name, and `date_and_time`, which `monitor-server`
//! shares. Not part of the public API: it may change in any release.

pub use core::{file, line};

pub use inventory;

pub use std::boxed::Box;

pub use crate::base::clock::date_and_time;
pub use crate::data::buckets::{SIZE_BOUNDS, TIME_BOUNDS};
pub use crate::data::status::TaskStatus;
pub use crate::data::window::ShareParts;
pub use crate::errors::{DeclaredType, DeclaredTypes, LateTypes, NamedError, Naming, Unnamed};
pub use crate::recording::args::{CallArgs, Root, Start};
pub use crate::recording::guard::{CallGuard, no_call};
pub use crate::recording::label_sets::{
    IsParameter, LabelKey, LikelyParameter, bounded, label_values, late, text,
};
pub use crate::recording::limit::limit;
pub use crate::recording::returned::{Probe, ReturnType, error_type, holds, response_size};
pub use crate::recording::run::{
    InPlaceCall, awaited, make, run_async, run_begun, run_body, run_stream, run_sync,
};
pub use crate::recording::site::{CallSite, SiteEntry, SiteSettings, TypeSource};

use std::marker::PhantomData;

use crate::errors::Outcome;
use crate::monitor::MAX_METHOD_NAME;

/// Checks a method name given as a constant, while compiling: the macro sees only the constant's path.
///
/// # Panics
///
/// If the name is empty or longer than 120 bytes.
pub const fn method_name(name: &'static str) -> &'static str {
    assert!(!name.is_empty(), "the method name is empty");
    assert!(
        name.len() <= MAX_METHOD_NAME,
        "the method name is longer than 120 bytes"
    );
    name
}

/// Checks bounds that a method has beside the common ones, while compiling.
///
/// # Panics
///
/// If there are none, if one is negative or not finite, if they do not increase, or if there are more than fit beside
/// the common ones.
pub const fn bounds(bounds: &'static [f64]) -> &'static [f64] {
    assert!(!bounds.is_empty(), "there are no bounds");
    let (mut last, mut rest, mut own) = (-1.0, bounds, 0);
    while let [bound, after @ ..] = rest {
        assert!(
            bound.is_finite() && *bound >= 0.0,
            "a bound is negative or not finite"
        );
        assert!(last < *bound, "the bounds do not increase strictly");
        own += if is_common(*bound) { 0 } else { 1 };
        (last, rest) = (*bound, after);
    }
    assert!(
        own + TIME_BOUNDS.len() < 128,
        "there are more than 74 bounds beside the common ones"
    );
    bounds
}

#[expect(clippy::float_cmp, reason = "the same bound, or another")]
const fn is_common(bound: f64) -> bool {
    let mut rest: &[f64] = &TIME_BOUNDS;
    while let [common, after @ ..] = rest {
        if *common == bound {
            return true;
        }
        rest = after;
    }
    false
}

/// The output of a future.
pub type Output<F> = <F as Future>::Output;

/// The items of a stream.
pub type Item<S> = <S as futures_core::Stream>::Item;

/// The typed return edge of an async body: `if false { return edge::<Ret>() }` gives the compiler the type to coerce
/// to.
///
/// # Panics
///
/// Always; it is never called.
#[cold]
pub fn edge<R>() -> R {
    unreachable!("the return edge of an async body is never taken")
}

/// Where instrumentation is off, checks the type of the closure that would read the outcome off a value.
pub fn judged<R, V>(_: V)
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
}

/// Whether a return type is a `Result`, known while compiling: `Returns::<T>::RESULT`.
#[derive(Debug)]
pub struct Returns<T>(PhantomData<T>);

impl<T, E> Returns<Result<T, E>> {
    /// It is.
    pub const RESULT: bool = true;
}

/// The result for types that are not `Result`.
pub trait ReturnsValue {
    /// It is not, or the type is generic.
    const RESULT: bool = false;
}

impl<T> ReturnsValue for Returns<T> {}

/// Refuses `#[track_caller]` on a function that turns out to return a `Result`.
///
/// # Panics
///
/// If `is_result`.
pub const fn refuse_result(is_result: bool) {
    assert!(
        !is_result,
        "`#[track_caller]` cannot be kept on a monitored function that returns a `Result`: seeing the `Result` takes a \
         closure around the body, and in a closure the caller's place is lost"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_method_name_has_1_to_120_bytes() {
        assert_eq!(method_name("X"), "X");
        let longest: &'static str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert_eq!(method_name(longest).len(), MAX_METHOD_NAME);
        assert!(std::panic::catch_unwind(|| method_name("")).is_err());
        let longer: &'static str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert!(std::panic::catch_unwind(|| method_name(longer)).is_err());
    }

    #[test]
    fn an_alias_of_a_result_is_seen_as_one() {
        type Alias = std::io::Result<()>;
        let seen = [Returns::<Alias>::RESULT, Returns::<Option<u8>>::RESULT];
        assert_eq!(seen, [true, false]);
    }
}
