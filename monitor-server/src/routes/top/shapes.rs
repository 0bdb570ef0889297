//! Calls in flight of one shape as one line.
//!
//! A request is a call at the top of the tree with the calls below it; its shape is the names from the top down to the
//! last call, always by the oldest call of those that one made, and the state of that last call. Requests of one shape are
//! one line, but for those that are stuck, which have a line each.

use std::collections::HashMap;
use std::sync::Arc;

use monitor_core::snapshot::RunningCall;

use super::view::InFlightRow;
use crate::call_state::CallState;

/// Most lines of a page.
const LINES: usize = 10;

/// How old the calls of a method get.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct UsualAges {
    /// p50 and p99 as learned, seconds.
    pub(super) durations: Option<[f64; 2]>,
    /// From this age on a call is stuck, seconds; `None` for a method that no look has seen.
    pub(super) limit: Option<f64>,
}

/// All requests as lines, in no order.
pub(super) fn folded(
    running: &[RunningCall],
    usual: &HashMap<Arc<str>, UsualAges>,
) -> Vec<InFlightRow> {
    let mut rows: Vec<InFlightRow> = Vec::new();
    let mut places: HashMap<(Vec<String>, String), usize> = HashMap::new();
    let mut rest = running;
    while let Some((root, below)) = rest.split_first() {
        let size = below
            .iter()
            .take_while(|call| call.depth > root.depth)
            .count();
        let row = request(&rest[..=size], usual);
        rest = &below[size..];
        if row.is_stuck {
            rows.push(row);
            continue;
        }
        let shape = (row.names.clone(), row.state.clone());
        let at = *places.entry(shape).or_insert(rows.len());
        match rows.get_mut(at) {
            Some(known) => {
                known.count += 1;
                known.youngest = known.youngest.min(row.youngest);
                known.oldest = known.oldest.max(row.oldest);
            }
            None => rows.push(row),
        }
    }
    rows
}

/// The lines for a page: the oldest first.
pub(super) fn oldest(mut rows: Vec<InFlightRow>) -> Vec<InFlightRow> {
    rows.sort_by(|a, b| {
        let stuck = b.is_stuck.cmp(&a.is_stuck);
        stuck.then_with(|| b.oldest.total_cmp(&a.oldest))
    });
    rows.truncate(LINES);
    rows
}

/// One request: the call at the top, and all below it.
fn request(calls: &[RunningCall], usual: &HashMap<Arc<str>, UsualAges>) -> InFlightRow {
    let top = calls.first().map_or(0, |root| root.depth);
    let mut row = InFlightRow {
        count: 1,
        ..InFlightRow::default()
    };
    for (at, call) in calls.iter().enumerate() {
        if call.depth != top + at {
            break;
        }
        let age = call.age.as_secs_f64();
        let known = usual.get(&call.name).copied().unwrap_or_default();
        if at == 0 {
            (row.youngest, row.oldest) = (age, age);
            row.usual = known.durations;
        }
        row.names.push(call.name.to_string());
        row.is_stuck |= known.limit.is_some_and(|limit| age >= limit);
        row.state = CallState::of(call).to_string();
    }
    row
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use monitor_core::{Clock, Monitor, StorageConfig};

    use super::*;

    #[test]
    fn requests_of_one_shape_are_one_line_and_stuck_ones_have_their_own() {
        let (clock, hand) = Clock::manual(1_700_000_000.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        let [request, load, other] =
            ["Request", "Load", "Other"].map(|name| monitor.method(name).expect("a name"));
        let mut calls = Vec::new();
        monitor.scope_sync(|| {
            for seconds in [60, 2, 1] {
                let top = request.start();
                calls.push(top.run(|| load.start()));
                calls.push(top);
                hand.advance(Duration::from_secs(seconds));
            }
            calls.push(other.start());
        });
        let ages = UsualAges {
            durations: Some([0.1, 2.0]),
            limit: Some(20.0),
        };
        let usual = HashMap::from([(Arc::from("Request"), ages)]);
        let rows = oldest(folded(&monitor.running(100), &usual));
        let line = |row: &InFlightRow| {
            let names = row.names.join(" > ");
            (
                names,
                row.count,
                row.is_stuck,
                [row.youngest, row.oldest].map(f64::round),
            )
        };
        let lines: Vec<_> = rows.iter().map(line).collect();
        let path = || "Request > Load".to_owned();
        assert_eq!(
            lines,
            [
                (path(), 1, true, [63.0; 2]),
                (path(), 2, false, [1.0, 3.0]),
                ("Other".to_owned(), 1, false, [0.0; 2]),
            ]
        );
        assert_eq!(rows[0].usual, Some([0.1, 2.0]));
        assert!(rows.iter().all(|row| row.state == "in flight"));
    }
}
