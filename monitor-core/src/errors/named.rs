//! Errors that name their own type.

use std::rc::Rc;
use std::sync::Arc;

/// An error that knows its own type, among those the configuration lists.
///
/// Derive it: `#[derive(MonitorError)]` with `#[monitor(error_type = "..")]` on the variants. What it says goes before the
/// configured words; a type that the configuration does not list counts as `other`, with one warning. What derives it is found
/// behind trait objects and as a source too: see the [derive](macro@crate::MonitorError).
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

impl<E: MonitorError + ?Sized> MonitorError for &E {
    fn error_type(&self) -> Option<&'static str> {
        (**self).error_type()
    }
}

impl<E: MonitorError + ?Sized> MonitorError for Box<E> {
    fn error_type(&self) -> Option<&'static str> {
        (**self).error_type()
    }
}

impl<E: MonitorError + ?Sized> MonitorError for Rc<E> {
    fn error_type(&self) -> Option<&'static str> {
        (**self).error_type()
    }
}

impl<E: MonitorError + ?Sized> MonitorError for Arc<E> {
    fn error_type(&self) -> Option<&'static str> {
        (**self).error_type()
    }
}
