//! The modules of a crate: the file each is in, the paths it names, and its tokens without tests and documentation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The crates that are measured.
pub(crate) const CRATES: &[&str] = &[
    "monitor-core",
    "monitor-server",
    "monitor-macros",
    "monitor-tower",
];

/// A file of a crate.
pub(crate) struct Source {
    /// Below the crate's `src`, with slashes.
    pub(crate) path: String,
    /// The module the file is; empty for the root.
    pub(crate) module: Vec<String>,
    /// All tokens but those of tests and documentation.
    pub(crate) tokens: TokenStream,
}

/// Reads all files of a crate that are no tests, from its `lib.rs` on, and those of its build script.
///
/// # Errors
///
/// If a file cannot be read, parsed or formatted.
pub(crate) fn read(root: &Path, name: &str) -> io::Result<Vec<Source>> {
    let folder = root.join(name).join("src");
    let mut sources = Vec::new();
    read_module(&folder, "lib.rs", &[], &mut sources)?;
    let script = root.join(name).join("build.rs");
    if script.exists() {
        sources.push(Source {
            path: "../build.rs".to_owned(),
            module: vec!["build".to_owned()],
            tokens: code_of(&script)?,
        });
    }
    Ok(sources)
}

fn read_module(
    folder: &Path,
    path: &str,
    module: &[String],
    sources: &mut Vec<Source>,
) -> io::Result<()> {
    let tokens = code_of(&folder.join(path))?;
    let children = child_modules(&tokens);
    sources.push(Source {
        path: path.to_owned(),
        module: module.to_vec(),
        tokens,
    });
    for child in children {
        let below = module
            .iter()
            .fold(String::new(), |below, name| below + name + "/");
        let candidates = [
            format!("{below}{child}.rs"),
            format!("{below}{child}/mod.rs"),
        ];
        let file = candidates.iter().find(|file| folder.join(file).exists());
        let file =
            file.ok_or_else(|| fault(&folder.join(path), &format!("no file of mod {child}")))?;
        let module: Vec<String> = module.iter().cloned().chain([child]).collect();
        read_module(folder, file, &module, sources)?;
    }
    Ok(())
}

fn fault(path: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{}: {what}", path.display()))
}

/// The tokens of a file as rustfmt lays them out by default, without tests and documentation.
fn code_of(path: &Path) -> io::Result<TokenStream> {
    let text = formatted(path)?;
    let tokens: TokenStream = text
        .parse()
        .map_err(|error| fault(path, &format!("{error}")))?;
    Ok(without_tests(tokens))
}

/// The file's text after rustfmt with default settings, wherever a settings file may be.
fn formatted(path: &Path) -> io::Result<String> {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args([
        "--edition",
        "2024",
        "--emit",
        "stdout",
        "--config-path",
        "/dev/null",
    ]);
    let child = rustfmt
        .stdin(fs::File::open(path)?)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(fault(path, "rustfmt fails"));
    }
    String::from_utf8(output.stdout).map_err(|_| fault(path, "is no UTF-8"))
}

/// Leaves out documentation, and each item whose attributes put it under `cfg(test)`.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let length = attribute_length(&tokens[at..]);
        if length > 0 {
            let attribute = &tokens[at..at + length];
            at += length;
            if is_test_attribute(attribute) {
                at += item_length(&tokens[at..]);
                while kept.last().is_some_and(is_attribute_part) {
                    kept.pop();
                }
            } else if !is_documentation(attribute) {
                kept.extend(attribute.iter().cloned());
            }
            continue;
        }
        kept.push(match &tokens[at] {
            TokenTree::Group(group) => {
                let inner = without_tests(group.stream());
                let mut copy = proc_macro2::Group::new(group.delimiter(), inner);
                copy.set_span(group.span());
                TokenTree::Group(copy)
            }
            other => other.clone(),
        });
        at += 1;
    }
    kept.into_iter().collect()
}

/// Attributes before the one that names the test belong to the same item: `#` and a bracket.
fn is_attribute_part(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(sign) => sign.as_char() == '#',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Bracket,
        _ => false,
    }
}

/// How many tokens the attribute at the beginning has; 0 without one.
fn attribute_length(tokens: &[TokenTree]) -> usize {
    let is = |token: Option<&TokenTree>, sign: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    let bracket = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket);
    if !is(tokens.first(), '#') {
        0
    } else if bracket(tokens.get(1)) {
        2
    } else if is(tokens.get(1), '!') && bracket(tokens.get(2)) {
        3
    } else {
        0
    }
}

fn words_of(attribute: &[TokenTree]) -> String {
    match attribute.last() {
        Some(TokenTree::Group(group)) => group.stream().to_string().replace(' ', ""),
        _ => String::new(),
    }
}

fn is_test_attribute(attribute: &[TokenTree]) -> bool {
    let words = words_of(attribute);
    words == "test" || words == "cfg(test)" || words.starts_with("cfg(all(test,")
}

fn is_documentation(attribute: &[TokenTree]) -> bool {
    let words = words_of(attribute);
    words.starts_with("doc=") && !words.starts_with("doc=include")
}

/// How many tokens there are up to the end of an item: its last brace, or a semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(sign) => sign.as_char() == ';' || sign.as_char() == ',',
        _ => false,
    };
    let end = tokens.iter().position(is_end);
    // A brace in a `use` is followed by its semicolon.
    let end = end.map(|end| match tokens.get(end + 1) {
        Some(TokenTree::Punct(sign)) if sign.as_char() == ';' => end + 1,
        _ => end,
    });
    end.map_or(tokens.len(), |end| end + 1)
}

/// The names of modules that stand in files of their own.
fn child_modules(tokens: &TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let modules = tokens.windows(3).filter_map(|window| match window {
        [
            TokenTree::Ident(word),
            TokenTree::Ident(name),
            TokenTree::Punct(end),
        ] if word == "mod" && end.as_char() == ';' => Some(name.to_string()),
        _ => None,
    });
    modules.collect()
}

/// The files of a crate by module.
pub(crate) fn by_module(sources: &[Source]) -> BTreeMap<Vec<String>, usize> {
    let modules = sources.iter().enumerate();
    modules
        .map(|(index, source)| (source.module.clone(), index))
        .collect()
}

/// The path of a source file from the folder of the workspace.
pub(crate) fn shown(name: &str, source: &Source) -> String {
    PathBuf::from(name)
        .join("src")
        .join(&source.path)
        .display()
        .to_string()
}
