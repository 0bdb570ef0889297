//! `CallSite`: the static an expansion submits; resolved once to a method's number.

use std::sync::LazyLock;

use crate::interner::Interner;
use crate::sync::{Ordering, StaticAtomicU32};

/// Where a monitored function stands and which method it counts as. An expansion makes it a `static`.
#[derive(Debug)]
pub struct CallSite {
    method: &'static str,
    file: &'static str,
    line: u32,
    /// The method's number plus 1; 0 until the first call.
    id: StaticAtomicU32,
}

/// A [`CallSite`] as the program's registry of sites holds it.
#[derive(Debug, Clone, Copy)]
pub struct SiteEntry(pub &'static CallSite);

inventory::collect!(SiteEntry);

/// The names of all methods of the process: a name has one number in every storage.
static METHODS: LazyLock<Interner<()>> = LazyLock::new(Interner::new);

/// The number of a method.
pub(crate) fn method_id(name: &str) -> u32 {
    METHODS.get_or_add(name, |_| ()).index
}

impl CallSite {
    /// A site of this method.
    pub const fn new(method: &'static str, file: &'static str, line: u32) -> Self {
        Self {
            method,
            file,
            line,
            id: StaticAtomicU32::new(0),
        }
    }

    /// The method's name.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Source file and line.
    pub fn location(&self) -> (&'static str, u32) {
        (self.file, self.line)
    }

    /// The method's number plus 1, or 0 before [`resolve`](Self::resolve). A plain word that never changes once set,
    /// so Relaxed will do.
    #[inline]
    pub(crate) fn known(&self) -> u32 {
        self.id.load(Ordering::Relaxed)
    }

    #[cold]
    pub(crate) fn resolve(&self) -> u32 {
        let id = method_id(self.method) + 1;
        self.id.store(id, Ordering::Relaxed);
        id
    }
}

/// All sites of the program.
pub(crate) fn all() -> impl Iterator<Item = &'static CallSite> {
    inventory::iter::<SiteEntry>
        .into_iter()
        .map(|entry| entry.0)
}
