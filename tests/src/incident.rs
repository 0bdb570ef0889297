//! Recorded incidents: what a service did, slot by slot, and what the verdict is to say.
//!
//! - [`case`]: a file; [`play()`]: the file through the shipped history and verdict; [`judge()`]: what differs.
//! - [`files`]: the cases of a directory.

pub mod case;
mod judge;
mod play;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use self::judge::judge;
pub use self::play::play;

/// The files `*.json.gz` of a directory, by name.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name.to_string_lossy().ends_with(".json.gz") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
