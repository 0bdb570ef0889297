//! `inflight`: calls in flight as a tree, those of one shape in one line.
//!
//! The shape of a call is its name with those of the calls below it, and their states. Roots of one shape are one line
//! with their number and the least and the greatest age, and so are the calls of one shape below one call; calls that
//! are stuck stand alone, up to [`MOST_STUCK`] of them.
//!
//! The state of a call is that of [`CallState`](crate::call_state::CallState).

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::snapshot::RunningCall;
use monitor_core::verdict::Level;
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::query::{Query, Refusal};
use super::{Api, json};
use crate::call_state::CallState;

/// Most calls that are read: the oldest. One takes up to 1 us.
pub(super) const MOST_READ: usize = 5000;

/// Most lines of an answer.
const MOST_LINES: usize = 500;

/// Stuck calls that have lines of their own.
const MOST_STUCK: usize = 20;

/// Levels of a tree: calls further down stand on the last one, as readers of JSON have a limit (`serde_json`'s is 128, and a
/// level here takes two).
const MOST_LEVELS: usize = 32;

/// A call this many times older than the usual p99 of its method is of note.
const OF_NOTE: f64 = 3.0;

/// How old the error texts may be that an overview has.
pub(super) const ERRORS_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// A call, or several of one shape, with the lines below it.
#[derive(Debug)]
struct Line {
    name: Arc<str>,
    state: &'static str,
    thread: Option<Arc<str>>,
    /// The greatest age, and the least, seconds.
    age: f64,
    least: f64,
    count: u64,
    is_stuck: bool,
    caller: Option<Arc<str>>,
    kids: Vec<Line>,
}

/// Answers a request; always whole.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["since"])?;
    let running = api.monitor.running(MOST_READ);
    let total = api.monitor.in_flight();
    api.look(&query, |look| answer_of(look, &running, total))
}

pub(super) fn answer_of(look: &Look<'_>, running: &[RunningCall], total: u64) -> Value {
    let mut roots = roots(look, running);
    let stuck = roots.iter().map(Line::stuck).sum::<u64>();
    roots = folded(roots, &mut MOST_STUCK.clone());
    let lines: usize = roots.iter().map(Line::lines).sum();
    let mut left = MOST_LINES;
    let tree: Vec<_> = roots
        .iter()
        .enumerate()
        .map_while(|(id, line)| line.object(look, &id.to_string(), &mut left))
        .collect();
    let unread = total.saturating_sub(running.len() as u64);
    let mut object = Map::new();
    let entries = running.iter().filter(|call| call.depth == 0).count() as u64;
    object.insert("total".into(), total.into());
    object.insert("inner".into(), (running.len() as u64 - entries).into());
    object.insert("stuck".into(), stuck.into());
    object.insert("states".into(), states(running, total));
    object.insert("tree".into(), tree.into());
    object.insert(
        "left".into(),
        ((lines - (MOST_LINES - left)) as u64 + unread).into(),
    );
    look.sealed(true, object)
}

/// How many calls are in each state; those that were not read count as `in_flight`.
fn states(running: &[RunningCall], total: u64) -> Value {
    let count = |name: &str| {
        let in_state = running.iter();
        let in_state = in_state.filter(|call| CallState::of(call).name() == name);
        in_state.count() as u64
    };
    let [running, permit] = ["running", "permit"].map(count);
    json!({
        "running": running,
        "permit": permit,
        "in_flight": total.saturating_sub(running + permit),
    })
}

/// The oldest roots, each with what is below it.
pub(super) fn oldest(look: &Look<'_>, running: &[RunningCall], most: usize) -> Value {
    let roots = folded(roots(look, running), &mut most.clone());
    let mut left = MOST_LINES;
    let roots = roots.iter().take(most).enumerate();
    let roots = roots.map_while(|(id, line)| line.object(look, &id.to_string(), &mut left));
    json::collected(roots)
}

/// The tree of calls that stand in the order of a walk through it.
fn roots(look: &Look<'_>, running: &[RunningCall]) -> Vec<Line> {
    // The lines from a root down to the last one, which is not whole yet.
    let mut open: Vec<Line> = Vec::new();
    let mut roots = Vec::new();
    for call in running {
        close(&mut open, &mut roots, call.depth.min(MOST_LEVELS - 1));
        open.push(Line::of(look, call));
    }
    close(&mut open, &mut roots, 0);
    roots
}

