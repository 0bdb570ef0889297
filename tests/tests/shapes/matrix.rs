//! Compiles all shapes under all settings, without the attribute and with it, and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cargo::{Built, Diagnostic, compile};
use crate::report::{Check, Report};
use crate::source::Source;
use crate::workspace::{Setting, Variant, Workspace, crate_name, shapes_folder};
use crate::{counted, lints, programs, refused};

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One setting, without coverage: enough to see a mechanism that is broken.
    Slice,
    /// Every setting.
    All,
}

impl Extent {
    fn settings(self) -> &'static [Setting] {
        match self {
            Self::Slice => &[COUNTED],
            Self::All => &SETTINGS,
        }
    }
}

/// Every setting.
const SETTINGS: [Setting; 5] = [
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

    /// The programs with crate attributes of their own, of one setting.
    pub(crate) fn programs(&self, setting: Setting) -> Vec<&Source> {
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
pub(crate) type Members<'a> = BTreeMap<Setting, Vec<&'a Source>>;

/// How many shapes fire nothing at all under the strict setting, at least: less would mean it looks at too little.
const STRICT_AT_LEAST: usize = 30;

/// The setting under which lines are counted.
const COUNTED: Setting = Setting::Edition("2024");

const CLIPPY: [&str; 7] = [
    "clippy",
    "--workspace",
    "--exclude=bare_counted",
    "--exclude=monitored_counted",
    "--lib",
    "--bins",
    "--tests",
];

/// What `build` leaves out: what does not compile, what is compiled with counters, and what is not run.
const BUILD: [&str; 11] = [
    "build",
    "--exclude=bare_refused",
    "--exclude=monitored_refused",
    "--exclude=bare_counted",
    "--exclude=monitored_counted",
    "--exclude=bare_strict",
    "--exclude=monitored_strict",
    "--workspace",
    "--lib",
    "--bins",
    "--tests",
];

/// Compiles, runs and compares everything.
pub(crate) fn check(catalog: &Catalog, root: &Path, extent: Extent) -> Report {
    let mut report = Report::default();
    let mut members: Members<'_> = (extent.settings().iter())
        .map(|setting| (*setting, setting.taken(&catalog.common)))
        .collect();
    let built = loop {
        write(catalog, root.to_owned(), &members);
        let built = report.timed("clippy", || compile(root, &CLIPPY));
        if !drop_failing(&mut report, &mut members, &built) {
            break built;
        }
    };
    if let Some(strict) = members.get(&Setting::Strict).map(Vec::len) {
        let few = (strict < STRICT_AT_LEAST)
            .then(|| format!("{strict} shapes, {STRICT_AT_LEAST} at least were to be compiled"));
        report.look("all under the strict setting", Check::Compiles, few);
    }
    compare_lints(&mut report, catalog, &members, &built);
    if extent == Extent::All {
        compare_headers(&mut report, catalog, &built);
    }
    refused::compare(&mut report, catalog, &built);
    let built = report.timed("build", || compile(root, &BUILD));
    programs::compare(&mut report, catalog, &members, &built);
    programs::compare_documented(&mut report, root, &catalog.docs);
    if extent == Extent::All {
        counted::compare(&mut report, root, &counted_of(&members));
    }
    report
}

/// The shapes whose lines are counted: not those with code that cannot be reached, of which the compiler counts what it likes.
fn counted_of<'a>(members: &Members<'a>) -> Vec<&'a Source> {
    let all = members[&COUNTED].iter().copied();
    all.filter(|source| !source.not.contains("counted"))
        .collect()
}

fn write(catalog: &Catalog, root: PathBuf, members: &Members<'_>) -> Workspace {
    let mut workspace = Workspace::new(root);
    for variant in Variant::BOTH {
        for (setting, common) in members {
            workspace.shapes(variant, *setting, common, &catalog.programs(*setting));
        }
        workspace.renamed(variant, &catalog.renamed);
        workspace.refused(variant, &catalog.refused);
        workspace.counted(variant, &counted_of(members));
        for source in &catalog.harness {
            workspace.harness(variant, source);
        }
        for source in &catalog.docs {
            workspace.documented(variant, source);
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

/// Errors, a line each.
pub(crate) fn lines(errors: &[&Diagnostic]) -> String {
    let lines: Vec<String> = errors.iter().map(|error| error.line()).collect();
    lines.join("\n")
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
}

/// What the headers say of lints: that the bare function fires them, and that the attribute takes them away.
fn compare_headers(report: &mut Report, catalog: &Catalog, built: &Built) {
    let bare = built
        .diagnostics
        .iter()
        .filter(|(name, _)| name.starts_with("bare"));
    let bare: Vec<&Diagnostic> = bare.flat_map(|(_, found)| found).collect();
    for source in catalog.all() {
        let unfired = lints::unfired(source, &bare);
        let stale = lints::not_lost(report, source);
        if !unfired.is_empty() || !stale.is_empty() {
            report.look(&source.name, Check::Lost, unfired.into_iter().chain(stale));
        }
    }
}
