//! Running cargo over the throw-away workspace, and reading what it and the compiler say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What the compiler said about one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Diagnostic {
    /// File, without `.rs`.
    pub(crate) file: String,
    /// Line and column of the beginning, and of the end.
    pub(crate) place: [u64; 4],
    /// The lint, or the error's code; empty if it has none.
    pub(crate) code: String,
    /// The text.
    pub(crate) message: String,
    /// Whether it is an error.
    pub(crate) error: bool,
    /// All of an error as users see it; empty for a warning.
    pub(crate) rendered: String,
}

/// What one cargo command gave, by crate.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// Diagnostics.
    pub(crate) diagnostics: BTreeMap<String, Vec<Diagnostic>>,
    /// Programs by name.
    pub(crate) programs: BTreeMap<String, PathBuf>,
    /// What cargo said in plain text.
    pub(crate) said: String,
}

/// `cargo` in the workspace, with nothing of the outer build in its environment.
pub(crate) fn command(root: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).env("CARGO_INCREMENTAL", "0");
    cargo.env("CARGO_TARGET_DIR", root.join("target"));
    for unwanted in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTDOCFLAGS",
    ] {
        cargo.env_remove(unwanted);
    }
    cargo
}

/// Runs a command of cargo that compiles, over all crates whatever fails.
pub(crate) fn compile(root: &Path, arguments: &[&str]) -> Built {
    compile_in(root, &root.join("target"), arguments)
}

/// The same with another folder for what is built.
pub(crate) fn compile_in(root: &Path, target: &Path, arguments: &[&str]) -> Built {
    let mut cargo = command(root);
    cargo
        .env("CARGO_TARGET_DIR", target)
        .args(arguments)
        .args(["--keep-going", "--message-format=json"]);
    let output = cargo.output().unwrap_or_else(|e| panic!("cargo: {e}"));
    let mut built = Built {
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
        ..Built::default()
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match serde_json::from_str(line) {
            Ok(message) => built.take(root, &message),
            Err(_) => built.said.push_str(line),
        }
    }
    built
}

impl Built {
    fn take(&mut self, root: &Path, message: &Value) {
        let target = &message["target"];
        if let (Some(name), Some(program)) =
            (target["name"].as_str(), message["executable"].as_str())
        {
            self.programs.insert(name.to_owned(), program.into());
        }
        let source = Path::new(target["src_path"].as_str().unwrap_or_default());
        let Ok(source) = source.strip_prefix(root) else {
            return;
        };
        let member = source
            .iter()
            .next()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if message["reason"] == "compiler-message"
            && let Some(diagnostic) = Diagnostic::read(&message["message"])
        {
            self.diagnostics.entry(member).or_default().push(diagnostic);
        }
    }
}

impl Diagnostic {
    /// Reads what the compiler wrote; what has no place, as "3 warnings emitted", is left out.
    fn read(message: &Value) -> Option<Self> {
        let spans = message["spans"].as_array()?;
        let span = spans.iter().find(|span| span["is_primary"] == true)?;
        let span = in_a_shape(span);
        let number = |key: &str| span[key].as_u64().unwrap_or_default();
        let file = Path::new(span["file_name"].as_str()?).file_stem()?;
        Some(Self {
            file: file.to_string_lossy().into_owned(),
            place: ["line_start", "column_start", "line_end", "column_end"].map(number),
            code: message["code"]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            message: without_sizes(message["message"].as_str().unwrap_or_default()),
            error: message["level"] == "error",
            rendered: if message["level"] == "error" {
                message["rendered"].as_str().unwrap_or_default().to_owned()
            } else {
                String::new()
            },
        })
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let [line, column, to_line, to_column] = self.place;
        let (file, code, message) = (&self.file, &self.code, &self.message);
        format!("{file}.rs:{line}:{column}-{to_line}:{to_column} {code}: {message}")
    }
}

/// The place itself, or for one in the macro of a foreign crate that of the macro's call.
fn in_a_shape(span: &Value) -> &Value {
    let foreign = span["file_name"]
        .as_str()
        .is_some_and(|name| Path::new(name).is_absolute());
    match &span["expansion"]["span"] {
        call if foreign && call.is_object() => in_a_shape(call),
        _ => span,
    }
}

/// The text with every number as `#`: futures and frames are a little larger under the attribute.
fn without_sizes(message: &str) -> String {
    let mut out = String::new();
    for letter in message.chars() {
        match letter {
            digit if digit.is_ascii_digit() && out.ends_with('#') => {}
            digit if digit.is_ascii_digit() => out.push('#'),
            other => out.push(other),
        }
    }
    out
}
