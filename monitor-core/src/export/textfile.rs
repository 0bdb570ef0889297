//! A page in a file, for batch jobs: they end before a scraper comes, and the textfile collector of `node_exporter`
//! reads the file afterwards.
//!
//! The page is written to a file of its own in the same folder, brought to disk, and renamed over the path: a reader
//! sees the page before or this one, whole. A rename is atomic within one file system alone, which is why the folder is
//! the same. The name of the temporary file ends in `.tmp`, as the collector reads files that end in `.prom`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::base::sync::{Relaxed, StaticAtomicU32};
use crate::data::catalog::Profile;
use crate::export::encode::{Format, encode};
use crate::export::exporter::families;
use crate::storage::MonitorStorage;

/// The family without labels that `node_exporter` has of itself: of two series of one name it drops one, and reports an
/// error with each scrape.
const OF_THE_READER: &str = "process_start_time_seconds";

impl MonitorStorage {
    /// Writes the present page to a file in the text format 0.0.4, under the names of the profile `prometheus`, for
    /// `node_exporter --collector.textfile.directory`: for a batch job, at its end. A file that is there is replaced, at
    /// once and whole.
    ///
    /// It blocks: the page is on disk when this returns. `process_start_time_seconds` is left out, as `node_exporter`
    /// has a series of this name. Two jobs on one machine need a file each, which ends in `.prom`, and a label of their
    /// own ([`StorageConfig::const_labels`](crate::StorageConfig::const_labels)), or their series would be the same.
    ///
    /// # Errors
    ///
    /// The file cannot be written beside the path, or not be renamed to it. The file at the path is as it was then, and
    /// the one beside it is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// monitor.method("Import")?.start().finish(Outcome::Success);
    ///
    /// # let folder = std::env::temp_dir().join(format!("write_textfile-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let path = folder.join("import.prom");
    /// monitor.write_textfile(&path)?;
    /// let page = std::fs::read_to_string(&path)?;
    /// assert!(page.contains("\nservice_requests_total{method=\"Import\"} 1\n"));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_textfile(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut page = families(&self.snapshot(), Profile::Prometheus);
        page.retain(|family| family.name != OF_THE_READER);
        let mut text = Vec::new();
        encode(&page, Format::Text004, &mut text);
        replace(path.as_ref(), &text)
    }
}

/// Replaces the file at a path in one step.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    let replaced = write(&beside, content).and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        // Not there either where it could not be made; the first error is the reason.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    // Before the rename: after a power cut the path would lead to an empty file.
    file.sync_all()
}

/// A path in the same folder that no other call of any process has.
fn beside(path: &Path) -> io::Result<PathBuf> {
    static CALLS: StaticAtomicU32 = StaticAtomicU32::new(0);
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
    let mut name = path.file_name().ok_or_else(no_file)?.to_owned();
    let call = CALLS.fetch_add(1, Relaxed);
    name.push(format!(".{}-{call}.tmp", std::process::id()));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use std::thread::ScopedJoinHandle;

    use super::*;
    use crate::recording::config::StorageConfig;
    use crate::{Monitor, Outcome};

    /// A folder of one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("monitor-textfile-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("a folder");
            let names = entries.map(|entry| entry.expect("an entry").file_name());
            names.map(|name| name.to_string_lossy().into()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn called() -> Monitor {
        let monitor = Monitor::new(StorageConfig::default());
        let method = monitor.method("Import").expect("a name");
        method.start().finish(Outcome::Success);
        monitor
    }

    #[test]
    fn a_page_replaces_the_one_before_and_leaves_no_other_file() {
        let folder = Folder::new("replaces");
        let path = folder.0.join("job.prom");
        let monitor = called();
        for calls in 1..4 {
            monitor.write_textfile(&path).expect("written");
            let page = fs::read_to_string(&path).expect("a page");
            let line = format!("\nservice_requests_total{{method=\"Import\"}} {calls}\n");
            assert!(page.contains(&line), "{page}");
            assert!(!page.contains(OF_THE_READER), "{page}");
            assert_eq!(folder.names(), ["job.prom"]);
            let method = monitor.method("Import").expect("a name");
            method.start().finish(Outcome::Success);
        }
    }

    #[test]
    fn a_failure_leaves_the_file_as_it_was_and_no_other() {
        let folder = Folder::new("fails");
        // A folder that is not empty cannot be renamed over.
        let path = folder.0.join("job.prom");
        fs::create_dir_all(path.join("taken")).expect("a folder");
        assert!(called().write_textfile(&path).is_err());
        assert_eq!(folder.names(), ["job.prom"]);
        let error = called().write_textfile("/").expect_err("no file");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_reader_sees_whole_pages_while_threads_write() {
        let folder = Folder::new("whole");
        let path = folder.0.join("job.prom");
        let monitor = called();
        monitor.write_textfile(&path).expect("written");
        std::thread::scope(|scope| {
            let writers = [(); 2].map(|()| {
                scope.spawn(|| {
                    for _ in 0..20 {
                        monitor.write_textfile(&path).expect("written");
                    }
                })
            });
            while !writers.iter().all(ScopedJoinHandle::is_finished) {
                let page = fs::read_to_string(&path).expect("a page");
                assert!(page.starts_with("# HELP ") && page.ends_with('\n'));
                assert!(page.contains("service_requests_total{method=\"Import\"} 1\n"));
            }
        });
        assert_eq!(folder.names(), ["job.prom"]);
    }
}
