//! A function with an error that borrows compiles as without the attribute, wherever the lifetime hides. An error of which
//! nothing borrows has its type, even if another part of the return type borrows.
#![allow(
    elided_lifetimes_in_paths,
    mismatched_lifetime_syntaxes,
    clippy::elidable_lifetime_names,
    clippy::manual_async_fn,
    clippy::needless_lifetimes,
    clippy::unused_async,
    reason = "lifetimes that hide, and that are named; each shape of a function that returns at once"
)]

use std::borrow::Cow;
use std::cell::Ref;
use std::error::Error;
use std::fmt::{self, Debug};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::slice;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use monitor_core::testing::{Recorder, call};
use monitor_core::{MonitorError, monitored};

#[derive(Debug, thiserror::Error, MonitorError)]
#[error("timeout")]
#[monitor(error_type = "DISK")]
struct Disk;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Borrowed<'a>(&'a str);

/// No std error, and gives one that borrows.
struct Wrap<'a>(Borrowed<'a>);

impl<'a> AsRef<dyn Error + 'a> for Wrap<'a> {
    fn as_ref(&self) -> &(dyn Error + 'a) {
        &self.0
    }
}

type BoxError = Box<dyn Error + Send + Sync>;
type ApiResult<T> = Result<T, BoxError>;
type MayBorrow<'a, T = ()> = Result<T, Box<dyn Error + 'a>>;
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Hidden<'a> = BoxFuture<'a, ApiResult<()>>;
type HiddenBorrow<'a> = Pin<Box<dyn Future<Output = MayBorrow<'a>> + 'a>>;

macro_rules! borrow {
    () => {
        MayBorrow
    };
}

fn borrowed(text: &str) -> MayBorrow<'_> {
    Err(Box::new(Borrowed(text)))
}

/// Errors that borrow.
mod borrows {
    use super::*;

    #[monitored(method = "f")]
    pub(super) fn hidden(text: &str) -> MayBorrow {
        borrowed(text)
    }

    #[monitored(method = "f")]
    pub(super) fn written(text: &str) -> MayBorrow<'_> {
        borrowed(text)
    }

    #[monitored(method = "f")]
    pub(super) fn named<'a>(text: &'a str) -> MayBorrow<'a> {
        borrowed(text)
    }

    #[monitored(method = "f")]
    pub(super) fn beside_a_value(text: &str) -> MayBorrow<u8> {
        borrowed(text).map(|()| 1)
    }

    #[monitored(method = "f")]
    pub(super) fn by_a_macro(text: &str) -> borrow!() {
        borrowed(text)
    }

    #[monitored(method = "f")]
    pub(super) fn in_an_error(text: &str) -> Result<(), Borrowed> {
        Err(Borrowed(text))
    }

    #[monitored(method = "f")]
    pub(super) fn in_a_wrapper(text: &str) -> Result<(), Wrap> {
        Err(Wrap(Borrowed(text)))
    }

    #[monitored(method = "f")]
    pub(super) fn shared(text: &str) -> Result<(), Arc<dyn Error + '_>> {
        Err(Arc::new(Borrowed(text)))
    }

    #[monitored]
    pub(super) fn referred<'a>(error: &'a Borrowed<'a>) -> Result<(), &'a dyn Error> {
        Err(error)
    }

    #[monitored]
    pub(super) fn iterator<'a, T>(all: slice::Iter<'a, T>) -> Result<(), slice::Iter<'a, T>> {
        Err(all)
    }

    #[monitored(method = "f")]
    pub(super) async fn later(text: &str) -> MayBorrow<'_> {
        borrowed(text)
    }

    #[monitored(method = "f")]
    pub(super) fn opaque(text: &str) -> impl Future<Output = MayBorrow> {
        async move { borrowed(text) }
    }

    #[monitored(method = "f", future)]
    pub(super) fn boxed(text: &str) -> HiddenBorrow {
        Box::pin(async move { borrowed(text) })
    }

    pub(super) trait Fails {
        type Error;
        fn own(&self) -> Result<(), Self::Error>;
        fn of_the_trait(&self) -> Result<(), <Self as Fails>::Error>;
    }

    pub(super) struct Each<'a>(pub(super) &'a str);

    impl<'a> Fails for Each<'a> {
        type Error = Box<dyn Error + 'a>;

        #[monitored(method = "f")]
        fn own(&self) -> Result<(), Self::Error> {
            borrowed(self.0)
        }

        #[monitored(method = "f")]
        fn of_the_trait(&self) -> Result<(), <Self as Fails>::Error> {
            borrowed(self.0)
        }
    }

    pub(super) struct Whole<'a>(pub(super) &'a str);

    #[monitored]
    impl<'a> Fails for Whole<'a> {
        type Error = Box<dyn Error + 'a>;

        #[monitored(method = "f")]
        fn own(&self) -> Result<(), Self::Error> {
            borrowed(self.0)
        }

        #[monitored(method = "f")]
        fn of_the_trait(&self) -> Result<(), <Self as Fails>::Error> {
            borrowed(self.0)
        }
    }

    #[monitored(method = "f")]
    pub(super) fn of_a_parameter<'a, T: Fails<Error = Box<dyn Error + 'a>>>(
        fails: fn(&T) -> Result<(), T::Error>,
        value: &T,
    ) -> Result<(), T::Error> {
        fails(value)
    }
}

