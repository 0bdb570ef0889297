//! Names used by expansions, nothing else.

pub use crate::call::guard::CallGuard;
pub use crate::call::site::{CallSite, SiteEntry};
pub use inventory;
