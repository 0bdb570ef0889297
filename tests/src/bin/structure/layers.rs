//! The layers of `monitor-core`, and whether its imports go down.

use std::io;
use std::path::Path;

use crate::graph::{Import, circles, imports};
use crate::sources::{Source, read, shown};

/// The crate that has layers.
const LAYERED: &str = "monitor-core";

/// The layers from the lowest up, those of one line beside each other: folder or file below `src`.
const LAYERS: &[&[&str]] = &[
    &["data"],
    &["base", "errors"],
    &["recording", "metrics"],
    &["storage"],
    &["history"],
    &["export"],
    &["verdict"],
    &["health"],
    &["monitor", "timeout", "__private", "lib"],
    &["testing"],
];

/// The layer a file is in: the folder below `src`, or the file's own name.
pub(crate) fn layer_of(source: &Source) -> &str {
    let first = source.path.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// How high a layer is; nothing for one that is not in the table.
fn height(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|beside| beside.contains(&layer))
}

/// Prints each import that climbs, each file in no layer, and each circle of files that spans layers; whether there was none.
///
/// # Errors
///
/// If a source cannot be read.
pub(crate) fn check(root: &Path) -> io::Result<bool> {
    let sources = read(root, LAYERED)?;
    let imports = imports(&sources);
    let faults = faults(&sources, &imports);
    for fault in &faults {
        println!("{fault}");
    }
    println!(
        "{} files, {} imports, {} faults",
        sources.len(),
        imports.len(),
        faults.len()
    );
    Ok(faults.is_empty())
}

/// Each file in no layer, each import that climbs, and each circle of files that spans layers, one text each.
fn faults(sources: &[Source], imports: &[Import]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources
        .iter()
        .filter(|source| height(layer_of(source)).is_none())
    {
        faults.push(format!("{} is in no layer", shown(LAYERED, source)));
    }
    faults.extend(
        imports
            .iter()
            .filter(|import| climbs(sources, import))
            .map(|import| {
                let from = shown(LAYERED, &sources[import.from]);
                format!(
                    "{from}:{}: {} climbs to {}",
                    import.line, import.path, sources[import.to].path
                )
            }),
    );
    for circle in circles(sources.len(), imports) {
        let mut layers: Vec<&str> = circle
            .iter()
            .map(|&file| layer_of(&sources[file]))
            .collect();
        layers.sort_unstable();
        layers.dedup();
        if layers.len() > 1 {
            let files: Vec<&str> = circle.iter().map(|&file| &*sources[file].path).collect();
            faults.push(format!(
                "a circle through {}: {}",
                layers.join(", "),
                files.join(" ")
            ));
        }
    }
    faults
}

/// Whether an import leads from a layer to a higher one. The root's own re-exports are the crate's front, and no layer.
fn climbs(sources: &[Source], import: &Import) -> bool {
    let [from, to] = [import.from, import.to].map(|file| height(layer_of(&sources[file])));
    from < to
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a crate of these files: path below `src`, module, text.
    fn faults_of(files: &[(&str, &str, &str)]) -> Vec<String> {
        let source = |&(path, module, text): &(&str, &str, &str)| Source {
            path: path.to_owned(),
            module: module.split_terminator("::").map(str::to_owned).collect(),
            tokens: text.parse().expect("the text is Rust"),
        };
        let sources: Vec<Source> = files.iter().map(source).collect();
        faults(&sources, &imports(&sources))
    }

    #[test]
    fn the_imports_of_monitor_core_keep_to_their_layers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // The faults are printed.
        assert!(check(&root).expect("the sources can be read"));
    }

    const ROOT: (&str, &str, &str) = ("lib.rs", "", "mod data; mod export; mod storage;");

    #[test]
    fn an_import_climbs_by_the_file_it_leads_to() {
        let down = faults_of(&[
            ROOT,
            ("data.rs", "data", "pub(crate) fn f() {}"),
            ("export.rs", "export", "use crate::data::f;"),
        ]);
        assert_eq!(down, [""; 0]);
        let up = faults_of(&[
            ROOT,
            ("data.rs", "data", "use crate::export::f;"),
            ("export.rs", "export", "pub(crate) fn f() {}"),
        ]);
        assert_eq!(
            up,
            ["monitor-core/src/data.rs:1: crate::export::f climbs to export.rs"]
        );
    }

    #[test]
    fn an_import_through_an_alias_of_a_module_climbs_as_the_module_would() {
        for alias in [
            "self::names as keys",
            "self::{names as keys}",
            "crate::export::names as keys",
        ] {
            let module = format!("pub(crate) mod names; pub(crate) use {alias};");
            let names = ("export/names.rs", "export::names", "pub(crate) fn f() {}");
            for import in [
                "use crate::export::keys::f;",
                "use crate::export::keys::*;",
                "fn g() { crate::export::keys::f() }",
            ] {
                let up = faults_of(&[
                    ROOT,
                    ("export/mod.rs", "export", &module),
                    names,
                    ("storage.rs", "storage", import),
                ]);
                assert_eq!(up.len(), 1, "{alias}: {import}: {up:?}");
                assert!(up[0].ends_with("climbs to export/names.rs"), "{up:?}");
            }
        }
    }

    #[test]
    fn an_alias_in_a_low_layer_hides_no_higher_one() {
        let hidden = faults_of(&[
            ROOT,
            (
                "data/mod.rs",
                "data",
                "mod family; pub(crate) use crate::export::names as keys;",
            ),
            ("data/family.rs", "data::family", "use super::keys::f;"),
            ("export/mod.rs", "export", "pub(crate) mod names;"),
            ("export/names.rs", "export::names", "pub(crate) fn f() {}"),
        ]);
        assert_eq!(
            hidden,
            [
                "monitor-core/src/data/mod.rs:1: crate::export::names climbs to export/names.rs",
                "monitor-core/src/data/family.rs:1: crate::data::keys::f climbs to export/names.rs",
            ]
        );
        // Down through an alias that stands above is no fault.
        let down = faults_of(&[
            ROOT,
            (
                "data/mod.rs",
                "data",
                "pub(crate) mod name; pub(crate) use self::name as sample_names;",
            ),
            ("data/name.rs", "data::name", "pub(crate) fn f() {}"),
            ("export.rs", "export", "use crate::data::name::f;"),
        ]);
        assert_eq!(down, [""; 0]);
    }
}
