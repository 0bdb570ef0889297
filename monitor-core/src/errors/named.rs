//! Errors that name their own type, also inside of others.
//!
//! Behind a trait object, the only test is whether an error is of a given type. So each derive of [`MonitorError`] for
//! a type without parameters, if it is a std error, submits questions to `inventory`: whether an error is of this type,
//! or holds it in a `Box` or an `Arc`, and which error type it then names. They are asked of errors of that type's
//! size, and only when a call fails.

use crate::base::sort::sort_by_key;

use std::error::Error;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, OnceLock};

use super::text::{MAX_SOURCES, survive};

/// An error that knows its own type.
///
/// Derive it: `#[derive(MonitorError)]` with `#[monitor(error_type = "..")]` on the variants. The type it names has
/// priority over the configured words. The types that a derive names exist from the start of the program; one that an
/// implementation by hand returns, as here, is to be listed in the configuration or named elsewhere in code
/// (`expected("THROTTLED")`): else it counts as `other`, with one warning.
/// A type that derives it is found behind trait objects and as a source too: see the
/// [derive](macro@crate::MonitorError).
///
/// # Examples
///
/// ```
/// use monitor_core::MonitorError;
///
/// struct Status(u16);
///
/// impl MonitorError for Status {
///     fn error_type(&self) -> Option<&'static str> {
///         (self.0 == 429).then_some("THROTTLED")
///     }
/// }
///
/// assert_eq!(Status(429).error_type(), Some("THROTTLED"));
/// assert_eq!(Status(500).error_type(), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name its error type",
    label = "not a `MonitorError`",
    note = "derive it: `#[derive(MonitorError)]`; or give the variant a type of its own: `#[monitor(error_type = \"..\")]`"
)]
pub trait MonitorError {
    /// The error type; `None` leaves it to the sources that name one, and then to the configured rules.
    fn error_type(&self) -> Option<&'static str>;
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<E: MonitorError + ?Sized> MonitorError for $pointer {
            fn error_type(&self) -> Option<&'static str> {
                (**self).error_type()
            }
        }
    )*};
}

pointers!(&E, Box<E>, Rc<E>, Arc<E>);

/// The size of an error type, and a function that returns the type an error names if the error is of that type. Errors
/// of another size are not asked.
type Question = (usize, fn(&(dyn Error + 'static)) -> Option<&'static str>);

/// The derive of `MonitorError` submits one for a type: questions for the type itself, in a `Box` and in an `Arc`; none
/// if it is no std error.
#[derive(Debug)]
pub struct NamedError(pub Option<[Question; 3]>);

inventory::collect!(NamedError);

/// The questions for an error type, found out while compiling: `Naming::<E>::QUESTIONS`.
#[derive(Debug)]
pub struct Naming<E>(PhantomData<E>);

impl<E: MonitorError + Error + 'static> Naming<E> {
    /// Which type an error names, if it is an `E`, or boxes or shares one.
    pub const QUESTIONS: Option<[Question; 3]> = Some([
        Self::question::<E>(),
        Self::question::<Box<E>>(),
        Self::question::<Arc<E>>(),
    ]);

    const fn question<T: MonitorError + Error + 'static>() -> Question {
        (size_of::<T>(), |error| {
            error.downcast_ref::<T>()?.error_type()
        })
    }
}

/// The questions for types that are not std errors: none, because such a type is never behind `dyn Error`.
pub trait Unnamed {
    /// None.
    const QUESTIONS: Option<[Question; 3]> = None;
}

impl<E> Unnamed for Naming<E> {}

/// The type named by an error, or else by the first of its sources that names one.
#[cold]
pub(crate) fn named(error: &(dyn Error + 'static)) -> Option<&'static str> {
    first_named(|| Some(error))
}

/// The type named by the first of an error's sources that names one.
#[cold]
pub(crate) fn named_below(error: &dyn Error) -> Option<&'static str> {
    first_named(|| error.source())
}

/// All questions, by size: most errors are asked few, or none.
static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(|| sorted(None));

/// The same and those of [`ask_also`], from its first call on.
static MORE_QUESTIONS: OnceLock<Vec<Question>> = OnceLock::new();

fn sorted(more: Option<[Question; 3]>) -> Vec<Question> {
    let submitted = inventory::iter::<NamedError>.into_iter();
    let submitted = submitted.filter_map(|named| named.0).chain(more);
    let mut all: Vec<Question> = submitted.flatten().collect();
    sort_by_key(&mut all, |(size, _)| *size);
    all
}

/// Has errors asked whether they are the one error type of this crate, from its first error on. If it submitted its
/// questions, the failures of every program would pay for them.
pub(crate) fn ask_also(named: &NamedError) {
    MORE_QUESTIONS.get_or_init(|| sorted(named.0));
}

/// Users' code is run here, as `source` is: if it panics, no type is named, as none would be found in a text that
/// cannot be read.
fn first_named<'e>(
    first: impl FnOnce() -> Option<&'e (dyn Error + 'static)>,
) -> Option<&'static str> {
    let questions = MORE_QUESTIONS.get().unwrap_or_else(|| &QUESTIONS);
    if questions.is_empty() {
        return None;
    }
    let walk = || {
        let mut next = first();
        for _ in 0..MAX_SOURCES {
            let error = next?;
            next = match within(error) {
                // A wrapper of the standard library, which names nothing.
                Some(inner) => Some(inner),
                None => match ask(questions, error) {
                    None => error.source(),
                    name => return name,
                },
            };
        }
        None
    };
    survive(walk).flatten()
}

fn ask(questions: &[Question], error: &(dyn Error + 'static)) -> Option<&'static str> {
    let size = size_of_val(error);
    let start = questions.partition_point(|(other, _)| *other < size);
    let mut of_this_size = questions[start..]
        .iter()
        .take_while(|(other, _)| *other == size);
    of_this_size.find_map(|(_, ask)| ask(error))
}

/// The error inside of one that does not give it as its source, but its source's.
fn within<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    type Shared = Arc<dyn Error + Send + Sync>;
    let size = size_of_val(error);
    // A box and an `Arc` have the size of a pointer, an `io::Error` has it on 64-bit targets.
    if size == size_of::<io::Error>() || size == size_of::<Arc<io::Error>>() {
        let io = error.downcast_ref::<io::Error>();
        let io = io.or_else(|| Some(&**error.downcast_ref::<Arc<io::Error>>()?));
        let io = io.or_else(|| Some(&**error.downcast_ref::<Box<io::Error>>()?));
        if let Some(io) = io {
            return io.get_ref().map(|inner| inner as _);
        }
    }
    if size != size_of::<Shared>() {
        return None;
    }
    let shared = error.downcast_ref::<Shared>();
    shared.map(|inner| &**inner as _)
}
