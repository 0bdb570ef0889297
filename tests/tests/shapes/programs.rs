//! Runs the programs of shapes in both variants, and compares what they did.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::behaviour::{self, Did};
use crate::cargo::{Built, command};
use crate::matrix::{Catalog, Members, lines};
use crate::report::{Check, Report};
use crate::source::Source;
use crate::workspace::{Setting, Variant};

/// What the shapes of one program did, by name.
type Run = Result<BTreeMap<String, Did>, String>;

/// Runs all of them. The strict setting's would be those of edition 2024 once more.
pub(crate) fn compare(
    report: &mut Report,
    catalog: &Catalog,
    members: &Members<'_>,
    built: &Built,
) {
    for (setting, common) in members
        .iter()
        .filter(|(setting, _)| **setting != Setting::Strict)
    {
        let word = setting.word();
        compare_program(report, word, common, built, &format!("{word}_main"), &[]);
        for source in catalog.programs(*setting) {
            let program = format!("{word}_{}", source.name);
            compare_program(report, word, &[source], built, &program, &[]);
        }
    }
    for source in &catalog.renamed {
        let program = format!("renamed_{}", source.name);
        compare_program(report, "renamed", &[source], built, &program, &[]);
    }
    let arguments = ["protocol", "--nocapture"];
    for source in &catalog.harness {
        compare_program(report, "test", &[source], built, &source.name, &arguments);
    }
}

fn compare_program(
    report: &mut Report,
    setting: &str,
    sources: &[&Source],
    built: &Built,
    program: &str,
    arguments: &[&str],
) {
    let run = |variant: Variant| -> Run {
        let name = format!("{}_{program}", variant.word());
        let path = built.programs.get(&name).ok_or_else(|| {
            let all = built.diagnostics.values().flatten();
            let errors: Vec<_> = all.filter(|found| found.error).collect();
            let said: Vec<&str> = built.said.lines().rev().take(9).collect();
            format!("{name} was not built: {} {said:#?}", lines(&errors))
        })?;
        behaviour::run(path, arguments)
    };
    compare_runs(report, setting, sources, Variant::BOTH.map(run));
}

/// Runs the code in documentation.
pub(crate) fn compare_documented(report: &mut Report, root: &Path, sources: &[Source]) {
    for source in sources {
        let run = |variant: Variant| -> Run {
            let name = format!("{}_{}", variant.word(), source.name);
            let mut cargo = command(root);
            cargo.args(["test", "--quiet", "--doc", "-p", &name]);
            let said = root.join("target").join(format!("{name}.said"));
            let ran = cargo.env("SHAPES_SAID", &said).output();
            let ran = ran.map_err(|e| format!("cargo: {e}"))?;
            let text = fs::read_to_string(&said).unwrap_or_default();
            let failed =
                (!ran.status.success()).then(|| String::from_utf8_lossy(&ran.stdout).into_owned());
            failed.map_or_else(|| Ok(behaviour::read(&text)), Err)
        };
        compare_runs(report, "docs", &[source], Variant::BOTH.map(run));
    }
}

/// Looks at the shapes of a program that ran in both variants.
fn compare_runs(report: &mut Report, setting: &str, sources: &[&Source], runs: [Run; 2]) {
    let [bare, monitored] = runs;
    let both = bare.and_then(|bare| Ok((bare, monitored?)));
    for source in sources {
        let missing = || format!("{setting}: {} did not run", source.name);
        let compared = both
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|(bare, monitored)| {
                let bare = bare.get(&source.name).ok_or_else(missing)?;
                Ok((bare, monitored.get(&source.name).ok_or_else(missing)?))
            });
        match compared {
            Ok((bare, monitored)) => {
                report.look(&source.name, Check::Compiles, None);
                behaviour::compare(report, setting, source, bare, monitored);
            }
            Err(fault) => report.look(&source.name, Check::Compiles, [fault]),
        }
    }
}
