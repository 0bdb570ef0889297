//! A real Prometheus scrapes the example under load; what it has stored in the end is what our page says.
//!
//! Needs the program `prometheus` (Debian package of that name; `scripts/test` installs it). Without it the test says
//! `SKIPPED`, and with `CI` set it fails.

mod textprocessor;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use textprocessor::{Page, TextProcessor, eventually, get, number};

const JOB: &str = "textprocessor";

/// Series that Prometheus makes itself for each target.
const OF_PROMETHEUS: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// How the names of the server's metrics of its own scrapes begin: each scrape changes them.
const OF_SCRAPES: &str = "monitor_scrape";

type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

#[test]
fn prometheus_stores_what_our_page_says() {
    if !is_installed() {
        return;
    }
    let example = TextProcessor::start(&["--load", "200", "--load-seconds", "6"]);
    let prometheus = Prometheus::start(example.monitor);
    eventually("the first scrape", || prometheus.value("up") == Some(1.0));
    example.wait_for_line("load stopped");
    eventually("the last call ends", || {
        example.page().value("tasks_count") < 0.5
    });

    let ours = without_scrapes(example.page());
    let stopped = unix_now();
    eventually("a scrape after the load", || {
        prometheus.last_scrape() > stopped
    });
    let stored = prometheus.series();
    assert_eq!(
        without_scrapes(example.page()),
        ours,
        "a page of an idle service does not change"
    );
    assert!(ours.value("started_total") > 500.0, "the load ran");
    let differences = differences(&ours.samples, &stored);
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        stored.len(),
        differences.join("\n")
    );
    let always_up = prometheus.query(&format!("min_over_time(up{{job=\"{JOB}\"}}[5m])"));
    assert_eq!(
        always_up.into_values().collect::<Vec<_>>(),
        [1.0],
        "no scrape failed"
    );
}

fn is_of_scrapes((name, _): &(String, BTreeMap<String, String>)) -> bool {
    name.starts_with(OF_SCRAPES)
}

fn without_scrapes(mut page: Page) -> Page {
    page.samples.retain(|series, _| !is_of_scrapes(series));
    page
}

/// Says loudly that the test does not run; with `CI` set that is a failure.
fn is_installed() -> bool {
    let found = Command::new("prometheus")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "`prometheus` is missing, and CI is set"
        );
        // Not `eprintln!`: the test runner shows that of failed tests only.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: prometheus_stores_what_our_page_says (no `prometheus`)"
        );
    }
    found
}

/// Exactly: each number goes through text both ways, and loses nothing.
#[expect(clippy::float_cmp, reason = "any difference is a fault")]
fn same(ours: f64, stored: f64) -> bool {
    ours == stored || (ours.is_nan() && stored.is_nan())
}

/// What is stored otherwise than our page says, or not at all, or without being ours.
fn differences(ours: &Series, stored: &Series) -> Vec<String> {
    let mut differences = Vec::new();
    for (series, value) in ours {
        match stored.get(series) {
            None => differences.push(format!("not stored: {series:?}")),
            Some(other) if !same(*value, *other) => {
                differences.push(format!("{series:?}: {value}, stored {other}"));
            }
            Some(_) => {}
        }
    }
    let unknown = stored.keys().filter(|series| !ours.contains_key(*series));
    differences.extend(unknown.map(|series| format!("stored, but not ours: {series:?}")));
    differences
}

#[test]
fn each_kind_of_difference_is_seen() {
    let series = |name: &str, value| ((name.to_owned(), BTreeMap::new()), value);
    let ours = Series::from([series("a", 1.0), series("b", 2.0), series("n", f64::NAN)]);
    assert_eq!(differences(&ours, &ours), Vec::<String>::new());
    let stored = Series::from([series("a", 1.5), series("c", 2.0), series("n", f64::NAN)]);
    assert_eq!(differences(&ours, &stored).len(), 3);
}

fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// A real Prometheus with one target; killed, and its data removed, when dropped.
#[derive(Debug)]
struct Prometheus {
    child: Child,
    addr: SocketAddr,
    folder: PathBuf,
}

impl Prometheus {
    fn start(target: SocketAddr) -> Self {
        let addr = free_port();
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{}", addr.port()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder can be made");
        let config = folder.join("prometheus.yml");
        fs::write(&config, configuration(target)).expect("the configuration can be written");
        let log = fs::File::create(folder.join("log")).expect("the log can be made");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus starts");
        let prometheus = Self {
            child,
            addr,
            folder,
        };
        eventually("prometheus listens", || {
            std::net::TcpStream::connect(addr).is_ok()
        });
        eventually("prometheus is ready", || {
            get(addr, "/-/ready").status == 200
        });
        prometheus
    }

    /// The values of a query by series.
    fn query(&self, query: &str) -> Series {
        let answer = get(
            self.addr,
            &format!("/api/v1/query?query={}", percent_encoded(query)),
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        let results = answer["data"]["result"].as_array().expect("a vector");
        results.iter().map(stored_series).collect()
    }

    /// All series of the target, without those Prometheus makes itself and those that each scrape changes.
    fn series(&self) -> Series {
        let mut series = self.query(&format!("{{job=\"{JOB}\"}}"));
        series.retain(|(name, _), _| !OF_PROMETHEUS.contains(&name.as_str()));
        assert!(series.keys().any(is_of_scrapes), "all families are stored");
        series.retain(|series, _| !is_of_scrapes(series));
        series
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.query(&format!("{name}{{job=\"{JOB}\"}}"))
            .into_values()
            .next()
    }

    /// When the newest scrape began, seconds since 1970; 0 before the first.
    fn last_scrape(&self) -> f64 {
        let timestamps = self.query(&format!("timestamp(up{{job=\"{JOB}\"}})"));
        timestamps.into_values().next().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            eprintln!("prometheus said:\n{log}");
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn configuration(target: SocketAddr) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n\
         scrape_configs:\n  - job_name: {JOB}\n    static_configs:\n      - targets: ['127.0.0.1:{}']\n",
        target.port()
    )
}

/// Prometheus takes no port 0, so a free one is looked for; another process could take it in between.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

/// Name, labels without those of the target, and value.
fn stored_series(result: &Value) -> ((String, BTreeMap<String, String>), f64) {
    let mut labels: BTreeMap<String, String> =
        serde_json::from_value(result["metric"].clone()).expect("labels are texts");
    let name = labels.remove("__name__").unwrap_or_default();
    labels.remove("job");
    labels.remove("instance");
    (
        (name, labels),
        number(result["value"][1].as_str().expect("a number as text")),
    )
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |encoded, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {
                encoded + char::from(byte).encode_utf8(&mut [0; 4])
            }
            _ => encoded + &format!("%{byte:02X}"),
        })
}
