//! The feature `off`: every argument still compiles, no new warning comes of it, and nothing is recorded.
//!
//! Features hold for a whole build, so this is a build of its own: one with the feature of `monitor-core`, one with that of
//! `monitor-macros` alone, which any dependency may set just so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// Programs that use each argument; they deny warnings.
const PROGRAMS: &[&str] = &["arguments", "derives", "streams", "methods"];

/// A program of its own: the call does what it does, and no monitor hears of it.
const SILENT: &str = r#"
use std::time::Duration;

use monitor_core::testing::{self, call};
use monitor_core::{CallGuard, Monitor, Outcome, StorageConfig, monitored};

fn note(handle: &mut CallGuard) {
    handle.observe("tokens", 1.0);
    handle.deadline(Some(Duration::from_secs(1)));
    assert!(format!("{handle:?}").contains("elapsed"));
}

#[monitored(call = call)]
fn noted() -> Duration {
    note(call);
    std::thread::sleep(Duration::from_millis(2));
    call.elapsed()
}

#[monitored(call = handle)]
fn swapped(mut own: CallGuard) {
    std::mem::swap(handle, &mut own);
    note(&mut own);
    own.finish(Outcome::Success);
    handle.observe("mine", 1.0);
}

struct Store(Vec<u8>);

#[monitored(only_pub)]
impl Store {
    #[monitored(call = call, labels(empty = self.0.is_empty()))]
    pub fn sum(&self) -> Result<u8, String> {
        call.observe("tokens", 1.0);
        self.0.iter().copied().reduce(|sum, next| sum + next).ok_or_else(|| "empty".to_owned())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn main() {
    let (answer, recorded) = testing::record(|| {
        let store = Store(vec![1, 2]);
        (store.sum(), store.len())
    });
    assert_eq!(answer, (Ok(3), 2));
    recorded.assert_nothing();
    assert_eq!(recorded.count(call("Store::len").success()), 0);
    assert!(recorded.snapshot().methods.is_empty());

    let (elapsed, recorded) = testing::record(noted);
    assert!((2..60_000).contains(&elapsed.as_millis()), "{elapsed:?}");
    recorded.assert_nothing();

    // What is recorded by hand still is, and no more: the handle that took its place ends nothing.
    let (_, recorded) = testing::record(|| {
        let storage = Monitor::new(StorageConfig::default());
        swapped(storage.method("ByHand").expect("a name").start());
        let snapshot = storage.snapshot();
        assert_eq!((snapshot.methods.len(), snapshot.methods[0].started, snapshot.methods[0].in_flight), (1, 1, 0));
    });
    recorded.assert_nothing();
}
"#;

/// A program that finds out: the feature may be a dependency's, and then its log and its page have to say so.
const TOLD: &str = r#"
use monitor_core::exposition::{Format, encode_snapshot};
use monitor_core::names::Profile;
use monitor_core::{Monitor, StartUpWarning, monitored};

#[monitored]
fn lost() {}

fn main() {
    lost();
    let warnings = Monitor::global().start_up_warnings(Profile::default());
    assert_eq!(warnings[0], StartUpWarning::InstrumentationOff, "{warnings:?}");
    let said = warnings[0].to_string();
    assert!(said.contains("`off`") && said.contains("cargo tree -e features -i monitor-macros"), "{said}");
    let snapshot = Monitor::global().snapshot();
    for profile in Profile::ALL {
        let mut page = Vec::new();
        encode_snapshot(&snapshot, profile, &[], Format::default(), &mut page);
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains("\nmonitor_instrumentation_off 1\n"), "{page}");
    }
}
"#;

/// Arguments of the wrong type, each with a word of what the compiler says without the feature.
const WRONG: &[(&str, &str)] = &[
    (
        "labels(t = n)",
        "`u8` is no label with a closed set of values",
    ),
    (
        "labels(capped(t = n, max = 3))",
        "the trait bound `u8: AsRef<str>` is not satisfied",
    ),
    ("request_size = text", "`str` is no number of bytes"),
    (
        "response_size = |answer| *answer == 1",
        "`bool` is no number of bytes",
    ),
    ("deadline = text", "`str` is no time left"),
    ("max_concurrency = text", "`str` is no number of calls"),
    ("ok_if = |answer| *answer", "expected `bool`, found `u8`"),
    (
        "error_type = kind",
        "expected `&Result<_, u8>`, found `&u8`",
    ),
];

/// Functions with these arguments, each on a line of its own.
fn wrong() -> String {
    let functions = WRONG.iter().enumerate().map(|(number, (argument, _))| {
        format!("#[monitored({argument})] pub async fn f{number}(n: u8, text: &str) -> u8 {{ n + text.len() as u8 }}\n")
    });
    let functions: String = functions.collect();
    format!(
        "use monitor_core::monitored;\n{functions}fn kind(_: &u8) -> &'static str {{ \"kind\" }}\nfn main() {{}}\n"
    )
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The project's features are those of the two crates.
fn manifest(core: &Path, macros: &Path) -> String {
    let (core, macros) = (core.display().to_string(), macros.display().to_string());
    format!(
        "[package]\nname = \"off\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         anyhow = \"1\"\nasync-trait = \"0.1\"\nfutures-core = \"0.3\"\n\
         monitor-core = {{ path = {core:?}, features = [\"testing\"] }}\n\
         monitor-macros = {{ path = {macros:?} }}\n\
         tokio = {{ version = \"1\", default-features = false, features = [\"macros\", \"rt\"] }}\n\n\
         [profile.dev]\ndebug = 0\nincremental = false\n\n\
         [features]\ncore = [\"monitor-core/off\"]\nmacros = [\"monitor-macros/off\"]\n",
    )
}

/// Writes the project.
fn project() -> io::Result<PathBuf> {
    let project = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("off");
    let programs = project.join("src/bin");
    fs::create_dir_all(&programs)?;
    let [core, macros] =
        ["monitor-core", "monitor-macros"].map(|name| root().join(name).canonicalize());
    fs::write(project.join("Cargo.toml"), manifest(&core?, &macros?))?;
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock"))?;
    for program in PROGRAMS {
        let file = format!("{program}.rs");
        fs::copy(
            root().join("tests/ui/pass").join(&file),
            programs.join(&file),
        )?;
    }
    fs::write(programs.join("silent.rs"), SILENT)?;
    fs::write(programs.join("told.rs"), TOLD)?;
    fs::write(programs.join("wrong.rs"), wrong())?;
    Ok(project)
}

/// Whether cargo did it, and what it said.
fn cargo(project: &Path, verb: &str, feature: &str, program: &str) -> io::Result<(bool, String)> {
    let output = Command::new(env!("CARGO"))
        .args([verb, "--offline", "--quiet", "--features", feature])
        .args(["--bin", program])
        .current_dir(project)
        // Beside the crates of shapes, which have built most of what this one needs.
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("shapes/target"),
        )
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), said))
}

fn succeeds(project: &Path, feature: &str, program: &str) -> io::Result<()> {
    let (succeeded, said) = cargo(project, "run", feature, program)?;
    assert!(succeeded, "{program} with {feature}:\n{said}");
    Ok(())
}

#[test]
fn nothing_is_recorded() -> io::Result<()> {
    succeeds(&project()?, "core", "silent")
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn nothing_is_recorded_and_everything_compiles() -> io::Result<()> {
    let project = project()?;
    for program in PROGRAMS.iter().chain(&["silent", "told"]) {
        succeeds(&project, "core", program)?;
    }
    for program in ["silent", "told"] {
        succeeds(&project, "macros", program)?;
    }
    arguments_are_still_checked(&project)
}

fn arguments_are_still_checked(project: &Path) -> io::Result<()> {
    let (_, said) = cargo(project, "check", "core", "wrong")?;
    for (number, (argument, why)) in WRONG.iter().enumerate() {
        let place = format!("src/bin/wrong.rs:{}:", number + 2);
        let mut faults = said.split("\n\n").filter(|fault| fault.contains(&place));
        assert!(
            faults.any(|fault| fault.contains(why)),
            "{argument}:\n{said}"
        );
    }
    Ok(())
}
