//! Errors that name their own type, found inside of others.
//!
//! Behind a trait object an error can only be asked whether it is of a type that is known. So each derive of
//! [`MonitorError`] for a type without parameters, if it is a std error, submits a question: is it mine, and what does it
//! say? They are asked on the way of a failure alone.

use std::error::Error;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use super::MonitorError;

/// Errors looked at below one: as many as the rules search.
const MAX_SOURCES: usize = 64;

/// What an error says of its type, if it is of the asked one.
type Question = fn(&(dyn Error + 'static)) -> Option<&'static str>;

/// A question, and the size of the type it is about: an error of another size need not be asked.
type Sized = (usize, Question);

/// What the derive of `MonitorError` submits for a type: questions for it, and for it in a box and shared; nothing for one that
/// is no std error.
#[derive(Debug)]
pub struct NamedError(pub Option<[Sized; 3]>);

inventory::collect!(NamedError);

/// The questions for an error type, found out while compiling: `Naming::<E>::QUESTIONS`.
#[derive(Debug)]
pub struct Naming<E>(PhantomData<E>);

impl<E: MonitorError + Error + 'static> Naming<E> {
    /// What an error says of its type, if it is an `E`, or boxes or shares one.
    pub const QUESTIONS: Option<[Sized; 3]> = Some([
        Self::question::<E>(),
        Self::question::<Box<E>>(),
        Self::question::<Arc<E>>(),
    ]);

    const fn question<T: MonitorError + Error + 'static>() -> Sized {
        (size_of::<T>(), |error| {
            error.downcast_ref::<T>()?.error_type()
        })
    }
}

/// The answer for types that are no std error: they are behind no trait object.
pub trait Unnamed {
    /// None.
    const QUESTIONS: Option<[Sized; 3]> = None;
}

impl<E> Unnamed for Naming<E> {}

/// The type that an error or the first below it names that names one.
#[cold]
pub(crate) fn named(error: &(dyn Error + 'static)) -> Option<&'static str> {
    first_named(|| Some(error))
}

/// The type that the first error below one names that names one.
#[cold]
pub(crate) fn named_below(error: &dyn Error) -> Option<&'static str> {
    first_named(|| error.source())
}

/// The sizes that are told apart; larger ones are one.
const SIZES: usize = 128;

/// All questions, by size: most errors are asked few, or none.
#[derive(Debug)]
struct Questions {
    all: Vec<Sized>,
    /// Where those of each size begin, and behind them the end.
    starts: [usize; SIZES + 1],
}

impl Questions {
    fn submitted() -> Self {
        let submitted = inventory::iter::<NamedError>.into_iter();
        let mut all: Vec<Sized> = submitted.filter_map(|named| named.0).flatten().collect();
        all.sort_by_key(|(size, _)| *size);
        let start = |size| match size {
            SIZES => all.len(),
            size => all.partition_point(|(other, _)| *other < size),
        };
        let starts = std::array::from_fn(start);
        Self { all, starts }
    }

    fn ask(&self, error: &(dyn Error + 'static)) -> Option<&'static str> {
        let size = size_of_val(error).min(SIZES - 1);
        let of_this_size = self.starts[size]..self.starts[size + 1];
        let questions = self.all.get(of_this_size).into_iter().flatten();
        questions.into_iter().find_map(|(_, ask)| ask(error))
    }
}

/// What users wrote is run here, as `source` is: if it panics, no type is named, as none would be found in a text that
/// cannot be read.
fn first_named<'e>(
    first: impl FnOnce() -> Option<&'e (dyn Error + 'static)>,
) -> Option<&'static str> {
    static QUESTIONS: LazyLock<Questions> = LazyLock::new(Questions::submitted);
    if QUESTIONS.all.is_empty() {
        return None;
    }
    let walk = || {
        let mut next = first();
        for _ in 0..MAX_SOURCES {
            let error = next?;
            next = match within(error) {
                // A wrapper of the standard library, which names nothing.
                Some(inner) => Some(inner),
                None => match QUESTIONS.ask(error) {
                    None => error.source(),
                    name => return name,
                },
            };
        }
        None
    };
    catch_unwind(AssertUnwindSafe(walk)).ok().flatten()
}

/// The error inside of one that does not give it as its source, but its source's.
fn within<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    type Shared = Arc<dyn Error + Send + Sync>;
    let size = size_of_val(error);
    if size == size_of::<io::Error>() {
        let io = error.downcast_ref::<io::Error>();
        let io = io.or_else(|| Some(&**error.downcast_ref::<Arc<io::Error>>()?));
        let io = io.or_else(|| Some(&**error.downcast_ref::<Box<io::Error>>()?));
        return io?.get_ref().map(|inner| inner as _);
    }
    if size != size_of::<Shared>() {
        return None;
    }
    let shared = error.downcast_ref::<Shared>();
    shared.map(|inner| &**inner as _)
}

/// An `io::Error`, its box and its `Arc` have one size.
const _: () = assert!(
    size_of::<io::Error>() == size_of::<Arc<io::Error>>()
        && size_of::<io::Error>() == size_of::<Box<io::Error>>()
);
