//! Whose fault findings are where no call is known to come from another method.
//!
//! # Definition
//!
//! It holds in a service of which no method ever had a monitored caller: then nothing tells what explains what. Findings of
//! which each began at most [`TOGETHER`] seconds after the one before are one incident. If any of them are failures those
//! count alone, by the share of bad calls; else the time that calls took of late, in times their usual mean. The greatest is
//! at fault; of those that are no less than [`ABOUT`] times as great the one whose calls are usually shortest: it is likely
//! to be what the others call.

use super::Engine;
use super::describe::Group;
use super::finding::{Family, Finding};

/// Seconds between the beginnings of two findings of one incident.
const TOGETHER: f64 = 15.0;
/// So large a part of the greatest is about as great.
const ABOUT: f64 = 0.7;
/// Seconds of which the times of calls are taken.
const SECONDS: f64 = 30.0;

/// One of the methods with findings of one moment.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    method: u32,
    has_failures: bool,
    score: f64,
    mean: f64,
}

impl Engine {
    /// Joins groups of one moment, in a service whose methods have no known callers.
    pub(super) fn join_blind(&self, groups: Vec<Group>) -> Vec<Group> {
        if self.has_edges || groups.len() < 2 {
            return groups;
        }
        let begun = |group: Group| Some((self.since(&group)?, group));
        let mut groups: Vec<_> = groups.into_iter().filter_map(begun).collect();
        groups.sort_by(|a, b| a.0.total_cmp(&b.0));
        let moments = groups.chunk_by(|a, b| b.0 - a.0 <= TOGETHER);
        moments.filter_map(|moment| self.join(moment)).collect()
    }

    fn join(&self, moment: &[(f64, Group)]) -> Option<Group> {
        let causes = moment.iter().map(|one| one.1.cause);
        let suspects: Vec<_> = causes.filter_map(|at| self.suspect(at)).collect();
        let has_failures = suspects.iter().any(|one| one.has_failures);
        let suspects = suspects
            .iter()
            .filter(|one| one.has_failures == has_failures);
        let top = suspects.clone().map(|one| one.score).fold(0.0, f64::max);
        let great = suspects.filter(|one| one.score >= ABOUT * top);
        let cause = great.min_by(|a, b| a.mean.total_cmp(&b.mean))?.method;
        let mut members: Vec<u32> = moment
            .iter()
            .flat_map(|one| one.1.members.iter().copied())
            .collect();
        members.sort_unstable();
        members.dedup();
        Some(Group { cause, members })
    }

    fn suspect(&self, at: u32) -> Option<Suspect> {
        let method = self.method(at)?;
        let failed = method
            .active()
            .filter(|one| one.sign.family() == Family::Failed);
        let share = failed.map(Finding::share).reduce(f64::max);
        let mean = method.normal.mean();
        let first = self.times.first_after(self.now - SECONDS);
        let slots = || method.ring.back_to(first);
        let time: f64 = slots().map(|one| f64::from(one.time)).sum();
        let ended: f64 = slots().map(|one| f64::from(one.ended)).sum();
        let slower = (time + method.gauges.aged) / ended.max(1.0) / mean.max(1e-6);
        Some(Suspect {
            method: at,
            has_failures: share.is_some(),
            score: share.unwrap_or(slower),
            mean,
        })
    }
}
