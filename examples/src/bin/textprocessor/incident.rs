//! `--incident`: faults of the service, so that the verdict has something to say.
//!
//! Nothing here touches a metric. While an incident lasts, the places below ask [`Faults`] and behave as real code does when
//! that fault has come over it:
//!
//! | incident | what happens | where | what is seen |
//! |---|---|---|---|
//! | `dictionary` | no question is answered | `dependency.rs` | `LookUpWords` times out, its callers and the check fail |
//! | `latency` | the vectors of the texts come from a slow disk | `corpus.rs` | `RankNeighbours` is slow |
//! | `errors` | every other look into the index finds it damaged | `corpus.rs` | `RankKeywords` fails |
//! | `stuck` | some questions are not answered, and no time limit ends them | `dependency.rs` | calls of `LookUpWords` do not end |
//! | `overload` | one client sends far more texts to spell than can be spelt | `load.rs` | `Spelling` waits for its permits |
//!
//! The usual load goes on meanwhile, with its usual noise: bad requests, and clients that hang up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use monitor_server::Endpoint;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::load::say;
use crate::{live_page, page_at};

/// How long `RankNeighbours` waits for the disk in the incident `latency`; it takes well below a millisecond without.
pub(crate) const SLOW_DISK: Duration = Duration::from_millis(40);
/// So many questions get no answer in the incident `stuck`: less than `Spelling` has permits, so that other calls go on.
const UNANSWERED: usize = 5;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incident {
    Dictionary,
    Latency,
    Errors,
    Stuck,
    Overload,
}

impl Incident {
    const ALL: [(&'static str, Self); 5] = [
        ("dictionary", Self::Dictionary),
        ("latency", Self::Latency),
        ("errors", Self::Errors),
        ("stuck", Self::Stuck),
        ("overload", Self::Overload),
    ];

    /// What happens, as a sentence.
    fn what(self) -> &'static str {
        match self {
            Self::Dictionary => "the dictionary no longer answers",
            Self::Latency => "the vectors of the texts come from a slow disk",
            Self::Errors => "every other look into the index finds it damaged",
            Self::Stuck => "some questions to the dictionary are never answered",
            Self::Overload => "a client sends far more texts to spell than usual",
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[*self as usize].0)
    }
}

impl FromStr for Incident {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, incident)| incident).ok_or(())
    }
}

/// The incident that goes on, if any: shared by all that may have a fault, and by what begins and ends it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    now: Arc<watch::Sender<Option<Incident>>>,
    /// Looks into the index since the incident began.
    looks: Arc<AtomicUsize>,
    /// Questions that got no answer since then.
    unanswered: Arc<AtomicUsize>,
}

impl Faults {
    /// Begins an incident; another one that goes on is over.
    pub(crate) fn begin(&self, incident: Incident) {
        self.looks.store(0, Ordering::Relaxed);
        self.unanswered.store(0, Ordering::Relaxed);
        self.now.send_replace(Some(incident));
        say(&format!(
            "{} incident {incident} begins: {}",
            clock(),
            incident.what()
        ));
    }

    /// Ends the incident, if there is one.
    pub(crate) fn end(&self) {
        if let Some(incident) = self.now.send_replace(None) {
            say(&format!("{} incident {incident} is over", clock()));
        }
    }

    /// Whether this incident goes on.
    pub(crate) fn is(&self, incident: Incident) -> bool {
        *self.now.borrow() == Some(incident)
    }

    /// Waits until this incident has begun.
    pub(crate) async fn beginning_of(&self, incident: Incident) {
        self.wait(|now| now == Some(incident)).await;
    }

    /// Waits until this incident is over.
    pub(crate) async fn end_of(&self, incident: Incident) {
        self.wait(|now| now != Some(incident)).await;
    }

    async fn wait(&self, is_so: impl Fn(Option<Incident>) -> bool) {
        // An error would mean that the sender is gone, which `self` holds.
        let _ = self.now.subscribe().wait_for(|now| is_so(*now)).await;
    }

    /// Whether this look into the index finds it damaged.
    pub(crate) fn damages_index(&self) -> bool {
        self.is(Incident::Errors) && self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    }

    /// Whether this question gets no answer as long as the incident lasts.
    pub(crate) fn leaves_unanswered(&self) -> bool {
        self.is(Incident::Stuck) && self.unanswered.fetch_add(1, Ordering::Relaxed) < UNANSWERED
    }
}

/// When an incident comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub incident: Incident,
    /// Time from the start, in which the usual is learned.
    pub after: Duration,
    /// How long it lasts.
    pub lasting: Duration,
}

impl Schedule {
    /// Announces the incident, lets it come and go.
    pub(crate) async fn run(self, faults: Faults, monitoring: Endpoint) {
        say(&format!(
            "{} incident {} comes in {} s: until then the verdict learns what is usual",
            clock(),
            self.incident,
            self.after.as_secs()
        ));
        sleep(self.after).await;
        faults.begin(self.incident);
        if let Some(page) = live_page(&monitoring) {
            say(&format!("  see         {page}"));
        }
        for page in ["verdict", "top"] {
            say(&format!(
                "  see         curl -s {}",
                page_at(&monitoring, page)
            ));
        }
        sleep(self.lasting).await;
        faults.end();
    }
}

/// The time of day, as the verdict has it.
fn clock() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    format!(
        "{:02}:{:02}:{:02} UTC",
        now / 3600 % 24,
        now / 60 % 60,
        now % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_by_the_name_it_is_printed_with() {
        for (name, incident) in Incident::ALL {
            assert_eq!(incident.to_string(), name);
            assert_eq!(name.parse(), Ok(incident));
        }
        assert_eq!("".parse::<Incident>(), Err(()));
    }

    #[test]
    fn every_other_look_is_damaged_and_none_without_the_incident() {
        let faults = Faults::default();
        assert!(!faults.damages_index());
        faults.begin(Incident::Errors);
        let looks: Vec<_> = (0..4).map(|_| faults.damages_index()).collect();
        assert_eq!(looks, [true, false, true, false]);
        faults.end();
        assert!(!faults.damages_index());
    }

    #[test]
    fn a_few_questions_are_left_unanswered_in_each_incident() {
        let faults = Faults::default();
        for _ in 0..2 {
            faults.begin(Incident::Stuck);
            let left = (0..100).filter(|_| faults.leaves_unanswered()).count();
            assert_eq!(left, UNANSWERED);
        }
    }

    #[tokio::test]
    async fn its_end_is_seen_by_those_who_wait() {
        let faults = Faults::default();
        faults.begin(Incident::Stuck);
        let waiting = tokio::spawn({
            let faults = faults.clone();
            async move { faults.end_of(Incident::Stuck).await }
        });
        faults.end();
        waiting.await.expect("it ends");
    }
}
