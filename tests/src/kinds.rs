//! The closed list of differences on purpose.
//!
//! A kind is a rule, never a list of cases. [`model`] follows it or not; what changes in the model's result
//! when it begins to is the kind's exact replacement: every item that was `a` and is `b` now is `b` in what ours must
//! give, provided the recorded result says `a` there. Where the model does not change, the kind does not apply.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::case::{Case, Step};
use crate::compare::{is_comment, replace};
use crate::model;
use crate::observed::{Items, Observed};
use crate::value::Val;

macro_rules! kinds {
    ($($id:ident $name:literal $reason:literal;)*) => {
        /// A kind of difference.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Id { $(#[doc = $reason] $id,)* }

        /// All kinds, in the order they are applied.
        pub const KINDS: &[Kind] = &[$(Kind { id: Id::$id, name: $name, reason: $reason },)*];
    };
}

/// A kind of difference and why there is one.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Which it is.
    pub id: Id,
    /// The defects of the original it is about (section d of its description), or a word.
    pub name: &'static str,
    /// Why ours differs.
    pub reason: &'static str,
}

kinds! {
    // The configuration.
    E6 "E6" "a blank error word would match every error: the start is refused";
    E7 "E7" "a text in place of a list of words would be taken letter by letter: the start is refused";
    E8 "E8" "`unhealthy` and `service_errors` may be left out of a status";
    H6 "H6" "a gauge of `service info` with a name no exposition may have, or a built-in one's, and unknown keys are refused at the start";
    E11 "E11" "the error types are there from the start, whoever is initialised when";
    E5 "E5" "a word under two statuses is one error type";
    E4 "E4" "the type `other` is always there, and a type no status lists means `OTHER_EXCEPTION`, not `OK`";
    Types "TYPES" "the error types `panic` and `cancelled` are built in";
    E1 "E1" "words match whatever their case";
    E2 "E2" "words match the error's type, message and causes, never the text of a traceback or a module's path";
    // Calls.
    C4 "C4" "time does not go back, and no age or duration is negative";
    C5 "C5" "a call is counted however its context is passed";
    C6 "C6" "a request that cannot be measured does not fail the call";
    C7 "C7" "a response that cannot be measured does not fail the call";
    C8 "C8" "the text of an error is not sent to the client";
    C1 "C1" "values are numbers by type: what is none is not observed, and fails nothing";
    W14 "W14" "a cancelled call is a failure of type `cancelled` and leaves the status as it is";
    W15 "W15" "an intended abort is a failure of type `other` and leaves the status as it is";
    // Values by key.
    S6 "S6" "`stats` and `tasks` are reserved: using them as something else is refused";
    S7 "S7" "a point of `stats` that is no map is refused";
    S8 "S8" "a task whose start is no number is refused";
    Del "DEL" "taking a key out of what is no section does nothing";
    M1 "M1" "a list without a bound keeps its last 10,000 values";
    W9 "W9" "a mean is over the numbers alone, not 0 for one text among them";
    W10 "W10" "NaN is in no histogram; a call observes finite numbers alone";
    W11 "W11" "a negative observation is in no histogram; time left to a deadline that is past is 0";
    // Keys.
    S10 "S10" "a label without a name is left out";
    W12 "S2/S3/W12" "label values may hold `__` and begin or end with `_`; a method or error type is never taken apart";
    S13 "S13" "a label `inittime` of a key does not replace the process's: it becomes `label_inittime`";
    C3 "C3" "labels `le` and `quantile` mean something to scrapers: they become `label_le`, `label_quantile`";
    S10b "S10b" "of label names that are written alike the first wins";
    MethodWord "METHOD-WORD" "a word in a method's name does not choose the histogram of its values";
    // The page.
    S1 "S1/C2" "keys of one family may have different numbers of labels: no scrape, call or value fails";
    W1 "W1" "each key has its own labels, whatever the family's first key has";
    W4 "W4" "what is no number any more is not exported any more";
    W5 "W5" "each method has a window of its own, apart from the user's points";
    Collide "S4/S5/W2/W3/W13" "the first key owns a family; one whose name collides is exported as `stats_key_<hash>`";
    S10c "S10c" "a colon in a name is written alike in both formats";
    Bounds "BOUNDS" "time histograms have six bounds below 10 ms";
    Zero "ZERO" "every count and histogram of a known method is there at zero";
    W6 "W6" "there are no gauges of sizes that stay 0";
    W7 "W7" "the task status is exported as `monitor_task_status`";
    // HTTP.
    H4 "H4" "unknown paths are 404, paths are exact, and there are probes";
    H5 "H5" "GET and HEAD alone, else 405; `gzip;q=0` is not gzipped";
    Negotiation "S11/NEGOTIATION" "the best format by quality, out of two, under constant names; no Accept header fails";
}

