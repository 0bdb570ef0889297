//! The feature `off`: every argument still compiles, no new warning comes of it, and nothing is recorded.
//!
//! Features hold for a whole build, so this is a build of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// Programs that use each argument; they deny warnings.
const PROGRAMS: &[&str] = &["arguments", "derives", "streams", "methods"];

/// A program of its own: the call does what it does, and no monitor hears of it.
const SILENT: &str = r#"
use monitor_core::testing::{self, call};
use monitor_core::monitored;

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
}
"#;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(core: &Path) -> String {
    let core = core.display();
    format!(
        "[package]\nname = \"off\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         anyhow = \"1\"\nasync-trait = \"0.1\"\nfutures-core = \"0.3\"\n\
         monitor-core = {{ path = {core:?}, features = [\"off\"] }}\n\
         tokio = {{ version = \"1\", default-features = false, features = [\"macros\", \"rt\"] }}\n",
        core = core.to_string()
    )
}

/// Writes the project.
fn project() -> io::Result<PathBuf> {
    let project = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("off");
    let programs = project.join("src/bin");
    fs::create_dir_all(&programs)?;
    let core = root().join("monitor-core").canonicalize()?;
    fs::write(project.join("Cargo.toml"), manifest(&core))?;
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock"))?;
    for program in PROGRAMS {
        let file = format!("{program}.rs");
        fs::copy(
            root().join("tests/ui/pass").join(&file),
            programs.join(&file),
        )?;
    }
    fs::write(programs.join("silent.rs"), SILENT)?;
    Ok(project)
}

#[test]
fn nothing_is_recorded_and_everything_compiles() -> io::Result<()> {
    let project = project()?;
    for program in PROGRAMS.iter().chain(&["silent"]) {
        let output = Command::new(env!("CARGO"))
            .args(["run", "--offline", "--quiet", "--bin", program])
            .current_dir(&project)
            .env("CARGO_TARGET_DIR", project.join("target"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}:\n{said}");
    }
    Ok(())
}
