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
    &["export"],
    &["health"],
    &["method", "monitor", "__private", "lib"],
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
            .filter(|import| climbs(&sources, import))
            .map(|import| {
                let from = shown(LAYERED, &sources[import.from]);
                format!(
                    "{from}:{}: {} climbs to {}",
                    import.line, import.path, sources[import.to].path
                )
            }),
    );
    for circle in circles(sources.len(), &imports) {
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

/// Whether an import leads from a layer to a higher one. The root's own re-exports are the crate's front, and no layer.
fn climbs(sources: &[Source], import: &Import) -> bool {
    let [from, to] = [import.from, import.to].map(|file| height(layer_of(&sources[file])));
    from < to
}