/// The kinds in force.
#[derive(Debug, Clone, Default)]
pub struct Ours(Vec<Id>);

impl Ours {
    /// Whether a kind is in force.
    pub fn has(&self, id: Id) -> bool {
        self.0.contains(&id)
    }

    /// All kinds.
    pub fn all() -> Self {
        Self(KINDS.iter().map(|kind| kind.id).collect())
    }

    fn begin(&mut self, id: Id) {
        self.0.push(id);
    }
}

/// All replacements a case asks for, kind by kind.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which event of the case each note of the original is of.
    places: Vec<String>,
    replacements: Vec<Replacement>,
}

/// What one kind makes of one item.
#[derive(Debug, Clone)]
struct Replacement {
    kind: Id,
    item: String,
    from: Option<Val>,
    to: Option<Val>,
}

/// What ours must give for a case.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The items.
    pub items: Items,
    /// The kinds that applied, and how many items each replaced.
    pub applied: BTreeMap<Id, usize>,
    /// Where the recorded result is not what the original gives by its own rules, so nothing could be replaced.
    pub conflicts: Vec<String>,
}

impl Plan {
    /// The replacements of a case: one kind after the other begins to be in force, and what changes is its.
    pub fn new(case: &Case, steps: &[Step]) -> Self {
        let mut ours = Ours::default();
        let original = model::run(case, steps, &ours);
        let places = original.notes.iter().map(|note| note.at.clone()).collect();
        let (mut before, mut replacements) = (original.items(), Vec::new());
        for kind in KINDS {
            ours.begin(kind.id);
            let after = model::run(case, steps, &ours).items();
            replacements.extend(changes(kind.id, &before, &after));
            before = after;
        }
        Self {
            places,
            replacements,
        }
    }

    /// Makes what ours must give out of what the original gave.
    pub fn apply(&self, recorded: &Value) -> Wanted {
        let mut wanted = Wanted {
            items: Observed::recorded(recorded, &self.places).items(),
            applied: BTreeMap::new(),
            conflicts: Vec::new(),
        };
        for Replacement {
            kind: id,
            item,
            from,
            to,
        } in &self.replacements
        {
            match replace(&mut wanted.items, item, from.as_ref(), to.as_ref()) {
                Ok(()) if is_comment(item) => {}
                Ok(()) => *wanted.applied.entry(*id).or_default() += 1,
                Err(line) => wanted.conflicts.push(format!("{}: {line}", kind(*id).name)),
            }
        }
        wanted
    }
}

fn changes<'a>(
    kind: Id,
    before: &'a Items,
    after: &'a Items,
) -> impl Iterator<Item = Replacement> + 'a {
    let items: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    items.into_iter().filter_map(move |item| {
        let (from, to) = (before.get(item), after.get(item));
        let same = from.zip(to).is_some_and(|(from, to)| from.same(to));
        (!same).then(|| Replacement {
            kind,
            item: item.clone(),
            from: from.cloned(),
            to: to.cloned(),
        })
    })
}

/// The kind of an id.
pub fn kind(id: Id) -> &'static Kind {
    // Ids and kinds are made by one macro, in one order.
    &KINDS[id as usize]
}
