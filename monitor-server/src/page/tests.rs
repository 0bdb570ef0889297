//! The sources: what they may not have, so that they can be joined and the policy is kept; and how large they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::join::{Literals, kept_lines};
use super::*;

/// All four files as a browser that takes gzip receives them, and before compression. Below 100 KiB in all was the aim:
/// these are what the page has.
const MOST_COMPRESSED: usize = 59 * 1024;
const MOST_BYTES: usize = 167 * 1024;

/// Sources with their names below `page/`, in the order of the list.
fn listed(kind: &str) -> Vec<(String, String)> {
    let list = include_str!("files.rs");
    let names = list.split("include_str!(\"../../page/").skip(1);
    let names = names.filter_map(|rest| rest.split('"').next());
    let names = names.filter(|name| name.starts_with(kind) && name.contains('/'));
    let text = |name: &str| fs::read_to_string(folder().join(name)).expect("a source");
    names.map(|name| (name.to_owned(), text(name))).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("page")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn each_source_is_in_a_list_and_main_is_the_last() {
    let mut found = Vec::new();
    files_below(&folder(), &mut found);
    let below = |path: &PathBuf| {
        let path = path.strip_prefix(folder()).expect("below");
        path.to_str().expect("text").replace('\\', "/")
    };
    let mut found: BTreeSet<_> = found.iter().map(below).collect();
    for single in ["index.html", "icon.svg", "door.html"] {
        assert!(found.remove(single), "{single}");
    }
    let all = ["style", "script"].map(listed).concat();
    let names: BTreeSet<_> = all.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!((found, all.len()), (names.clone(), names.len()));
    let last = all.last().map(|(name, _)| &**name);
    assert_eq!(last, Some("script/main.js"));
}

#[test]
fn the_files_are_within_their_budget() {
    let sizes = PageFile::ALL.map(|file| file.text().len());
    let gzip = PageFile::ALL.map(|file| gzipped(file.text().as_bytes(), GZIP_LEVEL).len());
    let sum: usize = sizes.iter().sum();
    let compressed: usize = gzip.iter().sum();
    let names = PageFile::ALL;
    println!("{names:?}: {sizes:?} = {sum} bytes; gzip {gzip:?} = {compressed} bytes");
    assert!(sum <= MOST_BYTES, "{sizes:?}: {sum} of {MOST_BYTES} bytes");
    let most = MOST_COMPRESSED;
    assert!(compressed <= most, "{gzip:?}: {compressed} of {most} bytes");
}

#[test]
fn no_import_is_left_and_each_imported_file_is_joined_before_the_end() {
    let all = listed("script");
    for line in all.iter().flat_map(|(_, text)| kept_lines(text)) {
        for word in ["import", "export default", "export {"] {
            assert!(!line.starts_with(word), "{line}");
        }
    }
    // Renamed imports would be names that do not exist.
    for (name, text) in listed("script") {
        for line in text.lines().filter(|line| line.starts_with("import ")) {
            assert!(!line.contains(" as "), "{name}: {line}");
            assert!(
                !line.starts_with("import ") || line.contains('{'),
                "{name}: {line}"
            );
        }
    }
}

/// The name that a line at the beginning of a statement of a module declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let kinds = [
        "function* ",
        "function ",
        "const ",
        "let ",
        "var ",
        "class ",
    ];
    let rest = kinds.into_iter().find_map(|kind| line.strip_prefix(kind))?;
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
    Some(&rest[..end.unwrap_or(rest.len())])
}

#[test]
fn each_name_of_the_one_scope_is_declared_once() {
    let mut known: Vec<(String, String)> = Vec::new();
    for (file, text) in listed("script") {
        for name in text.lines().filter_map(declared) {
            assert!(
                !name.is_empty(),
                "{file}: names at the top level are declared one by one"
            );
            let other = known.iter().find(|(_, known)| known == name);
            assert_eq!(other, None, "{name} in {file}, too");
            known.push((file.clone(), name.to_owned()));
        }
    }
    // Those of an empty list are unique, too.
    assert!(known.len() > listed("script").len(), "{known:?}");
}

/// What follows from the policy, and from texts of strangers.
#[test]
fn no_source_has_what_the_policy_forbids() {
    let words = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "setTimeout(\"",
        "setAttribute(\"style\"",
        "setAttribute(\"on",
        ".cssText",
        "javascript:",
        "http://",
        "https://",
        "createContextualFragment",
        "DOMParser",
        "setHTML",
        "unsafe-",
        "importScripts",
        "sendBeacon",
        "WebSocket",
        "import(",
    ];
    // Namespaces are names, not addresses; the page is opened at the last.
    let names = [
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "http://127.0.0.1",
    ];
    for (file, text) in listed("script") {
        let kept: Vec<_> = kept_lines(&text).collect();
        for line in kept {
            let line = names
                .iter()
                .fold(line.to_owned(), |line, name| line.replace(name, ""));
            let found = words.iter().find(|word| line.contains(**word));
            assert_eq!(found, None, "{file}: {line}");
        }
    }
    for (file, text) in listed("style") {
        for word in ["@import", "url(", "expression(", "http:", "https:"] {
            assert!(
                !kept_lines(&text).any(|line| line.contains(word)),
                "{file}: {word}"
            );
        }
    }
    for text in [files::SHELL, files::ICON] {
        for word in [
            "style=",
            "<style",
            "javascript:",
            " onload",
            " onclick",
            " onerror",
            "src=\"http",
            "href=\"http",
        ] {
            assert!(!text.contains(word), "{word}");
        }
        // Relative addresses alone: the page works below a prefix, too.
        for address in ["src=\"/", "href=\"/"] {
            assert!(!text.contains(address), "{address}");
        }
    }
}

/// Whether strings, templates and regular expressions of a line end in it.
fn is_closed(line: &str) -> bool {
    let mut literals = Literals::default();
    let mut last = false;
    for (at, c) in line.char_indices() {
        if !last && line[at..].starts_with("//") {
            break;
        }
        let is_literal = literals.step(c, &line[..at]);
        last = is_literal && !literals.is_closed();
    }
    literals.is_closed()
}

#[test]
fn no_string_goes_over_several_lines_and_comments_stand_alone() {
    for line in [
        "a = `x${y({ z: `}` })}`;",
        "b = /[\"/`]/g.test(c);",
        "d = e / f; // it's",
    ] {
        assert!(is_closed(line), "{line}");
    }
    for line in ["a = `x", "b = `x${", "c = \"it's"] {
        assert!(!is_closed(line), "{line}");
    }
    for (file, text) in listed("script") {
        for line in kept_lines(&text) {
            assert!(is_closed(line), "{file}: {line}");
        }
    }
    for (file, text) in ["script", "style"].map(listed).concat() {
        let mut is_comment = false;
        for line in text.lines().map(str::trim) {
            if is_comment || line.starts_with("/*") {
                // What stands behind the end of a comment would be dropped with it.
                let end = line.find("*/").map(|at| at + "*/".len());
                assert!(end.is_none_or(|end| end == line.len()), "{file}: {line}");
                is_comment = end.is_none();
            }
        }
        assert!(!is_comment, "{file}: a comment does not end");
    }
}

#[test]
fn a_tag_is_that_of_the_content() {
    let tags = PageFile::ALL.map(|file| BuiltFile::new(file).etag);
    let unique: BTreeSet<_> = tags.iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(unique.len(), tags.len());
    let again = PageFile::ALL.map(|file| BuiltFile::new(file).etag);
    assert_eq!(tags, again);
}
