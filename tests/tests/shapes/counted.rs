//! Coverage: each line is counted as often as without the attribute, and no line more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::command;
use crate::report::{Check, Report};
use crate::source::Source;
use crate::workspace::Variant;

/// How often each line was run, by file.
type Lines = BTreeMap<String, BTreeMap<u32, u64>>;

/// Compares the counts of each shape. Expressions in an attribute's own lines may be counted.
pub(crate) fn compare(report: &mut Report, root: &Path, common: &[&Source]) {
    let Some(tools) = tools() else {
        report.skip("SKIPPED: coverage is not compared: no llvm-profdata and llvm-cov (rustup component add llvm-tools)");
        return;
    };
    match (
        lines(root, Variant::Bare, &tools),
        lines(root, Variant::Monitored, &tools),
    ) {
        (Ok(bare), Ok(monitored)) => {
            for source in common {
                let mut monitored = monitored.get(&source.name).cloned();
                let own = source.attribute_lines();
                if let Some(counted) = &mut monitored {
                    counted.retain(|line, _| !own.contains(line));
                    leave_braces(counted, bare.get(&source.name), source);
                }
                let faults = differing(bare.get(&source.name), monitored.as_ref());
                report.look(&source.name, Check::Lines, faults);
            }
        }
        (bare, monitored) => {
            let faults = [bare.err(), monitored.err()].into_iter().flatten();
            report.look("all", Check::Lines, faults);
        }
    }
}

/// A line with nothing but a brace may be counted where the compiler leaves it out: behind what does not return.
fn leave_braces(
    counted: &mut BTreeMap<u32, u64>,
    bare: Option<&BTreeMap<u32, u64>>,
    source: &Source,
) {
    let braces = source.brace_lines();
    let known = |line: &u32| bare.is_some_and(|bare| bare.contains_key(line));
    counted.retain(|line, _| known(line) || !braces.contains(line));
}

/// The folder of the compiler's own LLVM tools, if they are installed.
fn tools() -> Option<PathBuf> {
    let said = said(Command::new("rustc").args(["--print", "target-libdir"])).ok()?;
    let folder = Path::new(said.trim()).parent()?.join("bin");
    let both = ["llvm-profdata", "llvm-cov"].map(|tool| folder.join(tool).is_file());
    (both == [true, true]).then_some(folder)
}

/// Compiles the program with counters, runs it and reads them.
fn lines(root: &Path, variant: Variant, tools: &Path) -> Result<Lines, String> {
    let name = format!("{}_counted", variant.word());
    let arguments = ["rustc", "--quiet", "-p", &name, "--bin", &name, "--"];
    let flags = ["-C", "instrument-coverage"];
    said(command(root).args(arguments).args(flags))?;
    let target = root.join("target");
    let program = target.join("debug").join(&name);
    let raw = target.join(format!("{name}.profraw"));
    let merged = target.join(format!("{name}.profdata"));
    said(Command::new(&program).env("LLVM_PROFILE_FILE", &raw))?;
    said(
        Command::new(tools.join("llvm-profdata"))
            .args(["merge", "-o"])
            .args([&merged, &raw]),
    )?;
    let export = said(
        Command::new(tools.join("llvm-cov"))
            .args(["export", "--format=lcov", "--instr-profile"])
            .args([&merged, &program]),
    )?;
    Ok(read(&export))
}

/// What a program said, if it succeeded.
fn said(program: &mut Command) -> Result<String, String> {
    let output = program
        .output()
        .map_err(|e| format!("{}: {e}", program.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{}: {}: {errors}",
        program.get_program().display(),
        output.status
    ))
}

fn read(lcov: &str) -> Lines {
    let mut all = Lines::new();
    let mut file = String::new();
    for line in lcov.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let stem = Path::new(path).file_stem().unwrap_or_default();
            file = stem.to_string_lossy().into_owned();
        }
        let counted = line
            .strip_prefix("DA:")
            .and_then(|counted| counted.split_once(','));
        if let Some((line, count)) = counted
            && let (Ok(line), Ok(count)) = (line.parse(), count.parse())
        {
            all.entry(file.clone()).or_default().insert(line, count);
        }
    }
    all
}

/// Lines that are covered in one variant and not in the other, or are no lines of code there. How often a line was passed may
/// differ: the brace a body begins or ends with is that of the function and of what the body moved into, and counts for both.
fn differing(
    bare: Option<&BTreeMap<u32, u64>>,
    monitored: Option<&BTreeMap<u32, u64>>,
) -> Vec<String> {
    let (Some(bare), Some(monitored)) = (bare, monitored) else {
        return vec!["not a line was counted".to_owned()];
    };
    let told = |count: Option<&u64>| count.map_or("not counted".to_owned(), u64::to_string);
    let lines = bare
        .keys()
        .chain(monitored.keys().filter(|line| !bare.contains_key(line)));
    let compared = lines.map(|line| (line, bare.get(line), monitored.get(line)));
    compared
        .filter(|(_, was, is)| was.map(|count| *count > 0) != is.map(|count| *count > 0))
        .map(|(line, was, is)| format!("line {line}: bare {}, monitored {}", told(was), told(is)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{differing, read};

    #[test]
    fn counts_that_differ_are_told() {
        let bare = read("SF:/a/x.rs\nDA:1,1\nDA:2,0\nend_of_record\n");
        let monitored = read("SF:/b/x.rs\nDA:1,2\nDA:2,3\nDA:4,1\nend_of_record\n");
        let wanted = [
            "line 2: bare 0, monitored 3",
            "line 4: bare not counted, monitored 1",
        ];
        assert_eq!(differing(bare.get("x"), monitored.get("x")), wanted);
    }
}
