//! The recorded cases: the original's results, ours, and each difference between them that is on purpose. And what other tests share.
//!
//! - [`case`]: a case, as its file has it; [`value`], [`page`]: the values and expositions in it.
//! - [`observed`]: a result as a set of items; [`compare`]: where two of them differ.
//! - [`ours`]: the reviewed result of a case that differs on purpose.
//! - [`driver`]: the case on ours; [`replay`]: a directory of cases, as the program `replay` does it.
//! - [`incident`]: recorded incidents, and what the verdict says of them.
//! - [`browser`]: a real browser; [`live_page`]: the screens of the live page in it.

pub mod browser;
pub mod case;
pub mod compare;
pub mod driver;
pub mod incident;
pub mod live_page;
pub mod observed;
pub mod ours;
pub mod page;
pub mod replay;
pub mod value;
