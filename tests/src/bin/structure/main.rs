//! Measures the structure of the crates' sources.
//!
//! - `structure lines`: code lines, tokens and files by crate and layer.
//! - `structure layers`: each import that climbs from a layer to a higher one, and each circle of files that spans layers;
//!   the exit status is 1 if there is any.
//!
//! Test code is left out: items under `#[cfg(test)]` and the files of modules under it.

mod graph;
mod layers;
mod lines;
mod sources;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let done = match std::env::args().nth(1).as_deref() {
        Some("lines") => lines::print(&root).map(|()| true),
        Some("layers") => layers::check(&root),
        _ => {
            eprintln!("usage: structure lines|layers");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(clean) => ExitCode::from(u8::from(!clean)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
