//! Programs that are not ours and that tests need.

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

/// Prints the name of a skipped test.
pub(crate) fn skipped(what: &str) {
    // Not `eprintln!`: the test runner shows that of failed tests only.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}
