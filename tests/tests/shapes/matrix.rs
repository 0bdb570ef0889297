//! Compiles all shapes under all settings, without the attribute and with it, and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::behaviour::{self, Did};
use crate::cargo::{Built, Diagnostic, compile};
use crate::lints;
use crate::report::{Check, Report};
use crate::source::Source;
use crate::workspace::{Setting, Variant, Workspace, crate_name, shapes_folder};

/// Every setting.
pub(crate) const SETTINGS: [Setting; 5] = [
    Setting::Edition("2018"),
    Setting::Edition("2021"),
    Setting::Edition("2024"),
    Setting::Hostile,
    Setting::Strict,
];

/// The files of `tests/shapes`, by folder.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// Modules of one crate.
    pub(crate) common: Vec<Source>,
    /// Programs with crate attributes of their own.
    pub(crate) alone: Vec<Source>,
    /// Programs for which the runtime has another name.
    pub(crate) renamed: Vec<Source>,
    /// Test crates.
    pub(crate) harness: Vec<Source>,
    /// Crates with code in their documentation.
    pub(crate) docs: Vec<Source>,
    /// What does not compile.
    pub(crate) refused: Vec<Source>,
}

impl Catalog {
    /// Reads them.
    pub(crate) fn read() -> Self {
        let folder = |name: &str| Source::read_all(&shapes_folder().join(name));
        Self {
            common: folder("common"),
            alone: folder("alone"),
            renamed: folder("renamed"),
            harness: folder("harness"),
            docs: folder("docs"),
            refused: folder("refused"),
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Source> {
        let compiled = self.common.iter().chain(&self.alone).chain(&self.renamed);
        compiled
            .chain(&self.harness)
            .chain(&self.docs)
            .chain(&self.refused)
    }

    fn programs(&self, setting: Setting) -> Vec<&Source> {
        match setting {
            Setting::Edition(_) => self
                .alone
                .iter()
                .filter(|source| setting.takes(source))
                .collect(),
            Setting::Hostile | Setting::Strict => Vec::new(),
        }
    }
}

/// The shapes of each setting that are still in: those are out that do not compile.
type Members<'a> = BTreeMap<Setting, Vec<&'a Source>>;

/// Compiles and runs what has to compile.
pub(crate) fn check(catalog: &Catalog, root: PathBuf) -> Report {
    let mut report = Report::default();
    let mut members: Members<'_> = SETTINGS
        .into_iter()
        .map(|setting| {
            (
                setting,
                catalog
                    .common
                    .iter()
                    .filter(|source| setting.takes(source))
                    .collect(),
            )
        })
        .collect();
    let built = loop {
        write(catalog, root.clone(), &members);
        let built = compile(
            &root,
            &["clippy", "--workspace", "--lib", "--bins", "--tests"],
        );
        if !drop_failing(&mut report, &mut members, &built) {
            break built;
        }
    };
    compare_lints(&mut report, catalog, &members, &built);
    let built = compile(&root, &["build", "--workspace", "--bins", "--tests"]);
    compare_behaviour(&mut report, catalog, &members, &built);
    report
}

fn write(catalog: &Catalog, root: PathBuf, members: &Members<'_>) -> Workspace {
    let mut workspace = Workspace::new(root);
    for variant in Variant::BOTH {
        for (setting, common) in members {
            workspace.shapes(variant, *setting, common, &catalog.programs(*setting));
        }
        workspace.renamed(variant, &catalog.renamed);
        for source in &catalog.harness {
            workspace.harness(variant, source);
        }
    }
    workspace.close();
    workspace
}

/// Takes shapes out that do not compile, so that the others can be looked at. Under the strict setting those are out that fire
/// something without the attribute. Returns whether there were any.
fn drop_failing(report: &mut Report, members: &mut Members<'_>, built: &Built) -> bool {
    let mut any = false;
    for (setting, common) in members {
        let [bare, monitored] =
            Variant::BOTH.map(|variant| errors(built, &crate_name(variant, *setting)));
        let failing: BTreeSet<&str> = bare
            .iter()
            .chain(&monitored)
            .map(|error| &*error.file)
            .collect();
        let before = common.len();
        common.retain(|source| !failing.contains(&*source.name));
        any |= common.len() < before;
        if *setting != Setting::Strict {
            assert!(
                bare.is_empty(),
                "does not compile without the attribute: {}",
                lines(&bare)
            );
        }
        for error in monitored
            .iter()
            .filter(|error| bare.iter().all(|bare| bare.file != error.file))
        {
            report.look(
                &error.file,
                Check::Compiles,
                [format!("{}: {}", setting.word(), error.line())],
            );
        }
    }
    any
}

fn errors<'a>(built: &'a Built, member: &str) -> Vec<&'a Diagnostic> {
    let all = built.diagnostics.get(member).into_iter().flatten();
    all.filter(|found| found.error).collect()
}

