//! The last calls of a method over all its shards, merged by end time; means over them.

use std::sync::Arc;

use crate::base::clock::{Clock, to_f64};
use crate::base::interner::Node;
use crate::data::key::StatKey;
use crate::data::snapshot::Means;
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::values::ValueName;
use crate::recording::window::{Cursor, Entry, LAST, WINDOW};
use crate::storage::newest::Newest;

/// A method's last calls, newest first. Keeps its buffers from method to method.
#[derive(Default)]
pub(crate) struct Points {
    entries: Vec<(Entry, &'static Shard)>,
    heads: Vec<Head>,
    /// When the call of each head ended, plus 1; 0 where a head has none left.
    ends: Vec<u64>,
    /// For methods whose calls observe nothing: they need no more than means.
    newest: Newest,
    /// The shards that are read, each with the number from which its calls are in the window.
    windows: Vec<(&'static Shard, u64)>,
}

/// The newest call of a shard that is not taken yet, and those behind it.
struct Head {
    entry: Entry,
    cursor: Cursor<'static>,
    shard: &'static Shard,
}

impl Points {
    /// The last calls of a method.
    pub(crate) fn of(method: &MethodCore) -> Self {
        let mut points = Self::default();
        points.read(method);
        points
    }

    /// Walks the rings of all shards backwards at once, always taking the newest call.
    pub(crate) fn read(&mut self, method: &MethodCore) {
        self.entries.clear();
        self.heads.clear();
        self.ends.clear();
        self.windows.clear();
        for shard in method.shards() {
            let mut cursor = shard.ring().cursor();
            self.windows.push((shard, cursor.oldest()));
            if let Some(entry) = cursor.next() {
                self.ends.push(entry.end + 1);
                self.heads.push(Head {
                    entry,
                    cursor,
                    shard,
                });
            }
        }
        while self.entries.len() < window() {
            let (at, end) = newest(&self.ends);
            let Some(head) = self.heads.get_mut(at).filter(|_| end > 0) else {
                break;
            };
            self.entries.push((head.entry, head.shard));
            let next = head.cursor.next();
            self.ends[at] = next.map_or(0, |entry| entry.end + 1);
            head.entry = next.unwrap_or(head.entry);
        }
        self.drop_overwritten();
    }

    /// Means of the durations of the last calls, seconds; `None` without a call. For [`value`](Self::value), `read` must
    /// come before.
    pub(crate) fn means_of(&mut self, method: &MethodCore, clock: &Clock) -> Option<Means> {
        if method.known_values().is_none()
            && let Ok(means) = self.newest.means(method, clock)
        {
            return means;
        }
        self.newest.clear();
        self.read(method);
        self.duration(clock)
    }

    /// How many calls the last means took of each shard; nothing if it is not known.
    pub(crate) fn taken(&self) -> impl Iterator<Item = usize> {
        self.newest.taken()
    }

    /// Leaves out what writers overwrote while it was read. For values too, as they are read before this is asked
    /// again through [`Points::value`].
    fn drop_overwritten(&mut self) {
        let mut windows = self.windows.iter();
        if windows.any(|(shard, oldest)| shard.ring().intact_from() > *oldest) {
            self.entries
                .retain(|(entry, shard)| entry.seq >= shard.ring().intact_from());
        }
    }

    /// Means of the durations, seconds; `None` without a call. Added up in ticks, which no order changes.
    fn duration(&self, clock: &Clock) -> Option<Means> {
        let last = &self.entries[..self.entries.len().min(LAST)];
        let mean = |entries: &[(Entry, &Shard)]| {
            let durations = entries.iter().map(|(entry, _)| entry.duration);
            mean_of_ticks(durations.fold(0, u64::saturating_add), entries.len(), clock)
        };
        let means = Means {
            window: mean(&self.entries),
            last: mean(last),
        };
        means.window.is_some().then_some(means)
    }

    /// Means of a value.
    pub(crate) fn value(&self, name: u32) -> Means {
        self.means(|(entry, shard)| value_of(*entry, shard, name))
    }

    fn means(&self, value: impl Fn(&(Entry, &'static Shard)) -> Option<f64>) -> Means {
        let last = &self.entries[..self.entries.len().min(LAST)];
        Means {
            window: mean(self.entries.iter().filter_map(&value)),
            last: mean(last.iter().filter_map(&value)),
        }
    }

    /// Each call, oldest first, with its end, its duration in seconds and the values it observed.
    pub(crate) fn list<'a>(
        &'a self,
        clock: &'a Clock,
        names: &'a [&'static Node<ValueName>],
    ) -> impl Iterator<Item = Point> + 'a {
        self.entries.iter().rev().map(move |(entry, shard)| Point {
            end: entry.end,
            duration: clock.seconds(entry.duration),
            values: names
                .iter()
                .filter_map(|node| {
                    let value = value_of(*entry, shard, node.index)?;
                    Some((Arc::clone(&node.item.key), value))
                })
                .collect(),
        })
    }
}

/// Where the greatest end is, the last of equal ones, and which. Without a branch that depends on the ends: threads take
/// turns as they like, and a processor guesses wrong.
fn newest(ends: &[u64]) -> (usize, u64) {
    ends.iter().enumerate().fold(
        (0, 0),
        |best, (at, end)| {
            if *end >= best.1 { (at, *end) } else { best }
        },
    )
}

/// One call of the window.
pub(crate) struct Point {
    pub(crate) end: u64,
    pub(crate) duration: f64,
    pub(crate) values: Vec<(Arc<StatKey>, f64)>,
}

fn value_of(entry: Entry, shard: &Shard, name: u32) -> Option<f64> {
    let value = shard.known_values()?.cells(name)?.ring().get(entry.seq)?;
    // The value was read before the head is: what was overwritten meanwhile is no value of this call.
    (entry.seq >= shard.ring().intact_from()).then_some(value)
}

fn window() -> usize {
    usize::try_from(WINDOW).unwrap_or(usize::MAX)
}

/// The mean of so many durations in seconds; `None` of nothing.
pub(super) fn mean_of_ticks(sum: u64, count: usize, clock: &Clock) -> Option<f64> {
    let seconds = || clock.in_seconds(to_f64(sum)) / to_f64(count as u64);
    (count > 0).then(seconds)
}

/// The arithmetic mean; `None` of nothing. Added up oldest first, as the original does.
fn mean(values: impl DoubleEndedIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .rev()
        .fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