/// Errors that do not.
mod owns {
    use super::*;

    #[monitored(method = "f")]
    pub(super) fn for_ever() -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn shared_for_ever() -> Result<(), Arc<dyn Error + Send + Sync + 'static>> {
        Err(Arc::new(Disk))
    }

    #[monitored(method = "f")]
    pub(super) fn boxed(_: &str) -> Result<Cow<'_, str>, Box<dyn Error>> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn aliased(_: &str) -> Result<Cow<'_, str>, BoxError> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn shared(_: &str) -> Result<Cow<'_, str>, Arc<dyn Error + Send + Sync>> {
        Err(Arc::new(Disk))
    }

    #[monitored(method = "f")]
    pub(super) fn anyhowed(_: &str) -> Result<Cow<'_, str>, anyhow::Error> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn one_argument(_: &str) -> anyhow::Result<Cow<'_, str>> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn own_alias(_: &str) -> ApiResult<Cow<'_, str>> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn own_alias_opaque(text: &str) -> ApiResult<impl Debug + use<>> {
        if text.is_empty() {
            return Ok(1);
        }
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn guard<'a>(_: &'a str) -> ApiResult<Ref<'a, str>> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) async fn later(_: &str) -> Result<Cow<'_, str>, BoxError> {
        Err(Disk.into())
    }

    #[monitored(method = "f")]
    pub(super) fn opaque<'a>(_: &'a str) -> impl Future<Output = ApiResult<Cow<'a, str>>> + 'a {
        async { Err(Disk.into()) }
    }

    #[monitored(method = "f")]
    pub(super) fn pinned(_: &str) -> BoxFuture<'_, Result<Cow<'_, str>, BoxError>> {
        Box::pin(async { Err(Disk.into()) })
    }

    #[monitored(method = "f", future)]
    pub(super) fn hidden(_: &str) -> Hidden<'_> {
        Box::pin(async { Err(Disk.into()) })
    }

    pub(super) trait Fails {
        type Error;
        fn fails(&self) -> Result<(), Self::Error>;
    }

    impl Fails for u8 {
        type Error = anyhow::Error;

        #[monitored(method = "f")]
        fn fails(&self) -> Result<(), Self::Error> {
            Err(Disk.into())
        }
    }

    #[monitored(method = "f")]
    pub(super) fn counted() -> Result<(), Rc<Disk>> {
        Err(Rc::new(Disk))
    }

    #[monitored(method = "f")]
    pub(super) fn io_shared() -> Result<(), Arc<io::Error>> {
        Err(Arc::new(io::Error::other(Disk)))
    }

    #[derive(Debug, thiserror::Error)]
    #[error("timeout")]
    pub(super) struct Cloned(#[source] Arc<io::Error>);

    #[monitored(method = "f")]
    pub(super) fn io_below() -> Result<(), Cloned> {
        Err(Cloned(Arc::new(io::Error::other(Disk))))
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// The error type that a call counts as.
fn type_of(call_it: impl FnOnce() -> bool) -> &'static str {
    let probe = Recorder::builder()
        .errors("ERROR", ["timeout", "DISK"])
        .build();
    assert!(probe.scope_sync(call_it), "it fails");
    let recorded = probe.recorded();
    let mut types = ["timeout", "DISK", "other"].into_iter();
    let is_found = |name: &&str| recorded.count(call("f").failure(name)) == 1;
    types.find(is_found).expect("a failure")
}

macro_rules! assert_types {
    ($type:literal: $($call:expr),* $(,)?) => {
        $(assert_eq!(type_of(|| $call.is_err()), $type, "{}", stringify!($call));)*
    };
}

#[test]
fn an_error_that_borrows_is_read_by_its_text() {
    use borrows::{self as it, Each, Fails, Whole};
    let text = "timeout".to_owned();
    assert_types!("timeout":
        it::hidden(&text), it::written(&text), it::named(&text), it::beside_a_value(&text), it::by_a_macro(&text),
        it::in_an_error(&text), it::shared(&text), run(it::later(&text)), run(it::opaque(&text)), run(it::boxed(&text)),
        it::in_a_wrapper(&text), Each(&text).own(), Each(&text).of_the_trait(), Whole(&text).own(), Whole(&text).of_the_trait(),
        it::of_a_parameter(|each: &Each<'_>| borrowed(each.0), &Each(&text)),
    );
    assert!(it::referred(&Borrowed(&text)).is_err());
    assert!(it::iterator(text.as_bytes().iter()).is_err());
}

#[test]
fn an_error_that_borrows_nothing_has_its_type_beside_a_value_that_does() {
    use owns::{self as it, Fails};
    assert_types!("DISK":
        it::for_ever(), it::shared_for_ever(), it::boxed("x"), it::aliased("x"), it::shared("x"), it::anyhowed("x"),
        it::one_argument("x"), it::own_alias("x"), it::own_alias_opaque("x"), it::guard("x"), run(it::later("x")),
        run(it::opaque("x")), run(it::pinned("x")), run(it::hidden("x")), 1_u8.fails(),
        it::counted(), it::io_shared(), it::io_below(),
    );
    let _: fmt::Result = Ok(());
}
