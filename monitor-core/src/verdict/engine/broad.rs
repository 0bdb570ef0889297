//! Everything is slow at once: no method is at fault, the machine or the load is.
//!
//! # Definition
//!
//! A method is *hit* if it is slow, or in a rush has a third of the evidence for it. A hit method is a *leaf* if no
//! method below it is hit: the slowness of the others may be that of those below. It is broad where [`MOST`] of the busy
//! methods are hit, and as large a share of the leaves of all busy methods, and three leaves (two, where no more than
//! [`FEW_BUSY`] methods are busy) of which, in a rush, the evidence together is enough for two findings, else each has its
//! own.
//!
//! Their incidents are one then, beside those that fail or are stuck: overloaded in a rush, which is [`OVERLOAD`] times the usual entry calls, else slow, without
//! a method. What is judged together needs less time than each method alone.

use super::Engine;
use super::cause::RUSH_OVER;
use super::describe::Group;
use super::evidence::ENOUGH;
use super::finding::Family;
use super::method::Method;
use crate::verdict::{Evidence, Incident, Rule, State};

/// Leaves that make it broad; two, where there are no more busy methods than [`FEW_BUSY`].
const MANY: usize = 3;
const FEW_BUSY: usize = 4;
/// The share of the busy methods, in percent.
const MOST: usize = 60;
/// So many times the usual entry calls are an overload.
const OVERLOAD: f64 = 1.5;
/// Seconds over which the load is taken: at first, and once it is broad.
const FIRST_SECONDS: f64 = 8.0;
const SECONDS: f64 = 20.0;
/// Seconds after it is over until what is left of it is closed.
const ECHO: f64 = 30.0;
/// A method in which so much of the evidence is there counts as hit in a rush.
const HINT: f64 = ENOUGH / 3.0;
/// What leaves must have together.
const TOGETHER: f64 = 2.0 * ENOUGH;

/// The load on all methods.
#[derive(Debug, Clone, Copy)]
struct Load {
    rate: f64,
    usual: f64,
    /// Whether it was a rush in the last slot.
    was_rush: bool,
    /// The root with most more calls than usual.
    most: Option<u32>,
}

impl Load {
    fn is_rush(&self) -> bool {
        let times = if self.was_rush { RUSH_OVER } else { OVERLOAD };
        self.usual > 0.0 && self.rate >= times * self.usual
    }
}

/// Two of the methods below one, at most.
#[derive(Debug, Clone, Copy, Default)]
struct Below([Option<u32>; 2]);

impl Below {
    /// True if it is not there yet, and there is room.
    fn add(&mut self, method: u32) -> bool {
        let place = match self.0 {
            [None, _] => 0,
            [Some(one), None] if one != method => 1,
            _ => return false,
        };
        self.0[place] = Some(method);
        true
    }

    fn has_other(&self, method: u32) -> bool {
        self.0.iter().flatten().any(|one| *one != method)
    }
}

impl Engine {
    /// The incidents of single causes; where everything is slow, of those alone that are more than slow.
    pub(super) fn incidents(&self, groups: &[Group], is_broad: bool) -> Vec<Incident> {
        if !is_broad {
            let all = groups.iter().filter_map(|group| self.describe(group));
            return all.collect();
        }
        let told = groups.iter().filter(|group| self.is_more_than_slow(group));
        let told = told.filter_map(|group| self.describe(group));
        let told = told.filter(|one| !matches!(one.state, State::Slow | State::Overloaded));
        told.map(|one| self.of_who_fails(one)).collect()
    }

    fn is_more_than_slow(&self, group: &Group) -> bool {
        let methods = group.members.iter().chain([&group.cause]);
        let found = methods.filter_map(|&at| self.method(at));
        let mut found = found.flat_map(Method::active).map(|one| one.sign.family());
        found.any(|one| matches!(one, Family::Failed | Family::Stuck))
    }

    /// Notes whether it is over, and closes what is left of it some time after.
    pub(super) fn end_broad(&mut self, is_over: bool) {
        if !is_over {
            return;
        }
        if self.broad_since.take().is_some() {
            self.broad_over = Some(self.now);
        }
        self.is_broad_rush = false;
        self.close_echoes();
    }

    /// What fails because all is slow is not the fault of one slow method: the incident is that of the first one that fails.
    fn of_who_fails(&self, mut incident: Incident) -> Incident {
        let Some(slow) = incident.method.filter(|at| !self.fails(*at)) else {
            return incident;
        };
        if let Some(at) = incident.felt.iter().position(|at| self.fails(*at)) {
            incident.method = Some(std::mem::replace(&mut incident.felt[at], slow));
            incident.felt.sort_unstable();
        }
        incident
    }

    fn fails(&self, method: u32) -> bool {
        let found = self.method(method).into_iter().flat_map(Method::active);
        found
            .map(|one| one.sign.family())
            .any(|one| one == Family::Failed)
    }

    /// Closes what is left of the findings once all is well again for most: if it is more it is found again.
    fn close_echoes(&mut self) {
        let Some(over) = self.broad_over.filter(|over| self.now - over >= ECHO) else {
            return;
        };
        self.broad_over = None;
        for at in self.alarmed.clone() {
            let found = self.method(at).into_iter().flat_map(Method::active);
            let of_it = found.filter(|one| one.sign.family() == Family::Slow && one.fired <= over);
            let signs: Vec<_> = of_it.map(|one| one.sign).collect();
            for sign in signs {
                self.close(at, sign);
            }
        }
    }

