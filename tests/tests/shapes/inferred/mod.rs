//! Whatever the compiler infers in a function, it infers in the monitored one: random return types, bodies and shapes of
//! functions are compiled without the attribute and with it, in one crate, and what they give is compared.
//!
//! `INFERRED_CASES` and `INFERRED_SEED` in the environment ask for more functions, and for others.

mod choice;
mod function;
mod values;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::cargo::{self, Diagnostic};
use crate::workspace::{core_path, project, write};
use choice::Choice;
use function::Function;

/// How many functions, unless the environment says so.
const CASES: usize = 160;

/// What the generated functions use.
const SUPPORT: &str = include_str!("support.rs.txt");

#[test]
fn what_infers_without_the_attribute_infers_with_it() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let cases = number("INFERRED_CASES").unwrap_or(CASES);
    let mut choice = Choice::new(number("INFERRED_SEED").unwrap_or(1));
    let functions: Vec<Function> = (0..cases).map(|_| Function::random(&mut choice)).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let root = folder.join("inferred");
    write_crate(&root, &functions);
    // Beside the crates of shapes, which have built what this one needs.
    let program = build(&root, &folder.join("shapes/target"));
    let ran = Command::new(&program).output();
    let ran = ran.unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let said = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}{errors}");
    assert_eq!(said.lines().count(), cases, "{said}");
    for line in said.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [case, bare, monitored] = fields[..] else {
            panic!("{line}");
        };
        let function = &functions[case.parse::<usize>().expect("a number")];
        assert_eq!(bare, monitored, "{}", function.text(0, true));
    }
}

/// The program; panics with what the compiler says of functions that do not compile.
fn build(root: &Path, target: &Path) -> std::path::PathBuf {
    let built = cargo::compile_in(root, target, &["build"]);
    let all = built.diagnostics.values().flatten();
    let errors: Vec<&Diagnostic> = all.filter(|said| said.error).collect();
    let [bare, monitored] = ["bare", "monitored"].map(|file| {
        let of_file = errors.iter().filter(|error| error.file == file);
        of_file.map(|error| &*error.rendered).collect::<String>()
    });
    assert!(bare.is_empty(), "not without the attribute either: {bare}");
    assert!(
        monitored.is_empty(),
        "only without the attribute: {monitored}"
    );
    let program = built.programs.get("inferred");
    program.unwrap_or_else(|| panic!("{}", built.said)).clone()
}

fn write_crate(root: &Path, functions: &[Function]) {
    let manifest = format!(
        "[package]\nname = \"inferred\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n[profile.dev]\ndebug = 0\n\
         incremental = false\n[dependencies]\nasync-trait = \"0.1\"\nfutures-core = \"0.3\"\nmonitor-core = {{ path = {} }}\n[workspace]\n",
        core_path()
    );
    write(&root.join("Cargo.toml"), &manifest);
    let lock = fs::read_to_string(project().join("Cargo.lock")).expect("the project's lock file");
    if !root.join("Cargo.lock").is_file() {
        write(&root.join("Cargo.lock"), &lock);
    }
    let mut main =
        String::from("#![allow(warnings)]\nmod bare;\nmod monitored;\nmod support;\nfn main() {\n");
    for (case, function) in functions.iter().enumerate() {
        let [bare, monitored] = ["bare", "monitored"].map(|module| function.shown(case, module));
        let _ = writeln!(
            main,
            "    println!(\"{case}\\t{{}}\\t{{}}\", {bare}, {monitored});"
        );
    }
    write(&root.join("src/main.rs"), &(main + "}\n"));
    write(&root.join("src/support.rs"), SUPPORT);
    for (name, monitored) in [("bare", false), ("monitored", true)] {
        let mut text = String::from("use crate::support::*;\n");
        for (case, function) in functions.iter().enumerate() {
            text.push_str(&function.text(case, monitored));
        }
        write(&root.join("src").join(format!("{name}.rs")), &text);
    }
}
