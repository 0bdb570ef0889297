//! The methods of a storage as a snapshot goes through them, and what it will need next.

use crate::base::sync::{AtomicU32, Ordering};
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;

/// How many methods are fetched at once: enough for a processor to have all the loads it can under way, few enough for what
/// they bring to stay in its inner caches.
const BATCH: usize = 16;

/// All methods, by name and labels.
///
/// The cells of a method are spread over the memory of the threads that own them, behind a list from one to the next: to
/// read them is to wait, again and again, for memory that only then turns out to be needed. So what the methods to come
/// need is loaded before, some methods at a time, in steps: by loads of which none waits for another of its step, which a processor
/// has under way at once. For this, and only for this, the shards are listed here too. Shards made since are missing, which costs time and nothing else.
#[derive(Debug, Default)]
pub(crate) struct MethodList {
    methods: Box<[&'static MethodCore]>,
    shards: Box<[&'static Shard]>,
    /// Parallel to `shards`: how many of their last calls the means took last time. As the threads shared the calls then, they
    /// most likely still do.
    taken: Box<[AtomicU32]>,
    /// Where the shards of each method begin, and where the last one's end.
    first: Box<[usize]>,
}

impl MethodList {
    pub(crate) fn new(mut methods: Vec<&'static MethodCore>) -> Self {
        methods.sort_unstable_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        Self::list(methods.into())
    }

    fn list(methods: Box<[&'static MethodCore]>) -> Self {
        let mut shards = Vec::new();
        let mut first = vec![0];
        for method in &methods {
            shards.extend(method.shards());
            first.push(shards.len());
        }
        Self {
            methods,
            taken: shards.iter().map(|_| AtomicU32::new(0)).collect(),
            shards: shards.into(),
            first: first.into(),
        }
    }

    /// The same methods with all shards they have now.
    pub(crate) fn listed_again(&self) -> Self {
        Self::list(self.methods.clone())
    }

    pub(crate) fn methods(&self) -> &[&'static MethodCore] {
        &self.methods
    }

    /// How many shards are listed.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Loads what this method and those behind it need, if it is the first of a batch. Gives what must be used, so that the
    /// loads stay.
    pub(crate) fn fetch(&self, at: usize) -> u64 {
        if !at.is_multiple_of(BATCH) {
            return 0;
        }
        let end = (at + BATCH).min(self.methods.len());
        let methods = &self.methods[at..end];
        let places = self.first[at]..self.first[end];
        let shards = &self.shards[places.clone()];
        let taken = &self.taken[places];
        let mut all = 0;
        let mut step = |loaded: u64| all ^= loaded;
        for shard in shards {
            step(shard.touch_head());
        }
        for method in methods {
            step(method.touch());
        }
        for (shard, taken) in shards.iter().zip(taken) {
            step(shard.touch_cells(taken.load(Ordering::Relaxed).into()));
        }
        for method in methods {
            step(method.touch_common());
        }
        for shard in shards {
            step(shard.touch_failures());
        }
        all
    }

    /// Notes how many of their last calls the means of this method took from each of its shards.
    pub(crate) fn note_taken(&self, at: usize, taken: impl Iterator<Item = usize>) {
        let ends = self.first.get(at).zip(self.first.get(at + 1));
        let places = ends.map_or(&[][..], |(from, to)| &self.taken[*from..*to]);
        for (place, taken) in places.iter().zip(taken) {
            place.store(u32::try_from(taken).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
    }
}
