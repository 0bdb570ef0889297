//! Plays recorded cases on ours: `replay DIR`, where DIR holds `NAME.json` and `NAME.expected.json`.
//!
//! One line a case, `ok NAME` or `differs NAME` with the differences under it; then the kinds of difference on purpose
//! that applied. The exit status is 1 if any case differs.

use std::path::Path;
use std::process::ExitCode;

use monitor_tests::replay::{Verdict, judge, kinds_line, names, read};

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: replay DIR");
        return ExitCode::from(2);
    };
    let dir = Path::new(&dir);
    let names = match names(dir) {
        Ok(names) if !names.is_empty() => names,
        Ok(_) => return fail(&format!("{}: no case", dir.display())),
        Err(error) => return fail(&format!("{}: {error}", dir.display())),
    };
    let verdicts: Vec<Verdict> = names.iter().map(|name| show(dir, name)).collect();
    println!("{}", kinds_line(&verdicts));
    ExitCode::from(u8::from(
        verdicts
            .iter()
            .any(|verdict| !verdict.differences.is_empty()),
    ))
}

fn fail(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(2)
}

/// Judges a case and prints what it came to. A case that cannot be played differs.
fn show(dir: &Path, name: &str) -> Verdict {
    let verdict = read(dir, name).and_then(|case| judge(&case));
    let verdict = verdict.unwrap_or_else(|error| Verdict {
        differences: vec![error.to_string()],
        ..Verdict::default()
    });
    println!(
        "{} {name}",
        if verdict.differences.is_empty() {
            "ok"
        } else {
            "differs"
        }
    );
    for line in &verdict.differences {
        println!("    {line}");
    }
    verdict
}
