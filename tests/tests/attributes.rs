//! `#[monitored]` above and below the attribute macros that Rust services use most, in three generations of these.
//!
//! What is between them is tokens that the one writes and the other parses, with the release of `syn` it was made for: those of
//! `tests/attributes/syn2` and `syn1` cannot parse all that the compiler can. The macros are ones that services write on functions,
//! and that parse a body: `async_trait`, `tokio::main` and `test`, `tracing::instrument`,
//! `axum::debug_handler`, `actix_web::get`, `async_recursion`, `rstest`, `test_case`, `serial_test::serial` and `cached`. The
//! oldest `tokio` and `tracing` are those that `monitor-core` can be built beside.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Runs the tests of a generation, in a copy: cargo writes the lock file beside the manifest.
fn run(generation: &str) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let from = tests.join("attributes");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("attributes");
    copy(&from, &folder, &["functions.rs", "handlers.rs"]);
    let folder_of = |root: &Path| root.join(generation);
    let (from, to) = (folder_of(&from), folder_of(&folder));
    copy(&from, &to, &["src/lib.rs"]);
    let root = tests.parent().unwrap_or(tests);
    let manifest = read(&from.join("Cargo.toml")).replace("../../..", &root.to_string_lossy());
    write(&to.join("Cargo.toml"), &manifest);
    write(&to.join("Cargo.lock"), &read(&root.join("Cargo.lock")));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("test").current_dir(&to);
    cargo.env("CARGO_TARGET_DIR", folder.join("target"));
    for outer in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTDOCFLAGS"] {
        cargo.env_remove(outer);
    }
    let output = cargo.output().unwrap_or_else(|e| panic!("cargo: {e}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (text, errors) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("traits::each_is_recorded ... ok"), "{text}");
}

fn copy(from: &Path, to: &Path, files: &[&str]) {
    for file in files {
        write(&to.join(file), &read(&from.join(file)));
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn macros_on_syn_2_stand_above_and_below() {
    run("syn2");
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn macros_on_syn_1_stand_above_and_below() {
    run("syn1");
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn the_newest_macros_stand_above_and_below() {
    run("syn3");
}
