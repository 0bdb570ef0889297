//! Calls whose body stays where it is, between two ends: what cannot move into a closure or a future of its own.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use crate::base::sync::Ordering;
use crate::errors::Outcome;
use crate::recording::awaited::awaited;
use crate::recording::guard::CallGuard;
use crate::recording::method::MethodCore;
use crate::recording::permits::Permit;
use crate::recording::plan::Start;
use crate::recording::run;
use crate::recording::stream::{RunStream, running_stream};
use crate::recording::tasks::Suspension;

/// Starts a call. Without a `leave`, in a function that never returns, its drop reports a panic or a cancellation.
#[inline]
pub fn enter(start: impl Start) -> Entered {
    Entered {
        call: ManuallyDrop::new(start.start()),
    }
}

/// A call that was entered and not left yet.
///
/// What drops it while its body is suspended comes from outside: the call is cancelled, also if that is a panic, which is one
/// of another future then. While the body runs, it is the body's own panic.
#[derive(Debug)]
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct Entered {
    call: ManuallyDrop<CallGuard>,
}

impl Drop for Entered {
    #[cold]
    fn drop(&mut self) {
        let call = CallGuard::taken(&self.call);
        if call.suspension().is_suspended() {
            call.finish(Outcome::Cancelled);
        }
    }
}

/// How many calls of a method may run at once.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// The configured number.
    Workers,
    /// This many; 0 is no limit.
    Calls(usize),
}

/// The configured number.
#[inline]
pub fn workers() -> Limit {
    Limit::Workers
}

/// This many; 0 is no limit, and a number below 0 is 1.
#[inline]
pub fn limit(calls: &impl Calls) -> Limit {
    Limit::Calls(calls.calls())
}

/// A number of calls: any integer, or a reference to one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number of calls",
    label = "expected an integer, or `workers`"
)]
pub trait Calls {
    /// The number.
    fn calls(&self) -> usize;
}

macro_rules! numbers_of_calls {
    ($($integer:ty)*) => {$(
        impl Calls for $integer {
            #[inline]
            fn calls(&self) -> usize {
                // A number that is too large is no limit in all but name; one below zero lets one call at a time pass.
                #[allow(unused_comparisons, reason = "for all integers alike")]
                usize::try_from(*self).unwrap_or(if *self < 0 { 1 } else { usize::MAX })
            }
        }
    )*};
}

numbers_of_calls!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<T: Calls + ?Sized> Calls for &T {
    #[inline]
    fn calls(&self) -> usize {
        (**self).calls()
    }
}

impl Calls for std::num::NonZeroUsize {
    #[inline]
    fn calls(&self) -> usize {
        self.get()
    }
}

impl Entered {
    /// The call, for its body.
    #[inline]
    pub fn guard(&mut self) -> &mut CallGuard {
        &mut self.call
    }

    /// Where the body notes that it is suspended, for its awaits. It borrows nothing: the body may have the guard meanwhile.
    #[inline]
    pub fn suspension(&self) -> Suspension {
        self.call.suspension()
    }

    /// The guard, which reports the call from here on.
    #[inline]
    fn into_guard(self) -> CallGuard {
        CallGuard::taken(&ManuallyDrop::new(self).call)
    }

    /// Waits until the call may run, and notes how long that took as `permit_wait_time`.
    pub async fn permit(&mut self, limit: Limit) -> Permit<'static> {
        let method = self.call.method();
        let permits = &method.common.permits;
        if let Limit::Calls(calls) = limit {
            permits.ensure_limit(calls);
        }
        let permit = if let Some(permit) = permits.try_acquire() {
            permit
        } else {
            let _waiting = Waiting::new(method);
            awaited(self.suspension(), permits.acquire()).await
        };
        let waited = self.call.elapsed().as_secs_f64();
        self.call.observe("permit_wait_time", waited);
        permit
    }

    /// Ends the call with its value.
    #[inline]
    pub fn leave<R, V>(self, value: R, verdict: V) -> R
    where
        V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
    {
        run::leave(self.into_guard(), value, verdict)
    }

    /// Goes on with the stream that is its value.
    #[inline]
    pub fn leave_stream<I, T, V>(self, stream: T, verdict: V) -> RunStream<CallGuard, T, V>
    where
        T: futures_core::Stream<Item = I>,
        V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
    {
        running_stream(self.into_guard(), stream, verdict)
    }

    /// [`leave_stream`](Self::leave_stream) for functions that return a pinned box.
    #[inline]
    pub fn leave_stream_pinned<I, T, V>(
        self,
        stream: T,
        verdict: V,
    ) -> Pin<Box<RunStream<CallGuard, T, V>>>
    where
        T: futures_core::Stream<Item = I>,
        V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
    {
        Box::pin(self.leave_stream(stream, verdict))
    }

    /// [`leave_stream`](Self::leave_stream) for functions that return a box.
    #[inline]
    pub fn leave_stream_boxed<I, T, V>(
        self,
        stream: T,
        verdict: V,
    ) -> Box<RunStream<CallGuard, T, V>>
    where
        T: futures_core::Stream<Item = I>,
        V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
    {
        Box::new(self.leave_stream(stream, verdict))
    }
}

/// Counts a call as waiting for a permit, also where it is dropped meanwhile.
struct Waiting(&'static MethodCore);

impl Waiting {
    fn new(method: &'static MethodCore) -> Self {
        method.waiting.fetch_add(1, Ordering::Relaxed);
        Self(method)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a call that is a success when the guard is dropped, unless a panic drops it, or its body is suspended: for functions
/// whose value cannot be looked at, because their body has to be their end.
#[inline]
pub fn enter_returning(start: impl Start) -> Returning {
    Returning {
        call: ManuallyDrop::new(enter(start)),
        panicking_at_entry: std::thread::panicking(),
    }
}

/// The guard of [`enter_returning`].
#[derive(Debug)]
pub struct Returning {
    call: ManuallyDrop<Entered>,
    panicking_at_entry: bool,
}

impl Deref for Returning {
    type Target = Entered;

    #[inline]
    fn deref(&self) -> &Entered {
        &self.call
    }
}

impl DerefMut for Returning {
    #[inline]
    fn deref_mut(&mut self) -> &mut Entered {
        &mut self.call
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        let entered = Entered {
            call: ManuallyDrop::new(CallGuard::taken(&self.call.call)),
        };
        let panicked = std::thread::panicking() && !self.panicking_at_entry;
        if panicked || entered.suspension().is_suspended() {
            // Whose own drop tells the one from the other.
            drop(entered);
        } else {
            entered.into_guard().finish(Outcome::Success);
        }
    }
}
