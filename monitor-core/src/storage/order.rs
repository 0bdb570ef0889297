//! The methods of a storage as a snapshot goes through them, and what it will need next.

use crate::call::method::MethodCore;
use crate::call::shard::Shard;
use crate::window::WINDOW;

/// How many methods ahead of the one that is read something is fetched.
const METHOD_AHEAD: usize = 6;
const HEADS_AHEAD: usize = 4;
const CELLS_AHEAD: usize = 2;
const FAILURES_AHEAD: usize = 1;

/// All methods, by name and labels.
///
/// The cells of a method are spread over the memory of the threads that own them, behind a list from one to the next: to
/// read them is to wait, again and again, for memory that only then turns out to be needed. So what the methods to come
/// need is loaded before: by loads of which none waits for another, which a processor has under way at once. For this,
/// and only for this, the shards are listed here too. Shards made since are missing, which costs time and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Order {
    methods: Box<[&'static MethodCore]>,
    shards: Box<[&'static Shard]>,
    /// Where the shards of each method begin, and where the last one's end.
    first: Box<[usize]>,
}

impl Order {
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

    /// Loads what the methods some places behind this one need. Gives what must be used, so that the loads stay.
    pub(crate) fn fetch_behind(&self, at: usize) -> u64 {
        let method = self.methods.get(at + METHOD_AHEAD);
        let method = method.map_or(0, |method| method.touch());
        let common = self.methods.get(at + HEADS_AHEAD);
        let common = common.map_or(0, |method| method.touch_common());
        let heads = self.shards_of(at + HEADS_AHEAD).iter();
        let cells = self.shards_of(at + CELLS_AHEAD);
        // Of the last calls each thread had its part, or one had them all.
        let latest = cells.iter().map(|shard| shard.ring().last_end()).max();
        let part = WINDOW / (cells.len() as u64).max(1);
        let newest = |shard: &Shard| match latest {
            Some(latest) if shard.ring().last_end() == latest => WINDOW,
            _ => part,
        };
        let heads = heads.fold(method ^ common, |all, shard| all ^ shard.touch_head());
        let failures = self.shards_of(at + FAILURES_AHEAD).iter();
        let heads = failures.fold(heads, |all, shard| all ^ shard.touch_failures());
        let cells = cells.iter();
        cells.fold(heads, |all, shard| all ^ shard.touch_cells(newest(shard)))
    }

    fn shards_of(&self, at: usize) -> &[&'static Shard] {
        let ends = self.first.get(at).zip(self.first.get(at + 1));
        ends.map_or(&[], |(from, to)| &self.shards[*from..*to])
    }
}
