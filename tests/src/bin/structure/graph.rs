//! Which file names which: paths that begin with `crate`, `super` or `self`, followed through re-exports.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::sources::{Source, by_module};

/// One file names something of another.
pub(crate) struct Import {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) line: usize,
    /// From the root of the crate, with `super` and `self` resolved.
    pub(crate) path: String,
}

/// A path in a file, from the crate's root.
#[derive(Clone)]
struct Named {
    path: Vec<String>,
    /// The name that a `use` gives it, if it is renamed.
    alias: Option<String>,
    line: usize,
    /// Whether it stands in a `use`.
    imported: bool,
}

/// All imports between files of a crate, one a pair of files and path.
pub(crate) fn imports(sources: &[Source]) -> Vec<Import> {
    let modules = by_module(sources);
    let named: Vec<Vec<Named>> = sources.iter().map(paths_of).collect();
    let aliases: Vec<BTreeMap<String, Vec<String>>> =
        named.iter().map(|all| aliases(all)).collect();
    let mut seen = BTreeSet::new();
    let mut imports = Vec::new();
    for (from, all) in named.iter().enumerate() {
        for name in all {
            let Some(to) = resolve(&name.path, &modules, &aliases, 0) else {
                continue;
            };
            let path = format!("crate::{}", name.path.join("::"));
            if to != from && seen.insert((from, to, path.clone())) {
                imports.push(Import {
                    from,
                    to,
                    line: name.line,
                    path,
                });
            }
        }
    }
    imports
}

fn aliases(named: &[Named]) -> BTreeMap<String, Vec<String>> {
    let imported = named.iter().filter(|name| name.imported);
    let pairs = imported.filter_map(|name| {
        let alias = name.alias.clone().or_else(|| name.path.last().cloned())?;
        Some((alias, name.path.clone()))
    });
    pairs.collect()
}

/// The file a path leads to: the module of its longest prefix, or the target of a re-export on the way.
fn resolve(
    path: &[String],
    modules: &BTreeMap<Vec<String>, usize>,
    aliases: &[BTreeMap<String, Vec<String>>],
    depth: usize,
) -> Option<usize> {
    let mut module: Vec<String> = Vec::new();
    let mut file = *modules.get(&module)?;
    for (at, segment) in path.iter().enumerate() {
        module.push(segment.clone());
        if let Some(&below) = modules.get(&module) {
            file = below;
            continue;
        }
        let Some(target) = aliases[file].get(segment).filter(|_| depth < 8) else {
            return Some(file);
        };
        let target: Vec<String> = target.iter().chain(&path[at + 1..]).cloned().collect();
        return resolve(&target, modules, aliases, depth + 1);
    }
    Some(file)
}

/// The paths in a file's tokens.
fn paths_of(source: &Source) -> Vec<Named> {
    let mut found = Vec::new();
    scan(source.tokens.clone(), &source.module, &mut found);
    found
}

fn scan(tokens: TokenStream, module: &[String], found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => scan(group.stream(), module, found),
            TokenTree::Ident(word) if word == "use" => {
                let end = tokens[at..]
                    .iter()
                    .position(is_semicolon)
                    .map_or(tokens.len(), |end| at + end);
                use_tree(&tokens[at + 1..end], &Vec::new(), true, module, found);
                at = end;
            }
            TokenTree::Ident(word)
                if is_start(&word.to_string()) && is_separator(&tokens[at + 1..]) =>
            {
                let end = at + path_length(&tokens[at..]);
                use_tree(&tokens[at..end], &Vec::new(), false, module, found);
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

fn is_start(word: &str) -> bool {
    matches!(word, "crate" | "super" | "self")
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == ';')
}

fn is_separator(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(first), TokenTree::Punct(second), ..]
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':')
}

/// How many tokens the path at the beginning has: words with `::` between them.
fn path_length(tokens: &[TokenTree]) -> usize {
    let mut length = 1;
    while is_separator(&tokens[length..])
        && matches!(tokens.get(length + 2), Some(TokenTree::Ident(_)))
    {
        length += 3;
    }
    length
}

/// Notes the paths of a `use` tree, or the one path of an expression.
fn use_tree(
    tokens: &[TokenTree],
    before: &[String],
    imported: bool,
    module: &[String],
    found: &mut Vec<Named>,
) {
    let mut path = before.to_vec();
    let mut rest = tokens;
    loop {
        match rest {
            [TokenTree::Ident(word), after @ ..] => {
                path.push(word.to_string());
                if is_separator(after) {
                    rest = &after[2..];
                    continue;
                }
                let alias = match after {
                    [TokenTree::Ident(word), TokenTree::Ident(name), ..] if word == "as" => {
                        Some(name.to_string())
                    }
                    _ => None,
                };
                let line = word.span().start().line;
                found.extend(rooted(&path, module).map(|path| Named {
                    path,
                    alias,
                    line,
                    imported,
                }));
            }
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
                for branch in inner.split(is_comma).filter(|branch| !branch.is_empty()) {
                    use_tree(branch, &path, imported, module, found);
                }
            }
            // A glob: all of the module.
            [TokenTree::Punct(star), ..] if star.as_char() == '*' => {
                let line = star.span().start().line;
                found.extend(rooted(&path, module).map(|path| Named {
                    path,
                    alias: None,
                    line,
                    imported: false,
                }));
            }
            _ => {}
        }
        return;
    }
}

/// The path from the crate's root; nothing for one of another crate. In the root a path may begin with a module's name.
fn rooted(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let mut at = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        // A name that is in scope: of a child module, or of another crate, in which case nothing is found there.
        _ => module
            .iter()
            .cloned()
            .chain(path.first().cloned())
            .collect(),
    };
    for segment in &path[1..] {
        match segment.as_str() {
            "super" => drop(at.pop()),
            "self" => {}
            other => at.push(other.to_owned()),
        }
    }
    Some(at)
}

/// The circles of files: the strongly connected parts of more than one file, by Kosaraju's two passes.
pub(crate) fn circles(files: usize, imports: &[Import]) -> Vec<Vec<usize>> {
    let edges = |from: usize| {
        imports
            .iter()
            .filter(move |import| import.from == from)
            .map(|import| import.to)
    };
    let back = |to: usize| {
        imports
            .iter()
            .filter(move |import| import.to == to)
            .map(|import| import.from)
    };
    let mut order = Vec::new();
    let mut seen = vec![false; files];
    for file in 0..files {
        walk(file, &edges, &mut seen, &mut order);
    }
    let mut taken = vec![false; files];
    let mut circles = Vec::new();
    for &file in order.iter().rev() {
        let mut part = Vec::new();
        walk(file, &back, &mut taken, &mut part);
        if part.len() > 1 {
            part.sort_unstable();
            circles.push(part);
        }
    }
    circles
}

/// Visits the reachable files, and notes each file after those it leads to.
fn walk<I: Iterator<Item = usize>>(
    file: usize,
    next: &impl Fn(usize) -> I,
    seen: &mut [bool],
    order: &mut Vec<usize>,
) {
    if std::mem::replace(&mut seen[file], true) {
        return;
    }
    for to in next(file) {
        walk(to, next, seen, order);
    }
    order.push(file);
}
