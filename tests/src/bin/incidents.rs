//! Feeds recorded incidents to the shipped history and verdict: `incidents DIR`, where DIR holds `NAME.json.gz`.
//!
//! One line a case, `ok NAME` or `differs NAME: what was said, what was expected`; then the totals by kind, and
//! `N of M right`. A file that cannot be read differs. The exit status is 1 if any differs, and 2 if none can be read.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use monitor_tests::incident::case::{Case, CaseError};
use monitor_tests::incident::{files, judge, play};

/// Right cases, and all, by kind.
type Totals = BTreeMap<String, (usize, usize)>;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let [dir] = &args[..] else {
        return fail("usage: incidents DIR");
    };
    let dir = Path::new(dir);
    let files = match files(dir) {
        Ok(files) if !files.is_empty() => files,
        Ok(_) => return fail(&format!("{}: no case", dir.display())),
        Err(error) => return fail(&format!("{}: {error}", dir.display())),
    };
    let mut totals = Totals::new();
    let mut unread = 0;
    for path in &files {
        if let Err(error) = show(path, &mut totals) {
            println!("differs {}: {error}", name_of(path));
            unread += 1;
        }
    }
    let right: usize = totals.values().map(|(right, _)| right).sum();
    for (kind, (right, all)) in &totals {
        println!("{kind}: {right} of {all}");
    }
    println!("{right} of {} right", files.len());
    if unread == files.len() {
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(right < files.len()))
}

/// The name of a case: that of its file, without `.json.gz`.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".json.gz").unwrap_or(&name).into()
}

fn fail(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(2)
}

fn show(path: &Path, totals: &mut Totals) -> Result<(), CaseError> {
    let case = Case::read(path)?;
    let name = name_of(path);
    let differs = judge(&case, &play(&case));
    let (right, all) = totals.entry(case.kind().into()).or_default();
    *all += 1;
    if differs.is_empty() {
        *right += 1;
        println!("ok {name}");
    } else {
        println!("differs {name}: {}", differs.join("; "));
    }
    Ok(())
}
