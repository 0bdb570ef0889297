//! Programs that are not ours and that tests need.
#![allow(
    dead_code,
    reason = "each test file uses its own part; an `expect` would be unfulfilled in one of them"
)]

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Whether a program can be run. If not, prints that the test is skipped; with `CI` set that is a failure.
pub(crate) fn is_installed(program: impl AsRef<Path>, test: &str) -> bool {
    let program = program.as_ref();
    let found = Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        let program = program.display();
        assert!(
            std::env::var_os("CI").is_none(),
            "`{program}` is missing, and CI is set"
        );
        skipped(&format!("{test} (no `{program}`)"));
    }
    found
}

/// Runs a test with the program that this variable names.
pub(crate) fn where_named(variable: &str, test: &str, run: impl FnOnce(&Path)) {
    match std::env::var_os(variable).filter(|program| !program.is_empty()) {
        Some(program) => run(Path::new(&program)),
        None => skipped(&format!("{test} (no {variable})")),
    }
}

/// Prints the name of a skipped test.
pub(crate) fn skipped(what: &str) {
    // Not `eprintln!`: the test runner shows that of failed tests only.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}
