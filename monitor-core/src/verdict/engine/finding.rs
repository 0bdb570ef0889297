//! A finding: one sign of one method that is beyond its normal, from its beginning until it is over.
//!
//! It is over when the evidence against it reaches [`GONE`] nats and no sign came for a while: 10 s, a minute where it came
//! back once, and two where more often. One that comes back within [`SAME`] seconds is the same one. Where the calls of that
//! while are enough for a finding by themselves it is not over but milder, and is weighed by their share from then on.

use super::evidence::Evidence;
use super::ring::RING;

/// Nats of evidence that it is over: odds of 150 to 1.
const GONE: f64 = 5.0;
/// Seconds within which what comes back is the same.
pub(super) const SAME: f64 = 180.0;
/// Seconds after which it is over, without a call that shows it.
const LOST: f64 = RING as f64 * 2.0;

/// What is beyond the normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Failures of one type, by its place in the book.
    Failed(u32),
    /// Most calls are slow.
    Slow,
    /// Many calls are far slower.
    Far,
    /// The slowest are slower.
    Tail,
    /// Calls do not end.
    Stuck,
    /// Calls wait for permits.
    Waiting,
}

/// Signs that explain each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Failed,
    Slow,
    Stuck,
    Waiting,
}

impl Sign {
    pub(super) fn family(self) -> Family {
        match self {
            Self::Failed(_) => Family::Failed,
            Self::Slow | Self::Far | Self::Tail => Family::Slow,
            Self::Stuck => Family::Stuck,
            Self::Waiting => Family::Waiting,
        }
    }
}

/// A finding.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) sign: Sign,
    pub(super) since: f64,
    /// When it was found.
    pub(super) fired: f64,
    /// When it was over, where it is.
    pub(super) over: Option<f64>,
    /// How often it was found.
    pub(super) times: u32,
    /// Calls since its beginning, and bad ones.
    pub(super) calls: u64,
    pub(super) bad: u64,
    /// The method at fault.
    pub(super) cause: Option<u32>,
    /// Whether it is what is left of one of the method at fault, which is over.
    pub(super) is_echo: bool,
    /// When the first of the findings began that overlap up to this one.
    pub(super) incident_since: f64,
    gone: f64,
    last_bad: f64,
    /// Calls since its last sign, and bad ones.
    calm: [f64; 2],
    /// The share of bad calls since it got milder.
    milder: Option<f64>,
}

impl Finding {
    pub(super) fn new(sign: Sign, since: f64, now: f64) -> Self {
        Self {
            sign,
            since,
            fired: now,
            over: None,
            times: 1,
            calls: 0,
            bad: 0,
            cause: None,
            is_echo: false,
            incident_since: since,
            gone: 0.0,
            last_bad: now,
            calm: [0.0; 2],
            milder: None,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.over.is_none()
    }

    /// It came back.
    pub(super) fn again(&mut self, now: f64) {
        self.over = None;
        self.gone = 0.0;
        self.sign_came(now);
        self.milder = None;
        self.times += 1;
        // Its cause may be another one by now.
        self.fired = now;
        self.cause = None;
    }

    /// True if its last sign came before this moment.
    pub(super) fn was_calm_at(&self, moment: f64) -> bool {
        self.last_bad < moment
    }

    /// True where what comes now is another one.
    pub(super) fn is_past(&self, now: f64) -> bool {
        self.over.is_some_and(|over| now - over > SAME)
    }

    /// The share of bad calls.
    pub(super) fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
        let share = self.bad as f64 / self.calls.max(1) as f64;
        share
    }

    /// Adds calls, and the bad ones among them.
    pub(super) fn count(&mut self, calls: u64, bad: u64) {
        self.calls += calls;
        self.bad += bad;
    }

    /// Adds a slot of calls; true if it is over with it.
    pub(super) fn weigh(&mut self, evidence: &Evidence, calls: u32, bad: u32, now: f64) -> bool {
        if self.gone < 1.0 {
            self.count(calls.into(), bad.into());
        }
        let p0 = evidence.normal();
        let share = self.milder.unwrap_or_else(|| self.share());
        let q = (0.75 * share).max((1.5 * p0).min(f64::midpoint(1.0, p0)));
        let q = q.min(0.99);
        let (calls, bad) = (f64::from(calls), f64::from(bad));
        self.calm = [self.calm[0] + calls, self.calm[1] + bad];
        if bad > 0.0 && bad >= q * calls {
            self.sign_came(now);
        }
        let good = (calls - bad).max(0.0);
        let gone = self.gone + good * ((1.0 - p0) / (1.0 - q)).ln() - bad * (q / p0).ln();
        self.gone = gone.clamp(0.0, 2.0 * GONE);
        let is_calm = now - self.last_bad >= self.calm_time();
        let is_gone = self.gone >= GONE && is_calm;
        if is_gone && evidence.is_beyond(self.calm) {
            self.milder = Some(self.calm[1] / self.calm[0]);
            self.gone = 0.0;
            self.sign_came(now);
            return false;
        }
        is_gone || now - self.last_bad > LOST
    }

    fn sign_came(&mut self, now: f64) {
        self.last_bad = now;
        self.calm = [0.0; 2];
    }

    /// Adds a slot of a gauge; true if it is over with it.
    pub(super) fn weigh_gauge(&mut self, is_bad: bool, now: f64) -> bool {
        if is_bad {
            self.sign_came(now);
        }
        now - self.last_bad >= self.calm_time()
    }

    /// Seconds without a sign after which it may be over: what came back is not believed so soon.
    fn calm_time(&self) -> f64 {
        match self.times {
            0 | 1 => 10.0,
            2 => 60.0,
            _ => 120.0,
        }
    }
}
