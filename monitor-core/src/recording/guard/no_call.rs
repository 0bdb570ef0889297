//! The handle of a call where instrumentation is switched off.

use super::{CallGuard, Words};
use crate::base::clock::Clock;
use crate::base::sync::OnceLock;
use crate::recording::config::StorageConfig;
use crate::recording::site::IS_OFF;
use crate::recording::store::StorageCore;

/// Set in the words of a handle of no call: the other bits are its start. Without the feature `off` nothing asks.
const DEAD: u64 = 1 << 63;

/// A handle of no call: it records nothing, whatever is done with it.
#[inline]
pub fn no_call() -> CallGuard {
    // What a guard points at has to be there: one shard that nobody writes and no monitor shows.
    static NOBODY: OnceLock<Words> = OnceLock::new();
    let Words(shard, _) = *NOBODY.get_or_init(nobody);
    CallGuard {
        words: Words(shard, DEAD | shard.now()),
    }
}

#[cold]
fn nobody() -> Words {
    let storage = StorageCore::new(StorageConfig::default(), Clock::system());
    storage
        .method("off")
        .with_fallback(|shard| Words(shard, DEAD))
}

impl CallGuard {
    /// Whether it stands for no call.
    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        IS_OFF && self.words.1 & DEAD != 0
    }

    /// When a dead one was made.
    #[inline]
    pub(super) fn dead_since(&self) -> Option<u64> {
        self.is_dead().then_some(self.words.1 & !DEAD)
    }
}
