//! The sums of a sampler: time by method, and by stack of methods.
//!
//! One sampler at a time adds to them, under a lock that nothing else but a snapshot takes; no call ever does. Names are
//! looked up when a stack is seen for the first time. Sums are floats, as all sums of ticks are.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::base::clock::to_f64;
use crate::data::snapshot::{SelfTime, StackTime};
use crate::recording::store::{OVERFLOW, StorageCore};

/// Stacks that are kept apart; further ones count as one. A service of 100 methods rarely has more.
pub(crate) const MAX_STACKS: usize = 1000;

/// Sums of samples, in ticks.
#[derive(Debug, Default)]
pub(crate) struct SelfTimes {
    /// When the last sample was taken.
    last: u64,
    /// How many samplers there are.
    samplers: usize,
    samples: u64,
    late: f64,
    busy: f64,
    /// By the number of a method and label set.
    methods: Vec<f64>,
    /// In the order they were seen first.
    stacks: Vec<StackTicks>,
    /// The place of each stack by the numbers of its methods.
    places: HashMap<Box<[u32]>, usize, RandomState>,
    /// Time in stacks past [`MAX_STACKS`].
    overflow: f64,
}

#[derive(Debug)]
struct StackTicks {
    methods: Arc<[Arc<str>]>,
    ticks: f64,
}

impl SelfTimes {
    /// A sampler begins. The time before the only one is in no sample.
    pub(crate) fn add_sampler(&mut self, now: u64) {
        if self.samplers == 0 {
            self.last = now;
        }
        self.samplers += 1;
    }

    /// A sampler ends.
    pub(crate) fn remove_sampler(&mut self) {
        self.samplers = self.samplers.saturating_sub(1);
    }

    /// A sample is taken. Returns the time for which it stands: that since the last one, but `most` at most. One sample
    /// cannot tell where an hour went in which the process was stopped.
    pub(crate) fn begin(&mut self, now: u64, most: u64) -> f64 {
        let since = now.saturating_sub(self.last);
        self.last = now;
        self.samples += 1;
        to_f64(since.min(most))
    }

    /// The sample was taken so late, and took so long.
    pub(crate) fn end(&mut self, late: u64, busy: u64) {
        self.late += to_f64(late);
        self.busy += to_f64(busy);
    }

    /// Adds time to a method with its label set.
    pub(crate) fn add(&mut self, method: u32, ticks: f64) {
        let at = method as usize;
        if self.methods.len() <= at {
            self.methods.resize(at + 1, 0.0);
        }
        self.methods[at] += ticks;
    }

    /// Adds time to a stack of methods without label sets, the calling ones first.
    pub(crate) fn add_stack(&mut self, storage: &StorageCore, methods: &[u32], ticks: f64) {
        if let Some(at) = self.places.get(methods) {
            self.stacks[*at].ticks += ticks;
        } else if self.stacks.len() < MAX_STACKS {
            self.places.insert(methods.into(), self.stacks.len());
            let names = methods.iter().map(|number| storage.name_of(*number));
            let methods = names.collect();
            self.stacks.push(StackTicks { methods, ticks });
        } else {
            self.overflow += ticks;
        }
    }

    /// The seconds of a method with its label set.
    pub(crate) fn of_method(&self, storage: &StorageCore, method: u32) -> f64 {
        let ticks = self.methods.get(method as usize);
        storage.clock.in_seconds(ticks.copied().unwrap_or_default())
    }

    /// All but the seconds of each method.
    pub(crate) fn read(&self, storage: &StorageCore) -> SelfTime {
        let seconds = |ticks| storage.clock.in_seconds(ticks);
        let stack = |methods: &Arc<_>, ticks| StackTime {
            methods: Arc::clone(methods),
            seconds: seconds(ticks),
        };
        let known = self.stacks.iter();
        let known = known.map(|one| stack(&one.methods, one.ticks));
        let others = || stack(&Arc::from([Arc::from(OVERFLOW)]), self.overflow);
        let others = (self.overflow > 0.0).then(others);
        SelfTime {
            samples: self.samples,
            late_seconds: seconds(self.late),
            busy_seconds: seconds(self.busy),
            stacks: known.chain(others).collect(),
        }
    }
}