fn lines(errors: &[&Diagnostic]) -> String {
    errors
        .iter()
        .map(|error| format!("\n{}", error.line()))
        .collect()
}

fn compare_lints(report: &mut Report, catalog: &Catalog, members: &Members<'_>, built: &Built) {
    let none = Vec::new();
    let of = |variant, word: &str| {
        built
            .diagnostics
            .get(&format!("{}_{word}", Variant::word(variant)))
            .unwrap_or(&none)
    };
    let mut compare = |word: &str, source: &Source| {
        lints::compare(
            report,
            word,
            source,
            of(Variant::Bare, word),
            of(Variant::Monitored, word),
        );
    };
    for (setting, common) in members {
        let programs = catalog.programs(*setting);
        common
            .iter()
            .chain(&programs)
            .for_each(|source| compare(setting.word(), source));
    }
    catalog
        .renamed
        .iter()
        .for_each(|source| compare("renamed", source));
    catalog
        .harness
        .iter()
        .for_each(|source| compare(&source.name, source));
    let bare = built
        .diagnostics
        .iter()
        .filter(|(name, _)| name.starts_with("bare"));
    let bare: Vec<&Diagnostic> = bare.flat_map(|(_, found)| found).collect();
    for source in catalog.all() {
        let unfired = lints::unfired(source, &bare);
        if !unfired.is_empty() {
            report.look(&source.name, Check::Lost, unfired);
        }
    }
}

fn compare_behaviour(report: &mut Report, catalog: &Catalog, members: &Members<'_>, built: &Built) {
    for (setting, common) in members {
        let word = setting.word();
        compare_program(report, word, common, built, &format!("{word}_main"), &[]);
        for source in catalog.programs(*setting) {
            compare_program(
                report,
                word,
                &[source],
                built,
                &format!("{word}_{}", source.name),
                &[],
            );
        }
    }
    for source in &catalog.renamed {
        compare_program(
            report,
            "renamed",
            &[source],
            built,
            &format!("renamed_{}", source.name),
            &[],
        );
    }
    let arguments = ["protocol", "--nocapture"];
    for source in &catalog.harness {
        compare_program(report, "test", &[source], built, &source.name, &arguments);
    }
}

/// Runs a program in both variants, and looks at the shapes in it.
fn compare_program(
    report: &mut Report,
    setting: &str,
    sources: &[&Source],
    built: &Built,
    program: &str,
    arguments: &[&str],
) {
    let run = |variant: Variant| -> Result<BTreeMap<String, Did>, String> {
        let name = format!("{}_{program}", variant.word());
        let path = built.programs.get(&name).ok_or_else(|| {
            let errors = built
                .diagnostics
                .values()
                .flatten()
                .filter(|found| found.error);
            format!(
                "{name} was not built: {}",
                lines(&errors.collect::<Vec<_>>())
            )
        })?;
        behaviour::run(path, arguments)
    };
    let both = run(Variant::Bare).and_then(|bare| Ok((bare, run(Variant::Monitored)?)));
    for source in sources {
        let compared = both
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|(bare, monitored)| {
                let missing = || format!("{setting}: {} did not run", source.name);
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
