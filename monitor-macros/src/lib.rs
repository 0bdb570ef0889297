//! The attribute [`monitored`] of `monitor-core`, which re-exports it: depend on that crate, not on this one.
//!
//! An attribute goes through these files: `args` reads what stands between its parentheses, `item` what stands under it,
//! `validate` checks both and collects every fault, `shape` decides how a function is wrapped, `expand` writes it. If
//! anything is at fault, `fallback` gives the errors and the item as it was. `attribute` is the order of these steps.

mod args;
mod attribute;
mod derive;
mod expand;
mod fallback;
mod item;
mod nearest;
mod shape;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro::TokenStream;

/// Makes every call of a function count: requests, results, errors by type, tasks in flight, durations, task status.
///
/// It goes on functions and methods with a body, synchronous or `async`, free, associated or of a trait; also under
/// `#[async_trait]`. The method is known, with every series at zero, from the start of the program. What a call records
/// goes to the [`Monitor`](https://docs.rs/monitor-core/latest/monitor_core/struct.Monitor.html) in force where it starts.
///
/// # What is a call, and how it ends
///
/// | the function | the call begins | and ends |
/// |---|---|---|
/// | `fn` | when it is called | when it returns |
/// | `async fn` | at the first poll of its future | when that is ready |
/// | `fn` that returns `impl Future`, `Pin<Box<dyn Future>>`, `Box<dyn Future + Unpin>`, `BoxFuture` | the same: the future is the call, not making it | the same |
///
/// An `Err` is a failure, whatever the error's type and under whatever alias of `Result`; its error type comes from the
/// configured rules. Any other value is a success: an `Option`, a `Result` inside of another value, and a type parameter
/// `T` that happens to be a `Result`. A panic is a failure of the type `panic`; a future dropped after its first poll and
/// before its end is one of the type `cancelled`. A function that returns `!` ends in one of these two.
///
/// # Arguments
///
/// All are named, in any order, each at most once.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `method = "X"` | value of the label `method`: 1 to 120 bytes of text, or the path of a `&'static str` constant | the function's name, without `r#` |
/// | `crate = path` | where `monitor_core` is found, if not under its own name | `::monitor_core` |
///
/// # What stays as it is
///
/// Signature, attributes, documentation, `?`, `return`, `impl Trait`, borrowed arguments and the places errors and lints
/// point at. The future of an `async fn` grows by at most 48 bytes; by none if its body does not await. The one exception:
/// where the body may return early (`?`, `return`, a macro that is not of the standard library), an argument that it uses
/// up before its first await takes its room twice; pass what is large by reference or in a box.
///
/// A `const fn` is refused: it may run in the compiler. `#[track_caller]` stays in force, but the body then cannot move into
/// a closure and its value is not looked at: returning is a success, and a function that returns a `Result` is refused.
/// In an ordinary function the arguments its body uses are dropped at the body's end, in the order of their first use.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, StorageConfig, monitored};
///
/// #[monitored(method = "ParsePort")]
/// fn parse_port(text: &str) -> Result<u16, std::num::ParseIntError> {
///     let port = text.trim().parse()?;
///     Ok(port)
/// }
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.scope_sync(|| {
///     assert_eq!(parse_port("9999"), Ok(9999));
///     assert!(parse_port("none").is_err());
/// });
///
/// let snapshot = monitor.snapshot();
/// let method = snapshot.methods.iter().find(|method| &*method.name == "ParsePort");
/// let method = method.ok_or("the method is known")?;
/// assert_eq!(method.started, 2);
/// assert_eq!((method.success.count(), method.failure.count()), (1, 1));
/// # Ok::<(), &str>(())
/// ```
///
/// # Expansion
///
/// One static, and one call into the runtime that does the work. The function above becomes
///
/// ```ignore
/// fn parse_port(text: &str) -> Result<u16, std::num::ParseIntError> {
///     static __MONITOR_SITE: CallSite = CallSite::new("ParsePort", file!(), line!());
///     inventory::submit! { SiteEntry(&__MONITOR_SITE) }
///     return run_sync(
///         &__MONITOR_SITE,
///         move || -> Result<u16, std::num::ParseIntError> {
///             let port = text.trim().parse()?;
///             Ok(port)
///         },
///         |__monitor_value| Probe::new(__monitor_value).outcome(),
///     )
/// }
/// ```
///
/// with every name behind `::monitor_core::__private`. The body of an `async fn` that may return early becomes
///
/// ```ignore
/// return run_async(
///     &__MONITOR_SITE,
///     async move {
///         if false {
///             return edge::<Ret>(); // tells the type, so that values are coerced as before
///         }
///         ({ /* the body */ })
///     },
///     |__monitor_value| Probe::new(__monitor_value).outcome(),
/// )
/// .await
/// ```
///
/// and one that cannot stays in place:
///
/// ```ignore
/// let __monitor_guard = enter(&__MONITOR_SITE);
/// let __monitor_value: Ret = ({ /* the body */ });
/// return leave(__monitor_guard, __monitor_value, |__monitor_value| Probe::new(__monitor_value).outcome())
/// ```
#[doc(alias = "grpc_init_wrapper")]
#[doc(alias = "aio_grpc_method_wrapper")]
#[proc_macro_attribute]
pub fn monitored(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute::monitored(args.into(), item.into()).into()
}

/// Names the error type of each variant of an error, so that no rule has to guess it from text.
#[doc = ""]
#[proc_macro_derive(MonitorError, attributes(monitor))]
pub fn derive_monitor_error(item: TokenStream) -> TokenStream {
    derive::error(item.into()).into()
}

/// Makes an enum without fields a bounded label.
#[proc_macro_derive(MonitorLabel, attributes(monitor))]
pub fn derive_monitor_label(item: TokenStream) -> TokenStream {
    derive::label(item.into()).into()
}
