//! What shapes do when they run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::report::{Check, Report};
use crate::source::Source;

/// Bytes a future may grow by that awaits something.
const GROWTH: u64 = 48;

/// What one shape did.
#[derive(Debug, Default, Clone)]
pub(crate) struct Did {
    said: Vec<String>,
    sizes: Vec<String>,
    recorded: Vec<String>,
}

/// Runs a program of shapes.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Result<BTreeMap<String, Did>, String> {
    let output = Command::new(program)
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .output();
    let program = program.display();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let did = read(&text);
    if text.lines().any(|line| line == "done") {
        return Ok(did);
    }
    let last = did.keys().last().cloned().unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    Err(format!(
        "{program} ended after {last}: {status}: {errors}{text}"
    ))
}

/// Reads what the driver prints.
pub(crate) fn read(text: &str) -> BTreeMap<String, Did> {
    let mut all: BTreeMap<String, Did> = BTreeMap::new();
    let mut shape = String::new();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let did = all.entry(shape.clone()).or_default();
        match word {
            "shape" => {
                rest.clone_into(&mut shape);
                all.insert(shape.clone(), Did::default());
            }
            "said" => did.said.push(rest.to_owned()),
            "size" => did.sizes.push(rest.to_owned()),
            "recorded" => did.recorded.push(rest.to_owned()),
            _ => {}
        }
    }
    all.remove("");
    all
}

/// Compares what a shape did without the attribute and with it. Paths begin with the crate's folder.
pub(crate) fn compare(
    report: &mut Report,
    setting: &str,
    source: &Source,
    bare: &Did,
    monitored: &Did,
) {
    let mut faults = Vec::new();
    let plain = |lines: &[String]| {
        lines
            .join("\n")
            .replace("bare_", "")
            .replace("monitored_", "")
    };
    let (was, is) = (plain(&bare.said), plain(&monitored.said));
    if was != is || was.is_empty() {
        faults.push(format!("{setting}: bare said {was:?}, monitored {is:?}"));
    }
    faults.extend(sizes(&bare.sizes, &monitored.sizes).map(|fault| format!("{setting}: {fault}")));
    report.look(&source.name, Check::Behaviour, faults);
    let mut recorded = monitored.recorded.clone();
    recorded.sort();
    let wrong = recorded != source.records;
    let (wanted, found) = (&source.records, &recorded);
    report.look(
        &source.name,
        Check::Outcome,
        wrong.then(|| format!("{setting}: wanted {wanted:?}, recorded {found:?}")),
    );
}

/// Futures that are larger than they may be.
fn sizes<'a>(bare: &'a [String], monitored: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let same_count =
        (bare.len() != monitored.len()).then(|| "not the same futures were measured".to_owned());
    let pairs = bare.iter().zip(monitored);
    same_count.into_iter().chain(pairs.filter_map(|(was, is)| {
        let fits = match (measured(was), measured(is)) {
            (Some(("same", was)), Some((_, is))) => was == is,
            (Some((_, was)), Some((_, is))) => is <= was + GROWTH,
            _ => false,
        };
        (!fits).then(|| format!("size of future: bare {was}, monitored {is}"))
    }))
}

fn measured(line: &str) -> Option<(&str, u64)> {
    let (kind, rest) = line.split_once(' ')?;
    Some((kind, rest.rsplit(' ').next()?.parse().ok()?))
}