/// Puts the open lines from this depth on below those that they belong to.
fn close(open: &mut Vec<Line>, roots: &mut Vec<Line>, depth: usize) {
    while open.len() > depth {
        let Some(line) = open.pop() else { return };
        match open.last_mut() {
            Some(above) => above.kids.push(line),
            None => roots.push(line),
        }
    }
}

/// The lines with those of one shape joined, the oldest first; this many stuck ones stay alone.
fn folded(lines: Vec<Line>, alone: &mut usize) -> Vec<Line> {
    let mut folded: Vec<Line> = Vec::new();
    let mut places = HashMap::new();
    for mut line in lines {
        line.kids = folded_kids(line.kids);
        let stays_alone = line.stuck() > 0 && *alone > 0;
        if stays_alone {
            *alone -= 1;
            folded.push(line);
            continue;
        }
        let at = *places.entry(line.shape()).or_insert(folded.len());
        match folded.get_mut(at) {
            Some(first) => first.join(line),
            None => folded.push(line),
        }
    }
    folded
}

/// Calls below one call; of them stuck ones are joined too.
fn folded_kids(lines: Vec<Line>) -> Vec<Line> {
    folded(lines, &mut 0)
}

impl Line {
    fn of(look: &Look<'_>, call: &RunningCall) -> Self {
        let age = call.age.as_secs_f64();
        Self {
            name: Arc::clone(&call.name),
            state: CallState::of(call).name(),
            thread: call.thread.clone(),
            age,
            least: age,
            count: 1,
            is_stuck: is_stuck(look, &call.name, age),
            caller: call.caller.clone(),
            kids: Vec::new(),
        }
    }

    /// Names and states from here down.
    fn shape(&self) -> String {
        let mut shape = format!("{:?}{}{}", self.name, self.state, self.is_stuck);
        for kid in &self.kids {
            // Writing to a String cannot fail.
            let _ = write!(shape, "({}*{})", kid.shape(), kid.count);
        }
        shape
    }

    /// Adds a line of the same shape.
    fn join(&mut self, other: Self) {
        self.age = self.age.max(other.age);
        self.least = self.least.min(other.least);
        self.count += other.count;
        if self.thread != other.thread {
            // Several threads: that of the first would be wrong for the rest.
            self.thread = self.thread.take().map(|_| "".into());
        }
        for (mine, theirs) in self.kids.iter_mut().zip(other.kids) {
            mine.join(theirs);
        }
    }

    /// Stuck calls from here down.
    fn stuck(&self) -> u64 {
        let below: u64 = self.kids.iter().map(Self::stuck).sum();
        below + u64::from(self.is_stuck) * self.count
    }

    /// Lines from here down.
    fn lines(&self) -> usize {
        1 + self.kids.iter().map(Self::lines).sum::<usize>()
    }

    /// How much its age matters, of a method with this usual p50 and p99.
    fn level(&self, usual: Option<[f64; 2]>) -> Level {
        match usual {
            _ if self.is_stuck => Level::Bad,
            Some([_, p99]) if self.age > OF_NOTE * p99 => Level::Warn,
            _ => Level::Ok,
        }
    }

    /// The line as JSON, with as many below it as there is room for; `None` without room.
    fn object(&self, look: &Look<'_>, id: &str, left: &mut usize) -> Option<Value> {
        *left = left.checked_sub(1)?;
        let kids = self.kids.iter().enumerate();
        let kids = kids.map_while(|(at, kid)| kid.object(look, &format!("{id}.{at}"), left));
        let kids = json::collected(kids);
        let usual = look.place(&self.name);
        let usual = usual.and_then(|method| look.watch.usual(method));
        let usual = usual.map(|usual| [usual.p50[0], usual.p99[1]]);
        let note = self.caller.as_ref().map(|caller| format!("in {caller}"));
        let thread = self.thread.as_deref().filter(|name| !name.is_empty());
        Some(json!({
            "id": id,
            "name": json::text(&self.name),
            "age": json::number(self.age),
            "min": json::number(self.least),
            "count": self.count,
            "state": self.state,
            "thread": json::optional_text(thread),
            "stuck": self.is_stuck,
            "level": self.level(usual).name(),
            "note": json::optional_text(note.as_deref()),
            "usual": usual.map(json::pair),
            "kids": kids,
        }))
    }
}

fn is_stuck(look: &Look<'_>, name: &str, age: f64) -> bool {
    // No limit is below it: most calls need no look-up.
    const LEAST: f64 = 1.0;
    age >= LEAST && age > look.watch.stuck_age(look.place(name))
}
