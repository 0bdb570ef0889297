//! The throw-away workspace: for each setting a crate with the attribute and one without.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::hostile;
use crate::levels;
use crate::source::Source;

/// With the attribute or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variant {
    /// As a user would have it who does not monitor.
    Bare,
    /// As in the file.
    Monitored,
}

impl Variant {
    /// Both.
    pub(crate) const BOTH: [Self; 2] = [Self::Bare, Self::Monitored];

    /// The word that begins the names of its crates.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Monitored => "monitored",
        }
    }

    fn text(self, source: &Source) -> String {
        match self {
            Self::Bare => source.bare(),
            Self::Monitored => source.monitored(),
        }
    }
}

/// What a crate of shapes is compiled under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    /// An edition, every lint on.
    Edition(&'static str),
    /// Edition 2024, no prelude, and the user's own items under the usual names.
    Hostile,
    /// Edition 2024, the same lints denied or forbidden; of the shapes that fire none.
    Strict,
}

impl Setting {
    /// The word that ends the names of its crates.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Edition(edition) => edition,
            Self::Hostile => "hostile",
            Self::Strict => "strict",
        }
    }

    fn edition(self) -> &'static str {
        match self {
            Self::Edition(edition) => edition,
            Self::Hostile | Self::Strict => "2024",
        }
    }

    /// Whether a shape is compiled under it.
    pub(crate) fn takes(self, source: &Source) -> bool {
        let edition = source
            .editions
            .iter()
            .any(|edition| edition == self.edition());
        edition && !source.not.contains(self.word())
    }

    /// Those of `sources` that are compiled under it.
    pub(crate) fn taken(self, sources: &[Source]) -> Vec<&Source> {
        sources.iter().filter(|source| self.takes(source)).collect()
    }

    fn root(self) -> &'static str {
        match self {
            Self::Edition(_) => "#![forbid(unsafe_code)]\n",
            Self::Hostile => hostile::ROOT,
            Self::Strict => levels::STRICT,
        }
    }
}

/// Name of the crate of a variant under a setting.
pub(crate) fn crate_name(variant: Variant, setting: Setting) -> String {
    format!("{}_{}", variant.word(), setting.word())
}

/// Where the levels of lints come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Levels {
    /// Every lint warns.
    All,
    /// The attributes in the source say.
    Source,
}

const PROGRAMS: &str = "edition = \"2024\"\n";

/// The workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its folder.
    pub(crate) root: PathBuf,
    lints: String,
    members: Vec<String>,
}

impl Workspace {
    /// An empty one in `root`, with the crates that all others need.
    pub(crate) fn new(root: PathBuf) -> Self {
        let mut workspace = Self {
            root,
            lints: levels::table(),
            members: Vec::new(),
        };
        workspace.support();
        workspace
    }

    /// The crate of a variant under a setting.
    pub(crate) fn shapes(
        &mut self,
        variant: Variant,
        setting: Setting,
        common: &[&Source],
        alone: &[&Source],
    ) {
        let name = crate_name(variant, setting);
        let mut lib = format!("//! Shapes.\n{}", setting.root());
        let mut main = String::from(
            "//! Runs the shapes.\n#![allow(warnings, clippy::all)]\nfn main() {\n    shapes_driver::main(&[\n",
        );
        let mut targets = String::new();
        for source in common {
            let shape = &source.name;
            let _ = writeln!(lib, "pub mod {shape};");
            let _ = writeln!(main, "        (\"{shape}\", {name}::{shape}::run),");
            let text = variant.text(source);
            let text = if setting == Setting::Hostile {
                hostile::hostile(&text, &source.monitored())
            } else {
                text
            };
            self.write(&format!("{name}/src/{shape}.rs"), &text);
        }
        main.push_str("    ]);\n}\n");
        self.write(&format!("{name}/src/lib.rs"), &lib);
        self.write(&format!("{name}/src/main.rs"), &main);
        for source in alone {
            targets.push_str(&self.binary(&name, source, variant));
        }
        let _ = write!(
            targets,
            "[[bin]]\nname = \"{name}_main\"\npath = \"src/main.rs\"\ntest = false\n"
        );
        let head = format!(
            "edition = \"{}\"\n[lib]\ndoctest = false\ntest = false\n",
            setting.edition()
        );
        let levels = if setting == Setting::Strict {
            Levels::Source
        } else {
            Levels::All
        };
        self.manifest(&name, &head, &targets, &dependencies(variant), levels);
    }

    /// The crate of programs that find the runtime under another name.
    pub(crate) fn renamed(&mut self, variant: Variant, sources: &[Source]) {
        let renamed = dependencies(variant)
            .replace("monitor-core = {", "watch = { package = \"monitor-core\",");
        self.binaries(variant, "renamed", sources, &renamed);
    }

    /// The crate of what does not compile.
    pub(crate) fn refused(&mut self, variant: Variant, sources: &[Source]) {
        self.binaries(variant, "refused", sources, &dependencies(variant));
    }

    fn binaries(&mut self, variant: Variant, word: &str, sources: &[Source], dependencies: &str) {
        let name = format!("{}_{word}", variant.word());
        let programs: String = sources
            .iter()
            .map(|source| self.binary(&name, source, variant))
            .collect();
        self.manifest(&name, PROGRAMS, &programs, dependencies, Levels::All);
    }

