//! What a user's build is like: the cfgs of other tools change nothing of ours, and what only our own tests need is not there.
//!
//! A cfg of `RUSTFLAGS` holds for every crate of a build: `--cfg loom` for a user's own models, `--cfg fuzzing` by `cargo fuzz`. So
//! ours are called `monitor_*`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

/// Calls of each kind, and what was recorded of them.
const PROGRAM: &str = r#"
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use monitor_core::metric::MetricDesc;
use monitor_core::{Monitor, monitored};

#[monitored]
fn plain(n: u8) -> u8 {
    n
}

#[monitored(max_concurrency = 2, labels(capped(tenant = tenant, max = 3)))]
async fn asynchronous(n: u8, tenant: &str) -> Result<u8, std::io::Error> {
    drop(tenant);
    Ok(n)
}

fn main() {
    assert_eq!(plain(1), 1);
    let future = pin!(asynchronous(2, "acme"));
    assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    let monitor = Monitor::global();
    monitor.inc_stats("jobs", 3).expect("a free key");
    monitor.register_counter(MetricDesc::new("done", "Done.")).expect("a free name").inc();
    let methods = monitor.snapshot().methods;
    let sum = |of: fn(&monitor_core::snapshot::MethodSnapshot) -> u64| methods.iter().map(of).sum::<u64>();
    assert_eq!((sum(|one| one.started), sum(|one| one.in_flight)), (2, 0));
}
"#;

/// What no user should build, be it for one target alone.
const OF_OUR_TESTS: [&str; 5] = [
    "loom",
    "proptest",
    "trybuild",
    "libfuzzer-sys",
    "allocation-counter",
];

/// The cfgs that the sources may ask for: those of the compiler and of cargo that say where a program will run, and our own.
const KNOWN: [&str; 7] = [
    "feature",
    "monitor_fuzzing",
    "monitor_loom",
    "target_os",
    "test",
    "unix",
    "windows",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest() -> io::Result<String> {
    let [core, server] = ["monitor-core", "monitor-server"].map(|name| root().join(name));
    let (core, server) = (core.canonicalize()?, server.canonicalize()?);
    Ok(format!(
        "[package]\nname = \"cfgs\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[features]\n\
         all = [\"dep:monitor-server\", \"monitor-server/tls\", \"monitor-core/tracing-exemplars\"]\n\n[dependencies]\n\
         monitor-core = {{ path = '{}' }}\nmonitor-server = {{ path = '{}', optional = true }}\n",
        core.display(),
        server.display()
    ))
}

/// Writes a user's crate, once: two tests use it.
fn project() -> io::Result<PathBuf> {
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let project = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cfgs");
    fs::create_dir_all(project.join("src"))?;
    fs::write(project.join("Cargo.toml"), manifest()?)?;
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock"))?;
    fs::write(project.join("src/main.rs"), PROGRAM)?;
    Ok(project)
}

/// cargo in a user's crate.
fn cargo(project: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(project).arg("--offline");
    cargo
        .env("CARGO_TARGET_DIR", project.join("target"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Runs it; what it said on standard error.
fn said(cargo: &mut Command) -> io::Result<String> {
    let output = cargo.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Ok(said)
}

#[test]
fn the_crates_of_our_tests_are_in_no_build_of_a_user() -> io::Result<()> {
    let project = project()?;
    said(cargo(&project).args(["update", "--workspace"]))?;
    // It is for all targets and all features, and what is not needed has been taken out of the copy.
    let lock = fs::read_to_string(project.join("Cargo.lock"))?;
    assert!(lock.contains("name = \"tokio-rustls\""), "{lock}");
    for name in OF_OUR_TESTS {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name}");
    }
    Ok(())
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn the_cfgs_of_other_tools_change_nothing() -> io::Result<()> {
    let project = project()?;
    // Not `fuzzing` beside it: with both, tokio itself does not compile.
    let flags = "--cfg loom --cfg shuttle --cfg monitor_loom --cfg monitor_fuzzing";
    said(
        cargo(&project)
            .args(["run", "--quiet"])
            .env("RUSTFLAGS", flags),
    )?;
    Ok(())
}

/// The names in the conditions of a source file.
fn cfgs_of(source: &str) -> BTreeSet<String> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.flat_map(|line| [line, "\n"]).collect();
    let conditions = ["cfg(", "cfg!(", "cfg_attr("]
        .into_iter()
        .flat_map(|start| {
            let after = code.split(start).skip(1);
            after.map(condition)
        });
    // Every second piece is a value in quotes.
    let bare = conditions.flat_map(|condition| condition.split('"').step_by(2));
    let names =
        bare.flat_map(|part| part.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')));
    let names = names.filter(|name| !matches!(*name, "" | "all" | "any" | "not"));
    names.map(str::to_owned).collect()
}

/// What stands before the comma or parenthesis that ends a condition.
fn condition(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0 || (depth == 0 && c == ',')
    });
    &text[..end.unwrap_or(text.len())]
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.ends_with("tests") {
            // Not in a user's build.
        } else if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn the_sources_ask_for_no_cfg_that_another_tool_sets() -> io::Result<()> {
    let (mut files, mut all) = (Vec::new(), BTreeSet::new());
    for name in ["monitor-core", "monitor-macros", "monitor-server"] {
        sources(&root().join(name).join("src"), &mut files)?;
    }
    for file in files {
        let source = fs::read_to_string(&file)?;
        for name in cfgs_of(&source) {
            assert!(KNOWN.contains(&&*name), "{}: {name}", file.display());
            all.insert(name);
        }
    }
    for own in ["monitor_loom", "monitor_fuzzing"] {
        assert!(all.contains(own), "{own} is found where it is");
    }
    Ok(())
}
