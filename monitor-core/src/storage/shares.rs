//! Counts the calls of all methods for the share rule: from the shards to a [`CallHistory`], when health is asked for
//! and the last count is 2 s old.
//!
//! The history in memory has slots of 2 s as well, and is no source of these counts: it ends at the last look, where health counts up to
//! the moment it is asked; above its bound it adds the least busy methods up, and whether a method is unhealthy must not depend on that; and it
//! can be off.
//!
//! [`CallHistory`]: crate::data::window::CallHistory

use std::sync::Arc;
use std::time::Duration;

use crate::base::sync::lock;
use crate::data::status::DEFAULT_TASK;
use crate::data::window::{CallCounts, FailureShare};
use crate::recording::method::{MethodCore, MethodShared};
use crate::recording::site::settings_of;
use crate::recording::store::StorageCore;

impl StorageCore {
    /// The task types with a method that fails too often, with its share.
    pub(crate) fn unhealthy_shares(&self) -> Vec<(Arc<str>, FailureShare)> {
        let now = self.clock.now().saturating_sub(self.created);
        let now = Duration::from_secs_f64(self.clock.seconds(now));
        let mut history = lock(&self.history);
        if history.is_due(now) {
            let mut count = history.begin(now);
            let rules = self.rules();
            let config = &rules.config;
            let cancelled = rules.index_of(rules.parser.cancelled());
            for shared in self.shared.items().filter(|shared| shared.feeds_health()) {
                let own = config.unhealthy_methods.get(&*shared.plain.name);
                let rule = config.unhealthy.with(&shared.unhealthy);
                let rule = own.map_or(rule, |own| rule.with(own));
                count.add(
                    shared.plain.id,
                    shared.call_counts(cancelled),
                    &rule,
                    || [shared.task_name(), Arc::clone(&shared.plain.name)],
                );
            }
        }
        history.unhealthy(now)
    }
}

impl MethodShared {
    /// All calls so far, over all label sets.
    fn call_counts(&self, cancelled: u32) -> CallCounts {
        let shards = self.methods().flat_map(MethodCore::shards);
        let counts = shards.map(|shard| shard.call_counts(cancelled));
        counts.fold(CallCounts::default(), CallCounts::plus)
    }

    /// The task type its calls feed: its own, or the one that an attribute names.
    pub(super) fn task_name(&self) -> Arc<str> {
        let named = settings_of(&self.plain.name).and_then(|settings| settings.task);
        match named {
            _ if self.has_own_task => Arc::clone(&self.plain.name),
            named => Arc::from(named.unwrap_or(DEFAULT_TASK)),
        }
    }
}