    /// One program of all shapes, whose lines can be counted.
    pub(crate) fn counted(&mut self, variant: Variant, common: &[&Source]) {
        let name = format!("{}_counted", variant.word());
        let mut main = String::from("//! Runs the shapes.\n#![allow(warnings, clippy::all)]\n");
        for source in common {
            let _ = writeln!(main, "mod {};", source.name);
            let path = format!("{name}/src/{}.rs", source.name);
            self.write(&path, &variant.text(source));
        }
        main.push_str("fn main() {\n    shapes_driver::main(&[\n");
        for source in common {
            let shape = &source.name;
            let _ = writeln!(main, "        (\"{shape}\", {shape}::run),");
        }
        main.push_str("    ]);\n}\n");
        self.write(&format!("{name}/src/main.rs"), &main);
        let target = format!("[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n");
        self.manifest(
            &name,
            PROGRAMS,
            &target,
            &dependencies(variant),
            Levels::Source,
        );
    }

    /// A crate whose documentation has code.
    pub(crate) fn documented(&mut self, variant: Variant, source: &Source) {
        let name = format!("{}_{}", variant.word(), source.name);
        self.write(&format!("{name}/src/lib.rs"), &variant.text(source));
        self.manifest(&name, PROGRAMS, "", &dependencies(variant), Levels::Source);
    }

    /// A crate of tests.
    pub(crate) fn harness(&mut self, variant: Variant, source: &Source) {
        let name = format!("{}_{}", variant.word(), source.name);
        let path = format!("tests/{}.rs", source.name);
        self.write(&format!("{name}/{path}"), &variant.text(source));
        self.write(&format!("{name}/src/lib.rs"), "");
        let target = format!(
            "[lib]\ntest = false\ndoctest = false\n[[test]]\nname = \"{name}\"\npath = \"{path}\"\n"
        );
        self.manifest(
            &name,
            PROGRAMS,
            &target,
            &dependencies(variant),
            Levels::All,
        );
    }

    fn binary(&self, name: &str, source: &Source, variant: Variant) -> String {
        let program = &source.name;
        self.write(&format!("{name}/src/{program}.rs"), &variant.text(source));
        format!("[[bin]]\nname = \"{name}_{program}\"\npath = \"src/{program}.rs\"\ntest = false\n")
    }

    /// Writes the workspace's own manifest: after this its members are complete.
    pub(crate) fn close(&self) {
        let members: Vec<String> = self.members.iter().map(|name| quoted(name)).collect();
        let members = members.join(", ");
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[profile.dev]\ndebug = 0\nincremental = false\n\n{}",
            self.lints
        );
        self.write("Cargo.toml", &manifest);
        self.lock();
    }

    /// The versions are those of the project: its lock file is taken over whenever it has changed.
    fn lock(&self) {
        let outer = project().join("Cargo.lock");
        let text =
            fs::read_to_string(&outer).unwrap_or_else(|e| panic!("{}: {e}", outer.display()));
        let taken = self.root.join("taken.lock");
        if fs::read_to_string(taken).is_ok_and(|taken| taken == text) {
            return;
        }
        self.write("Cargo.lock", &text);
        self.write("taken.lock", &text);
    }

    fn manifest(
        &mut self,
        name: &str,
        head: &str,
        targets: &str,
        dependencies: &str,
        levels: Levels,
    ) {
        let lints = match levels {
            Levels::All => "[lints]\nworkspace = true\n",
            Levels::Source => "",
        };
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\npublish = false\nautobins = false\nautotests = false\n{head}{targets}\n[dependencies]\n{dependencies}\n{lints}"
        );
        self.write(&format!("{name}/Cargo.toml"), &text);
        self.members.push(name.to_owned());
    }

    fn support(&mut self) {
        let folder = shapes_folder().join("support");
        let recorder = format!(
            "monitor-core = {{ path = {} }}\nshapes_driver = {{ path = \"../driver\" }}\n",
            core_path()
        );
        let members = [
            ("driver", "", "futures-core = \"0.3\"\n"),
            ("recorder", "", &*recorder),
            ("tonic", "", "async-trait = \"0.1\"\n"),
            ("guarding", "[lib]\nproc-macro = true\n", ""),
        ];
        for (member, target, dependencies) in members {
            let source = folder.join(format!("{member}.rs"));
            let text =
                fs::read_to_string(&source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
            self.write(&format!("{member}/src/lib.rs"), &text);
            let name = if member == "driver" {
                "shapes_driver"
            } else {
                member
            };
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n{target}\n[dependencies]\n{dependencies}"
            );
            self.write(&format!("{member}/Cargo.toml"), &manifest);
            self.members.push(member.to_owned());
        }
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.root.join(path), text);
    }
}

/// Leaves a file alone that is as it should be, so that cargo does not compile it again.
pub(crate) fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text));
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// What shapes may use; the driver of monitored ones also looks at what was recorded.
pub(crate) fn dependencies(variant: Variant) -> String {
    let core = core_path();
    let driver = match variant {
        Variant::Bare => "shapes_driver = { path = \"../driver\" }\n".to_owned(),
        Variant::Monitored => format!(
            "monitor-core = {{ path = {core} }}\nshapes_driver = {{ path = \"../recorder\", package = \"recorder\" }}\n"
        ),
    };
    format!("{driver}{USED}")
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// The runtime's folder, in quotes.
pub(crate) fn core_path() -> String {
    quoted(&project().join("monitor-core").to_string_lossy())
}

/// Exact versions of what the project's lock file does not have.
const USED: &str = "\
anyhow = \"1\"
async-stream = \"=0.3.6\"
async-trait = \"0.1\"
futures-core = \"0.3\"
guarding = { path = \"../guarding\" }
tokio = { version = \"1\", features = [\"macros\", \"rt\"] }
tonic = { path = \"../tonic\" }
tracing = { version = \"0.1\", features = [\"attributes\"] }
tracing-attributes = \"=0.1.31\"
";

/// The folder of the project.
pub(crate) fn project() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The folder of the shapes.
pub(crate) fn shapes_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes")
}
