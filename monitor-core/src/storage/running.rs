//! The tasks in flight, one by one.

use std::time::Duration;

use crate::data::snapshot::RunningTask;
use crate::recording::shard::Shard;
use crate::recording::store::StorageCore;

impl StorageCore {
    /// The oldest tasks in flight, at most this many, oldest first.
    pub(crate) fn running_tasks(&self, most: usize) -> Vec<RunningTask> {
        let now = self.clock.now();
        let mut running: Vec<RunningTask> = self
            .values
            .running_tasks(self.clock.unix_at(now))
            .into_iter()
            .map(|(name, seconds)| RunningTask {
                name,
                labels: [].into(),
                age: age(seconds),
            })
            .collect();
        for method in self.methods() {
            let starts = method.shards().flat_map(Shard::starts);
            running.extend(starts.map(|start| RunningTask {
                name: method.name.clone(),
                labels: method.labels.clone(),
                age: age(self.clock.seconds(now.saturating_sub(start))),
            }));
        }
        running.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.name.cmp(&b.name)));
        running.truncate(most);
        running
    }
}

/// What a user gives as a start may be any number.
fn age(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
