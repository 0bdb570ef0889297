//! Whose fault a finding is: the deepest method below it whose own trouble explains it.
//!
//! From the method of a finding down the calls it makes, as long as callees with signs of their own explain at least half of
//! what is beyond usual: failures by failures, seconds by seconds (slow, stuck, waiting). Failures may be explained by a
//! callee that is slow or stuck, and began to be no later than 10 s after; slow calls by one that fails and is called again.
//! Seconds that calls waited for permits count only in a rush: else permits ran out because calls take longer.

use super::Engine;
use super::evidence::ENOUGH;
use super::finding::{Family, Finding, Sign};
use super::method::Method;
use super::ring::Tally;

/// The share of the trouble that callees must explain.
const HALF: f64 = 0.5;
/// Seconds by which a cause may be found to begin after its effect.
const EARLY: f64 = 10.0;
/// So many times the usual calls are a rush, where that is three standard deviations above and three calls at least.
const RUSH: f64 = 1.6;
/// Once it is a rush it is over below so many times the usual calls.
pub(super) const RUSH_OVER: f64 = 1.3;
/// A rush that makes calls slow has so many times the usual calls around the beginning, ...
const EARLY_RUSH: f64 = 1.4;
/// ... until so many seconds after it. Later calls come because others are slow.
const RISES: f64 = 40.0;
/// So many times the usual calls, of a method that fails, are those that are made again.
const RETRIED: f64 = 1.2;
/// Seconds before a finding that are looked at too.
const BEFORE: f64 = 4.0;

/// What is beyond the usual since a time.
#[derive(Debug, Clone, Copy, Default)]
struct Trouble {
    /// Failures.
    failures: f64,
    /// Seconds that calls took.
    seconds: f64,
    /// Seconds that calls waited for permits.
    waited: f64,
}

impl Engine {
    /// The method at fault for a finding of a method; once it is settled, only one with a finding.
    pub(super) fn cause(&self, method: u32, finding: &Finding, is_settled: bool) -> u32 {
        let (mut family, mut since) = (finding.sign.family(), finding.since);
        let mut path = vec![method];
        let mut at = method;
        while let Some(next) = self.deeper(at, family, since, &path) {
            at = next;
            path.push(next);
            if let Some((own_family, own_since)) = self.own(next, family) {
                (family, since) = (own_family, own_since);
            }
        }
        let has_finding = |at: &u32| self.method(*at).is_some_and(Method::has_finding);
        let mut path = path.into_iter().rev();
        let found = path.find(|at| !is_settled || has_finding(at));
        found.unwrap_or(method)
    }

    /// The first of the findings of a method, of this family where it has one.
    fn own(&self, method: u32, family: Family) -> Option<(Family, f64)> {
        let of = |is_any: bool| {
            let found = self.method(method)?.active();
            let found = found.filter(|one| is_any || one.sign.family() == family);
            let found = found.map(|one| (one.sign.family(), one.since));
            found.min_by(|a, b| a.1.total_cmp(&b.1))
        };
        of(false).or_else(|| of(true))
    }

    fn deeper(&self, at: u32, family: Family, since: f64, path: &[u32]) -> Option<u32> {
        let method = self.method(at)?;
        let from = since - BEFORE;
        let mine = self.trouble(method, from);
        let mut seconds = mine.seconds;
        if mine.waited > 0.0 && !self.is_rushed(method, since, false) {
            // Those that do not wait hold a permit: no more seconds than these can be theirs.
            let held = f64::from(method.gauges.permits) * (self.now - from);
            seconds = (seconds - mine.waited).min(held);
        }
        let callees = method.callees.iter().filter(|one| !path.contains(one));
        let callees = callees.filter_map(|&one| Some((one, self.method(one)?)));
        let callees: Vec<_> = callees
            .map(|(at, one)| (at, one, self.trouble(one, from)))
            .collect();
        if family == Family::Failed {
            let failed = callees.iter().filter(|one| has_failures(one.1));
            let failed = failed.map(|one| (one.2.failures, one.0));
            explained(failed, mine.failures * HALF).or_else(|| {
                // Calls that fail because they wait for too long take longer than usual.
                let has_waited = mine.seconds >= mine.failures * method.normal.mean();
                let slow = callees
                    .iter()
                    .filter(|one| has_waited && has_delays(one.1) && is_early(one.1, since));
                explained(slow.map(|one| (one.2.seconds, one.0)), mine.seconds * HALF)
            })
        } else {
            let slow = callees.iter().filter(|one| has_delays(one.1));
            explained(slow.map(|one| (one.2.seconds, one.0)), seconds * HALF).or_else(|| {
                // Calls that call a method again which fails take longer than usual.
                let bad = self.slow_calls(method, from);
                let retried = callees.iter().filter(|one| self.is_retried(one.1, since));
                explained(retried.map(|one| (one.2.failures, one.0)), bad * HALF)
            })
        }
    }

