//! A place in the middle of a scrape where tests can make it wait.

use std::cell::RefCell;

type Hook = Box<dyn FnMut()>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Runs `hook` between the finished and the started side of each method this thread reads.
pub(crate) fn park_with(hook: impl FnMut() + 'static) {
    HOOK.set(Some(Box::new(hook)));
}

/// Where a scrape passes.
pub(crate) fn pass() {
    if let Some(mut hook) = HOOK.take() {
        hook();
        HOOK.set(Some(hook));
    }
}
