//! Runs recorded cases on our crates: `replay DIR`, where DIR holds `NAME.json`, `NAME.expected.json` and, for a case that
//! differs on purpose, `NAME.ours.json`.
//!
//! One line a case, `ok NAME` or `differs NAME` with the differences under it. The exit status is 1 if any case differs.
//! `replay --bless DIR` first writes our results to `NAME.ours.json`; a new difference has an empty reason there, and the
//! case differs until the reason is filled in.

use std::path::Path;
use std::process::ExitCode;

use monitor_tests::driver::Failure;
use monitor_tests::replay::{names, read};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let (bless, dir) = match &args[..] {
        [dir] => (false, Path::new(dir)),
        [flag, dir] if flag == "--bless" => (true, Path::new(dir)),
        _ => return fail("usage: replay [--bless] DIR"),
    };
    let names = match names(dir) {
        Ok(names) if !names.is_empty() => names,
        Ok(_) => return fail(&format!("{}: no case", dir.display())),
        Err(error) => return fail(&format!("{}: {error}", dir.display())),
    };
    let same = names.iter().filter(|name| show(dir, name, bless)).count();
    println!("{same} of {} cases are ok", names.len());
    ExitCode::from(u8::from(same < names.len()))
}

fn fail(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(2)
}

/// Checks a case, prints the differences and returns whether there is none. A case that cannot run counts as different.
fn show(dir: &Path, name: &str, bless: bool) -> bool {
    let lines = judge(dir, name, bless).unwrap_or_else(|error| vec![error.to_string()]);
    let verdict = if lines.is_empty() { "ok" } else { "differs" };
    println!("{verdict} {name}");
    for line in &lines {
        println!("    {line}");
    }
    lines.is_empty()
}

fn judge(dir: &Path, name: &str, bless: bool) -> Result<Vec<String>, Failure> {
    if bless {
        read(dir, name)?.bless()?;
    }
    read(dir, name)?.judge()
}
