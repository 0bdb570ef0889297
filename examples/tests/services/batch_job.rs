//! The batch job: its exit status, its page, and what `node_exporter` makes of that.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::process::{get, program};

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("batch_job-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Runs the job with a file of these rows.
    fn import(&self, rows: &str) -> Output {
        let file = self.0.join("prices.csv");
        fs::write(&file, rows).expect("written");
        run(&file, &self.page_path())
    }

    fn page_path(&self) -> PathBuf {
        self.0.join("import.prom")
    }

    /// The lines of the page that was written last.
    #[track_caller]
    fn assert_page_has(&self, lines: &[&str]) {
        let page = fs::read_to_string(self.page_path()).expect("a page");
        for line in lines {
            assert!(page.lines().any(|each| each == *line), "{line} in {page}");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(file: &Path, page: &Path) -> Output {
    let mut job = Command::new(program("batch_job"));
    job.args([file, page]).output().expect("it starts")
}

#[test]
fn a_good_run_says_so_and_counts_its_rows() {
    let folder = Folder::new("good");
    let output = folder.import("whale,100\nsea,5\nshark\n");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"2 rows imported\n");
    folder.assert_page_has(&[
        "import_success{batch=\"import\"} 1",
        "service_requests_total{batch=\"import\",method=\"Import\"} 1",
        "service_requests_total{batch=\"import\",method=\"ImportRow\"} 3",
        "service_request_errors_total{batch=\"import\",method=\"ImportRow\",type=\"bad_row\"} 1",
        "service_request_errors_total{batch=\"import\",method=\"Import\",type=\"bad_file\"} 0",
        "service_tasks_completed_total{batch=\"import\"} 1",
    ]);
}

#[test]
fn a_run_that_fails_or_panics_replaces_the_page_of_the_good_one() {
    let folder = Folder::new("bad");
    assert!(folder.import("whale,100\n").status.success());

    let output = folder.import("whale,100\nshark\n");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    folder.assert_page_has(&[
        "import_success{batch=\"import\"} 0",
        "service_request_errors_total{batch=\"import\",method=\"Import\",type=\"bad_file\"} 1",
    ]);

    let output = folder.import("whale,50000000\n");
    assert_eq!(output.status.code(), Some(101), "{output:?}");
    folder.assert_page_has(&[
        "import_success{batch=\"import\"} 0",
        "service_request_errors_total{batch=\"import\",method=\"Import\",type=\"panic\"} 1",
        "service_request_errors_total{batch=\"import\",method=\"ImportRow\",type=\"panic\"} 1",
    ]);

    let output = run(&folder.0.join("none.csv"), &folder.page_path());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    folder.assert_page_has(&[
        "import_success{batch=\"import\"} 0",
        "service_request_errors_total{batch=\"import\",method=\"Import\",type=\"read\"} 1",
    ]);
}

#[test]
fn a_page_that_cannot_be_written_is_a_failure_of_the_job() {
    let folder = Folder::new("nowhere");
    let file = folder.0.join("prices.csv");
    fs::write(&file, "whale,100\n").expect("written");
    let output = run(&file, &folder.0.join("none").join("import.prom"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
}

/// Killed when dropped.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn node_exporter_reads_the_page() {
    let folder = Folder::new("exporter");
    assert!(folder.import("whale,100\n").status.success());
    let started = Command::new("prometheus-node-exporter")
        .args(["--web.listen-address", "127.0.0.1:0"])
        .args(["--collector.disable-defaults", "--collector.textfile"])
        .arg("--collector.textfile.directory")
        .arg(&folder.0)
        .stderr(Stdio::piped())
        .spawn();
    let Ok(child) = started else {
        assert!(
            std::env::var_os("CI").is_none(),
            "node_exporter is missing, and CI is set"
        );
        // Not `eprintln!`: the test runner shows that of failed tests only.
        let skipped = "SKIPPED: node_exporter_reads_the_page (no `prometheus-node-exporter`)";
        let _ = writeln!(std::io::stderr(), "{skipped}");
        return;
    };
    let mut exporter = Exporter(child);
    let log = BufReader::new(exporter.0.stderr.take().expect("piped"));
    let mut lines = log.lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.split_once("address=")?.1.to_owned()));
    let address = address.expect("its address").parse().expect("an address");
    let page = get(address, "/metrics").body;
    for line in [
        "import_success{batch=\"import\"} 1",
        "service_requests_total{batch=\"import\",method=\"ImportRow\"} 1",
        "node_textfile_scrape_error 0",
    ] {
        assert!(page.lines().any(|each| each == line), "{line} in {page}");
    }
}
