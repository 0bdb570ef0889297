//! The examples of the attribute's arguments: each prints what it says it prints, and no argument is without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The arguments of `#[monitored]` and of the derives' attributes, each with the example that shows it.
const ARGUMENTS: [(&str, &str); 25] = [
    ("method = ", "naming"),
    ("prefix = ", "naming"),
    ("only_pub", "naming"),
    ("monitored(skip)", "naming"),
    ("ok_if = ", "outcome"),
    ("error_if = ", "outcome"),
    ("error_type = \"", "outcome"),
    ("error_type = type_of", "outcome"),
    ("expected(", "outcome"),
    ("monitor(transparent)", "outcome"),
    ("monitor(fallback = ", "outcome"),
    ("task = ", "health"),
    ("health = false", "health"),
    ("labels(", "labels"),
    ("capped(", "labels"),
    ("monitor(name = ", "labels"),
    ("request_size = ", "sizes_and_deadline"),
    ("response_size = ", "sizes_and_deadline"),
    ("deadline = ", "sizes_and_deadline"),
    ("call = ", "call_handle"),
    ("max_concurrency = ", "concurrency"),
    ("buckets = ", "buckets"),
    (", future)", "futures_and_streams"),
    (", stream)", "futures_and_streams"),
    ("crate = ", "renamed_crate"),
];

fn sources() -> BTreeMap<String, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/examples");
    let files = std::fs::read_dir(dir).expect("the examples are there");
    files
        .map(|file| file.expect("readable").path())
        .map(|path| (name(&path), std::fs::read_to_string(&path).expect("text")))
        .collect()
}

fn name(path: &Path) -> String {
    let stem = path.file_stem().expect("a file");
    stem.to_string_lossy().into_owned()
}

/// The first block of text in the documentation of a file: what the program prints.
fn documented(source: &str) -> String {
    let docs = source.lines().map_while(|line| line.strip_prefix("//!"));
    let block = docs.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let block = block.skip_while(|line| *line != "```text").skip(1);
    let lines = block.take_while(|line| *line != "```");
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Held while programs are built and run: those of another feature set replace them.
static BUILT: Mutex<()> = Mutex::new(());

/// Builds examples, those these arguments name; cargo does nothing where they are up to date.
fn build(which: &[&str]) -> BTreeMap<String, PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "-p", "monitor-examples"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(which)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the examples do not build");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    messages.lines().filter_map(executable).collect()
}

fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_example = message["target"]["kind"][0] == "example";
    let path = PathBuf::from(message["executable"].as_str().filter(|_| is_example)?);
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), path))
}

fn run(program: &Path) -> String {
    let output = Command::new(program).output().expect("it starts");
    assert!(output.status.success(), "{}: {output:?}", program.display());
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

#[test]
fn each_prints_what_its_documentation_says() {
    let _built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let (sources, programs) = (sources(), build(&["--examples"]));
    assert_eq!(
        sources.keys().collect::<Vec<_>>(),
        programs.keys().collect::<Vec<_>>()
    );
    for (name, source) in sources {
        let printed = run(&programs[&name]);
        assert_eq!(printed, documented(&source), "{name} prints something else");
        assert!(!printed.is_empty(), "{name} shows nothing");
    }
}

#[test]
fn no_argument_is_without_an_example() {
    let sources = sources();
    for (argument, example) in ARGUMENTS {
        let source = &sources[example];
        assert!(source.contains(argument), "{example} lacks `{argument}`");
    }
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn switched_off_nothing_is_recorded_and_the_program_runs() {
    let _built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let programs = build(&["--example", "off_switch", "--features", "off"]);
    let printed = run(&programs["off_switch"]);
    assert_eq!(printed, "the answer is 42\nnothing was recorded\n");
}
