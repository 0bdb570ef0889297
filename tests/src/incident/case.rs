//! A recorded incident, or a quiet stretch: what a service did, slot by slot, and what is to be said of it.
//!
//! `NAME.json.gz` is gzipped JSON. Columns are squeezed (a negative number `-k` is `k` zeros), and a run of cells is
//! `[first cell, n, n, -k (skip k), n ..]`. A cell `c` holds durations from `1e-6 * 2^(c / 8)` seconds on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;

/// Seconds of a slot.
pub const STEP: f64 = 2.0;

/// Most bytes of a case after it is unpacked: a file that claims more is none.
const MAX_BYTES: u64 = 256 << 20;

/// A case that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// The file, or its gzip, cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no JSON of a case.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A number in it refers to nothing.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

/// A case as its file has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Its name: the kind, `-`, and a number.
    pub id: String,
    /// The number of slots.
    pub steps: usize,
    /// The methods.
    pub methods: Vec<CaseMethod>,
    /// Which method calls which, by index; absent where that is not known.
    pub edges: Option<Vec<(usize, usize)>>,
    /// The checks.
    #[serde(default)]
    pub checks: Vec<CaseCheck>,
    /// Starts of the process.
    #[serde(default)]
    pub boots: Vec<CaseBoot>,
    /// From when to when nothing was fed, seconds.
    #[serde(default)]
    pub down: Vec<(f64, f64)>,
    /// The calls of each method.
    pub data: Vec<CaseCalls>,
    /// What is to be said.
    pub expect: Expected,
}

/// A method of a case.
#[derive(Debug, Clone, Deserialize)]
pub struct CaseMethod {
    /// Its name.
    pub name: String,
    /// Its permits, where they are limited.
    pub permits: Option<u64>,
    /// Error types that are expected of it.
    #[serde(default)]
    pub expected: Vec<String>,
}

/// A check of a case.
#[derive(Debug, Clone, Deserialize)]
pub struct CaseCheck {
    /// Its name.
    pub name: String,
    /// When it ran, and 1 if it was well.
    pub results: Vec<(f64, u8)>,
}

/// A start of the process of a case.
#[derive(Debug, Clone, Deserialize)]
pub struct CaseBoot {
    /// When.
    pub t: f64,
    /// The version.
    pub version: Option<String>,
    /// Whether the process before it ended in order.
    pub clean: bool,
}

/// The calls of one method, as they stand in the file.
#[derive(Debug, Clone, Deserialize)]
pub struct CaseCalls {
    ok: Vec<Squeezed>,
    fail: BTreeMap<String, Vec<Vec<i64>>>,
    flight: Vec<i64>,
    old: Vec<Vec<f64>>,
    wait: Option<Vec<i64>>,
}

/// A slot's cells, or a number of empty slots.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Squeezed {
    Zeros(i64),
    Cells(Vec<i64>),
}

/// What is to be said of a case.
#[derive(Debug, Clone, Deserialize)]
pub struct Expected {
    /// Nothing but OK.
    pub quiet: bool,
    /// When it begins, seconds; of a case that is not quiet.
    #[serde(default)]
    pub onset: f64,
    /// By when it must be said.
    #[serde(default)]
    pub say_by: f64,
    /// Until when it holds.
    #[serde(default)]
    pub until: f64,
    /// Right states, in capitals.
    #[serde(default)]
    pub states: Vec<String>,
    /// Right methods; any, where there is none.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Right error types.
    pub types: Option<Vec<String>>,
    /// The right check.
    pub check: Option<String>,
    /// From when to when its beginning may be said to be.
    #[serde(default)]
    pub since: (f64, f64),
    /// From when on OK is to be said.
    pub ok_by: Option<f64>,
}

/// The calls of one method in one slot.
#[derive(Debug, Clone, Default)]
pub struct CaseSlot {
    /// Calls that succeeded, by cell.
    pub ok: Vec<(i64, u64)>,
    /// Calls that failed, by error type and cell.
    pub fail: BTreeMap<String, Vec<(i64, u64)>>,
    /// Calls in flight at the end.
    pub flight: u64,
    /// Calls that wait for permits at the end.
    pub wait: u64,
    /// The age of the oldest in flight.
    pub oldest: f64,
    /// Calls in flight of `2^i` seconds and more, by `i`.
    pub ages: Vec<u32>,
}

