//! The page's sources, without a browser: what a script imports, and how each file reads. `monitor-server` has the tests of what
//! joining them and the policy ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::none;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-server/page")
}

/// All files below a folder that end so, by their paths from the folder.
fn files(folder: &Path, ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == ending) {
                let name = path.strip_prefix(folder).expect("below it");
                let text = std::fs::read_to_string(&path).expect("a text");
                found.insert(name.display().to_string(), text);
            }
        }
    }
    assert!(!found.is_empty(), "no .{ending} in {}", folder.display());
    found
}

/// Names that a file declares at its top level, and whether each is exported.
fn declared(source: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    for line in source.lines() {
        let (rest, is_exported) = line
            .strip_prefix("export ")
            .map_or((line, false), |rest| (rest, true));
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        let kinds = ["const ", "let ", "function ", "function* ", "class "];
        let Some(rest) = kinds.iter().find_map(|kind| rest.strip_prefix(kind)) else {
            continue;
        };
        // Or several at once: `const { a, b } = ..`.
        let head = rest.split('=').next().unwrap_or_default();
        let list = head.trim_start().strip_prefix(['{', '[']);
        let each: Vec<_> = match list {
            Some(list) => list.split(',').collect(),
            None => vec![rest],
        };
        for name in each {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            let name: String = name.trim().chars().take_while(|c| is_part(*c)).collect();
            if !name.is_empty() {
                names.push((name, is_exported));
            }
        }
    }
    names
}

/// The names and the path of each import.
fn imports(source: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    for statement in source.split("\nimport ").skip(1) {
        found.push(import(statement));
    }
    found.extend(source.strip_prefix("import ").map(import));
    found
}

fn import(statement: &str) -> (Vec<String>, String) {
    let statement = statement.split(';').next().unwrap_or_default();
    let (names, from) = statement.split_once(" from ").expect("import .. from ..");
    let names = names.trim().trim_matches(['{', '}']).split(',');
    let names = names.map(|name| name.trim().to_owned());
    let names = names.filter(|name| !name.is_empty()).collect();
    (names, from.trim().trim_matches('"').to_owned())
}

/// The path that an import means, from the folder of scripts.
fn resolved(from: &str, path: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    match (path.strip_prefix("../"), path.strip_prefix("./")) {
        (Some(rest), _) => rest.to_owned(),
        (_, Some(rest)) if folder.is_empty() => rest.to_owned(),
        (_, Some(rest)) => format!("{folder}/{rest}"),
        _ => path.to_owned(),
    }
}

#[test]
fn what_a_script_imports_is_exported_where_it_says() {
    let scripts = files(&page().join("script"), "js");
    let mut findings = Vec::new();
    for (file, source) in &scripts {
        for (names, path) in imports(source) {
            let path = resolved(file, &path);
            let Some(other) = scripts.get(&path) else {
                findings.push(format!("{file} imports from {path}, which is not there"));
                continue;
            };
            let exported = declared(other);
            for name in names {
                if !exported.contains(&(name.clone(), true)) {
                    findings.push(format!(
                        "{file} imports {name}, which {path} does not export"
                    ));
                }
                if source.matches(&name).count() == 1 {
                    findings.push(format!("{file} imports {name} and does not use it"));
                }
            }
        }
    }
    none(&findings);
}

#[test]
fn each_file_says_what_it_is_and_each_line_can_be_read() {
    let mut findings = Vec::new();
    let scripts = files(&page().join("script"), "js");
    let styles = files(&page().join("style"), "css");
    for (file, source) in scripts.iter().chain(&styles) {
        if !source.starts_with("/*") {
            findings.push(format!("{file} does not begin with what it is"));
        }
        for (at, line) in source.lines().enumerate() {
            let width = line.chars().count();
            if width > 110 {
                findings.push(format!("{file}:{}: {width} columns", at + 1));
            }
        }
    }
    none(&findings);
}