    /// The incident of all methods that are slow, where most are: it takes the place of theirs.
    pub(super) fn everything(&mut self) -> Option<Incident> {
        if self.alarmed.is_empty() && !self.is_doubtful {
            return None;
        }
        let seconds = if self.broad_since.is_some() {
            SECONDS
        } else {
            FIRST_SECONDS
        };
        let load = self.load(seconds);
        let busy = self.busy();
        let is_hit = |at: u32| {
            self.method(at)
                .is_some_and(|one| is_hit(one, load.is_rush()))
        };
        let hit: Vec<u32> = busy.iter().copied().filter(|at| is_hit(*at)).collect();
        let leaves = self.leaves(&hit);
        let all_leaves = self.leaves(&busy).len();
        let least = if busy.len() <= FEW_BUSY {
            MANY - 1
        } else {
            MANY
        };
        let is_most =
            hit.len() * 100 >= MOST * busy.len() && leaves.len() * 100 >= MOST * all_leaves;
        if leaves.len() < least || !is_most || !self.is_sure(&leaves, load.is_rush()) {
            return None;
        }
        let since = match self.broad_since {
            Some(since) => since,
            None => self.median_since(&leaves),
        };
        self.broad_since = Some(since);
        self.is_broad_rush = load.is_rush();
        Some(incident(hit, busy.len(), since, load))
    }

    fn is_sure(&self, leaves: &[u32], is_rush: bool) -> bool {
        let mut leaves = leaves.iter().filter_map(|&at| self.method(at));
        if is_rush {
            let sure = leaves.map(|one| {
                if has_slow(one) {
                    ENOUGH
                } else {
                    one.slowness()
                }
            });
            sure.sum::<f64>() >= TOGETHER
        } else {
            leaves.all(has_slow)
        }
    }

    /// Methods below which, however deep, there is none of them; these ascend.
    fn leaves(&self, of: &[u32]) -> Vec<u32> {
        // Up from all of them at once. Of those below a method two are enough to know that one of them is another.
        let mut below = vec![Below::default(); self.methods.len()];
        let mut open: Vec<(u32, u32)> = of.iter().map(|at| (*at, *at)).collect();
        while let Some((at, source)) = open.pop() {
            for &caller in self.method(at).into_iter().flat_map(|one| &one.callers) {
                let is_new = below
                    .get_mut(caller as usize)
                    .is_some_and(|one| one.add(source));
                if is_new {
                    open.push((caller, source));
                }
            }
        }
        let is_leaf = |at: &u32| {
            below
                .get(*at as usize)
                .is_none_or(|one| !one.has_other(*at))
        };
        of.iter().copied().filter(is_leaf).collect()
    }

    /// Known methods of which a call ended of late; ascending.
    fn busy(&self) -> Vec<u32> {
        let first = self.times.first_after(self.now - SECONDS);
        let is_busy = |at: &u32| {
            let Some(method) = self.method(*at) else {
                return false;
            };
            method.normal.has_bounds() && method.ring.sum(first, |one| one.ended) > 0.0
        };
        self.awake.iter().copied().filter(is_busy).collect()
    }

    fn load(&self, seconds: f64) -> Load {
        let roots = self
            .awake
            .iter()
            .filter_map(|&at| Some((at, self.method(at)?)));
        let roots = roots.filter(|one| one.1.is_root);
        let (mut rate, mut usual, mut most) = (0.0, 0.0, (0.0, None));
        for (at, method) in roots {
            let now = self.rate(method, seconds);
            rate += now;
            usual += method.normal.rate;
            if now - method.normal.rate > most.0 {
                most = (now - method.normal.rate, Some(at));
            }
        }
        let most = most.1;
        let was_rush = self.is_broad_rush;
        Load {
            rate,
            usual,
            was_rush,
            most,
        }
    }

    /// The middle one of the beginnings.
    fn median_since(&self, of: &[u32]) -> f64 {
        let methods = of.iter().filter_map(|&at| self.method(at));
        let mut since: Vec<f64> = methods.filter_map(|one| self.slow_since(one)).collect();
        since.sort_unstable_by(f64::total_cmp);
        since.get(since.len() / 2).copied().unwrap_or(self.now)
    }

    fn slow_since(&self, method: &Method) -> Option<f64> {
        let found = method
            .active()
            .filter(|one| one.sign.family() != Family::Failed);
        let found = found.map(|one| one.since).min_by(f64::total_cmp);
        let sign = method.slow_sign();
        found.or_else(|| Some(method.began(sign, &self.moment())))
    }
}

fn has_slow(method: &Method) -> bool {
    method.told().any(|one| one.sign.family() != Family::Failed)
}

fn is_hit(method: &Method, is_rush: bool) -> bool {
    has_slow(method) || is_rush && method.slowness() >= HINT
}

fn incident(felt: Vec<u32>, busy: usize, since: f64, load: Load) -> Incident {
    let method = load.most.filter(|_| load.is_rush());
    Incident {
        state: if load.is_rush() {
            State::Overloaded
        } else {
            State::Slow
        },
        rule: Rule::Broad,
        since,
        method,
        error_type: None,
        check: None,
        evidence: Evidence {
            rate: Some(load.rate),
            usual_rate: Some(load.usual),
            slow_methods: felt.len() as u64,
            busy_methods: busy as u64,
            ..Evidence::default()
        },
        felt: felt.into_iter().filter(|at| Some(*at) != method).collect(),
        times: 1,
    }
}