    /// Calls of a method that were slow since then.
    fn slow_calls(&self, method: &Method, since: f64) -> f64 {
        let first = self.times.first_after(since);
        let slow = |one: &Tally| one.slow.max(one.far).max(one.tail);
        method.ring.sum(first, slow)
    }

    /// It fails, and is called more often than usual.
    fn is_retried(&self, method: &Method, since: f64) -> bool {
        let fails =
            |one: &Finding| one.sign.family() == Family::Failed && one.since <= since + EARLY;
        let rate = self.rate(method, self.now - since + BEFORE);
        method.active().any(fails) && rate >= RETRIED * method.normal.rate
    }

    fn trouble(&self, method: &Method, since: f64) -> Trouble {
        let first = self.times.first_after(since);
        let (usual, mean) = (method.usual_failures(), method.normal.mean());
        let mut trouble = Trouble {
            failures: method.failed_from(first),
            seconds: 0.0,
            waited: f64::from(method.waited.within(first, u32::MAX)) * 2.0,
        };
        for slot in method.ring.back_to(first) {
            trouble.failures -= usual * f64::from(slot.calls);
            trouble.seconds += f64::from(slot.time) - mean * f64::from(slot.ended);
        }
        if mean < 1.0 || method.found.iter().any(|one| one.sign == Sign::Stuck) {
            trouble.seconds += method.gauges.aged;
        }
        trouble
    }

    /// How much is beyond the usual of a method, failures and seconds: to tell which of two incidents is greater.
    pub(super) fn weight(&self, method: u32, since: f64) -> f64 {
        let trouble = self
            .method(method)
            .map(|one| self.trouble(one, since - BEFORE));
        trouble.map_or(0.0, |one| one.failures + one.seconds)
    }

    /// More calls than usual since then, and more than chance would have it? One that was a rush stays one for longer.
    fn is_rush(&self, method: &Method, since: f64, was_rush: bool) -> bool {
        let first = self
            .times
            .first_after(self.now - (self.now - since).clamp(10.0, 60.0));
        let calls = method.ring.sum(first, |one| one.begun);
        let usual = method.normal.rate * self.times.seconds_from(first);
        let is_rush = calls >= RUSH * usual && calls - usual >= 3.0 * usual.sqrt() + 3.0;
        usual > 0.0 && (is_rush || was_rush && calls >= RUSH_OVER * usual)
    }

    /// The same of a rush that was there around the beginning: not of clients that try again because calls are slow.
    pub(super) fn is_rushed(&self, method: &Method, since: f64, was_rush: bool) -> bool {
        let first = self.times.first_after(since - BEFORE);
        let last = self.times.first_after((since + RISES).min(self.now - 1.0));
        let slots = || method.ring.back_to(first).filter(|one| one.first <= last);
        let ends = slots().last().zip(slots().next());
        // Of one that began before all that is kept it is known no more.
        let ends = ends.filter(|_| self.times.begin(first) <= since);
        let was_early = ends.is_some_and(|(oldest, newest)| {
            let (from, to) = (oldest.first.min(first), newest.last.max(last));
            let calls: f64 = slots().map(|one| f64::from(one.begun)).sum();
            let seconds = self.times.end(to) - self.times.begin(from);
            calls >= EARLY_RUSH * method.normal.rate * seconds
        });
        (was_rush || was_early) && self.is_rush(method, since, was_rush)
    }

    /// Calls begun a second in the last so many seconds.
    pub(super) fn rate(&self, method: &Method, seconds: f64) -> f64 {
        let first = self.times.first_after(self.now - seconds);
        method.ring.sum(first, |one| one.begun) / self.times.seconds_from(first).max(1.0)
    }
}

/// The one with most, where all together are enough.
fn explained(of: impl Iterator<Item = (f64, u32)>, enough: f64) -> Option<u32> {
    let bad: Vec<_> = of.filter(|one| one.0 > 0.0).collect();
    let sum: f64 = bad.iter().map(|one| one.0).sum();
    let most = bad
        .iter()
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    most.filter(|_| sum >= enough).map(|one| one.1)
}

/// A third of the evidence for a finding.
const HINT: f64 = ENOUGH / 3.0;

/// Failing, surely or in the making.
pub(super) fn has_failures(method: &Method) -> bool {
    method
        .active()
        .any(|one| one.sign.family() == Family::Failed)
        || method
            .failures
            .iter()
            .any(|one| one.evidence.most() >= HINT)
}

/// Slow, stuck or waiting, surely or in the making.
pub(super) fn has_delays(method: &Method) -> bool {
    method
        .active()
        .any(|one| one.sign.family() != Family::Failed)
        || method.slowness() >= HINT
        || f64::from(method.gauges.late) > method.normal.late
}

/// Its own trouble began no later than that of its caller, as far as is known.
fn is_early(method: &Method, since: f64) -> bool {
    let is_early =
        |one: &Finding| one.sign.family() != Family::Failed && one.since <= since + EARLY;
    !method.has_finding() || method.active().any(is_early)
}
