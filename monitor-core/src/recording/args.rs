//! Arguments of one call: values that the attribute reads from the function's arguments before the call starts, and the
//! types that can start a call.
//!
//! A call without such arguments starts from its [`CallSite`] alone. Where a call has some, the expansion collects them
//! in [`CallArgs`], each in a statement of its own, so that a borrow of one of them (a lock guard, say) ends before the
//! next is read.

use std::time::Duration;

use crate::recording::current::CallWord;
use crate::recording::guard::CallGuard;
use crate::recording::label_sets::{LabelValue, MethodId};
use crate::recording::site::CallSite;
use crate::recording::thread;

/// A type that can start a call.
pub trait Start {
    /// Starts it.
    fn start(self) -> CallGuard;
}

impl Start for &'static CallSite {
    #[inline]
    fn start(self) -> CallGuard {
        CallGuard::start(self)
    }
}

/// A call that has started.
impl Start for CallGuard {
    #[inline]
    fn start(self) -> CallGuard {
        self
    }
}

/// A call without a caller: an entry call, wherever it begins (`#[monitored(root)]`).
#[derive(Debug)]
pub struct Root<S>(pub S);

impl<S: Start> Start for Root<S> {
    fn start(self) -> CallGuard {
        thread::with(|local| {
            let outer = local.current();
            local.set_current(CallWord::NONE);
            let call = self.0.start();
            call.clear_caller(outer);
            call
        })
    }
}

/// The arguments of a call that has not started yet.
#[derive(Debug, Clone, Copy)]
#[must_use = "arguments are no call yet"]
pub struct CallArgs {
    site: &'static CallSite,
    /// With its labels, if it has any.
    name: Option<&'static MethodId>,
    request_size: Option<u64>,
    deadline: Option<Duration>,
}

impl CallArgs {
    /// A call of this site.
    #[inline]
    pub fn new(site: &'static CallSite) -> Self {
        Self {
            site,
            name: None,
            request_size: None,
            deadline: None,
        }
    }

    /// Sets its labels, in the order the site names them.
    #[inline]
    pub fn labels<const N: usize>(mut self, labels: [LabelValue<'_>; N]) -> Self {
        let name = self.site.find(&labels);
        self.name = Some(name.unwrap_or_else(|| self.site.find_or_make(&labels)));
        self
    }

    /// Notes the size of the request, if there is one.
    #[inline]
    pub fn request_size(mut self, bytes: &impl ByteSize) -> Self {
        self.request_size = bytes.bytes();
        self
    }

    /// Notes the time left, if there is a limit.
    #[inline]
    pub fn deadline(mut self, left: &impl Deadline) -> Self {
        self.deadline = left.left();
        self
    }
}

impl Start for CallArgs {
    #[inline]
    fn start(self) -> CallGuard {
        let mut call = match self.name {
            Some(name) => CallGuard::start_named(self.site, name),
            None => CallGuard::start(self.site),
        };
        if let Some(bytes) = self.request_size {
            call.request_size(bytes);
        }
        if self.deadline.is_some() {
            call.deadline(self.deadline);
        }
        call
    }
}

/// A number of bytes: any integer, a reference to one, or an `Option` of one (`None` and negative numbers are not
/// noted).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number of bytes",
    label = "expected an integer, or an `Option` of one"
)]
pub trait ByteSize {
    /// The number, if there is one.
    fn bytes(&self) -> Option<u64>;
}

macro_rules! byte_sizes {
    ($($integer:ty)*) => {$(
        impl ByteSize for $integer {
            #[inline]
            fn bytes(&self) -> Option<u64> {
                u64::try_from(*self).ok()
            }
        }
    )*};
}

byte_sizes!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize u128 i128);

impl<T: ByteSize> ByteSize for Option<T> {
    #[inline]
    fn bytes(&self) -> Option<u64> {
        self.as_ref().and_then(T::bytes)
    }
}

impl<T: ByteSize + ?Sized> ByteSize for &T {
    #[inline]
    fn bytes(&self) -> Option<u64> {
        (**self).bytes()
    }
}

/// The time left until a caller's deadline: a `Duration`, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no time left",
    label = "expected `Option<Duration>` or `Duration`"
)]
pub trait Deadline {
    /// The time, if there is a deadline.
    fn left(&self) -> Option<Duration>;
}

impl Deadline for Duration {
    #[inline]
    fn left(&self) -> Option<Duration> {
        Some(*self)
    }
}

impl<T: Deadline> Deadline for Option<T> {
    #[inline]
    fn left(&self) -> Option<Duration> {
        self.as_ref().and_then(T::left)
    }
}

impl<T: Deadline + ?Sized> Deadline for &T {
    #[inline]
    fn left(&self) -> Option<Duration> {
        (**self).left()
    }
}