impl CaseCalls {
    /// The error types with which calls failed.
    pub fn types(&self) -> impl Iterator<Item = &String> {
        self.fail.keys()
    }
}

impl CaseSlot {
    /// Calls that ended.
    pub fn ended(&self) -> u64 {
        let all = self.fail.values().flatten().chain(&self.ok);
        all.map(|(_, count)| count).sum()
    }
}

impl Case {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If the file is none of a case.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        let failed = |source| CaseError::Read {
            path: path.into(),
            source,
        };
        let mut text = Vec::new();
        let file = File::open(path).map_err(failed)?;
        let mut bytes = GzDecoder::new(file).take(MAX_BYTES);
        bytes.read_to_end(&mut text).map_err(failed)?;
        let case: Self = serde_json::from_slice(&text).map_err(|source| CaseError::Json {
            path: path.into(),
            source,
        })?;
        case.check().map_err(|what| CaseError::Content {
            path: path.into(),
            what,
        })?;
        Ok(case)
    }

    /// The kind: the name before the last `-`.
    pub fn kind(&self) -> &str {
        self.id.rsplit_once('-').map_or(&self.id, |(kind, _)| kind)
    }

    fn check(&self) -> Result<(), &'static str> {
        let edges = self.edges.iter().flatten();
        if edges
            .flat_map(|(a, b)| [a, b])
            .any(|at| *at >= self.methods.len())
        {
            return Err("an edge has no method");
        }
        if self.data.len() != self.methods.len() {
            return Err("`data` and `methods` differ in length");
        }
        Ok(())
    }

    /// The calls of a method, slot by slot.
    pub fn calls(&self, method: usize) -> Vec<CaseSlot> {
        let mut slots = vec![CaseSlot::default(); self.steps];
        let calls = &self.data[method];
        spread_cells(&calls.ok, &mut slots);
        spread(&calls.flight, |at, n| slots[at].flight = n, self.steps);
        if let Some(wait) = &calls.wait {
            spread(wait, |at, n| slots[at].wait = n, self.steps);
        }
        for (error_type, rows) in &calls.fail {
            for row in rows {
                let Some((at, run)) = row.split_first() else {
                    continue;
                };
                if let Some(slot) = usize::try_from(*at).ok().and_then(|at| slots.get_mut(at)) {
                    slot.fail.insert(error_type.clone(), cells_of(run));
                }
            }
        }
        for row in &calls.old {
            set_ages(row, &mut slots);
        }
        slots
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of doubles saturate"
)]
fn set_ages(row: &[f64], slots: &mut [CaseSlot]) {
    let [at, oldest, ages @ ..] = row else { return };
    if let Some(slot) = slots.get_mut(*at as usize) {
        slot.oldest = *oldest;
        slot.ages = ages.iter().map(|n| *n as u32).collect();
    }
}

/// Writes each number but 0 to its slot.
fn spread(column: &[i64], mut set: impl FnMut(usize, u64), steps: usize) {
    let mut at = 0_usize;
    for &number in column {
        match u64::try_from(number) {
            Ok(number) if at < steps => {
                set(at, number);
                at += 1;
            }
            Ok(_) => return,
            Err(_) => at = at.saturating_add(zeros(number)),
        }
    }
}

fn spread_cells(column: &[Squeezed], slots: &mut [CaseSlot]) {
    let mut at = 0_usize;
    for one in column {
        match one {
            Squeezed::Zeros(number) => at = at.saturating_add(zeros(*number).max(1)),
            Squeezed::Cells(run) => {
                if let Some(slot) = slots.get_mut(at) {
                    slot.ok = cells_of(run);
                }
                at += 1;
            }
        }
    }
}

/// How many zeros a negative number stands for; 0 for others.
fn zeros(number: i64) -> usize {
    usize::try_from(-number.min(0)).unwrap_or(usize::MAX)
}

/// The cells of a run, with their counts.
fn cells_of(run: &[i64]) -> Vec<(i64, u64)> {
    let Some((&first, rest)) = run.split_first() else {
        return Vec::new();
    };
    let mut at = first;
    let mut cells = Vec::with_capacity(rest.len());
    for &number in rest {
        if let Ok(count) = u64::try_from(number) {
            cells.push((at, count));
            at += 1;
        } else {
            at -= number;
        }
    }
    cells
}
