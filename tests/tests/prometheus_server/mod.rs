//! A real Prometheus, and the relay between it and the pages it scrapes.
#![allow(
    dead_code,
    reason = "each test file uses its own part; an `expect` would be unfulfilled in one of them"
)]

pub(crate) mod pages;
pub(crate) mod relay;
pub(crate) mod version;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::textprocessor::{eventually, get, number};

/// Name and labels.
pub(crate) type Key = (String, BTreeMap<String, String>);

/// Name and labels to value.
pub(crate) type Series = BTreeMap<Key, f64>;

/// How the names of a server's metrics of itself begin: each scrape changes them.
const OF_SERVER: [&str; 5] = [
    "monitor_check_",
    "monitor_history_",
    "monitor_scrape",
    "monitor_server_",
    "monitor_verdict",
];

/// How the names of those of the process begin, which change by themselves, its start aside.
const OF_PROCESS: &str = "process_";
const START_TIME: &str = "process_start_time_seconds";

/// Series that Prometheus makes itself for each target.
const OF_PROMETHEUS: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// A page that is scraped again and again.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) target: SocketAddr,
    pub(crate) path: String,
    /// From scrape to scrape, and the longest one may take.
    pub(crate) interval: Duration,
    /// Further keys of the job's configuration, each a line.
    pub(crate) keys: Vec<&'static str>,
}

impl Job {
    /// Scrapes `/metrics` every two seconds.
    pub(crate) fn new(name: &str, target: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            target,
            path: "/metrics".to_owned(),
            interval: Duration::from_secs(2),
            keys: Vec::new(),
        }
    }

    /// The same with these keys.
    pub(crate) fn with(mut self, keys: impl IntoIterator<Item = &'static str>) -> Self {
        self.keys.extend(keys);
        self
    }
}

/// Of a native histogram, what is not in its buckets, and how many those are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Totals {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    /// Without the empty ones.
    pub(crate) buckets: usize,
}

/// A real Prometheus; killed, and its data removed, when dropped.
#[derive(Debug)]
pub(crate) struct Prometheus {
    child: Child,
    addr: SocketAddr,
    folder: PathBuf,
}

impl Prometheus {
    /// Starts it with these features beside the storage of exemplars.
    pub(crate) fn start(program: &Path, features: &[&str], jobs: &[Job]) -> Self {
        let addr = free_port();
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{}", addr.port()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder can be made");
        let config = folder.join("prometheus.yml");
        fs::write(&config, configuration(jobs)).expect("the configuration can be written");
        let log = fs::File::create(folder.join("log")).expect("the log can be made");
        let data = folder.join("data");
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={addr}"))
            .arg(format!(
                "--enable-feature={}",
                [&["exemplar-storage"], features].concat().join(",")
            ))
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
        eventually("prometheus listens", || TcpStream::connect(addr).is_ok());
        eventually("prometheus is ready", || {
            get(addr, "/-/ready").status == 200
        });
        prometheus
    }

    fn ask(&self, path: &str) -> Value {
        let answer = get(self.addr, path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        answer["data"].clone()
    }

    fn results(&self, query: &str) -> Vec<Value> {
        let data = self.ask(&format!("/api/v1/query?query={}", percent_encoded(query)));
        data["result"].as_array().expect("a vector").clone()
    }

    /// The numbers of a query by series; native histograms are left out.
    pub(crate) fn query(&self, query: &str) -> Series {
        let results = self.results(query);
        let numbers = results.iter().filter_map(|result| {
            let value = result["value"][1].as_str()?;
            Some((key_of(result), number(value)))
        });
        numbers.collect()
    }

    /// The one number of a query.
    pub(crate) fn number(&self, query: &str) -> f64 {
        let values = self.query(query);
        assert_eq!(values.len(), 1, "{query}: {values:?}");
        values.into_values().next().unwrap_or_default()
    }

    /// All native histograms of a job.
    pub(crate) fn native(&self, job: &str) -> BTreeMap<Key, Totals> {
        let results = self.results(&format!("{{job=\"{job}\"}}"));
        let histograms = results.iter().filter_map(|result| {
            let histogram = result["histogram"][1].as_object()?;
            let of = |field: &str| number(histogram[field].as_str().expect("a number as text"));
            let totals = Totals {
                count: of("count"),
                sum: of("sum"),
                buckets: histogram
                    .get("buckets")
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len),
            };
            Some((key_of(result), totals))
        });
        histograms.collect()
    }

    /// All series of a job that are numbers, without those Prometheus makes itself.
    pub(crate) fn series(&self, job: &str) -> Series {
        let mut series = self.query(&format!("{{job=\"{job}\"}}"));
        series.retain(|(name, _), _| !OF_PROMETHEUS.contains(&name.as_str()));
        series
    }

    /// A metric of Prometheus about a job's scrapes, such as `up`.
    pub(crate) fn value(&self, name: &str, job: &str) -> Option<f64> {
        let values = self.query(&format!("{name}{{job=\"{job}\"}}"));
        values.into_values().next()
    }

    /// Whether a job was scraped; fails if it was in vain.
    pub(crate) fn is_up(&self, job: &str) -> bool {
        let scraped = self.value("up", job).is_some();
        if scraped {
            self.assert_always_up(job);
        }
        scraped
    }

    /// Fails, with the reason, if a scrape of a job has failed.
    pub(crate) fn assert_always_up(&self, job: &str) {
        let lowest = self.query(&format!("min_over_time(up{{job=\"{job}\"}}[5m])"));
        if !lowest.into_values().eq([1.0]) {
            let targets = self.ask("/api/v1/targets");
            let targets = targets["activeTargets"].as_array().expect("targets");
            let target = targets.iter().find(|target| target["labels"]["job"] == job);
            panic!("a scrape of {job} has failed: {target:?}");
        }
    }

    /// When the newest scrape of a job began, seconds since 1970; 0 before the first.
    pub(crate) fn last_scrape(&self, job: &str) -> f64 {
        let timestamps = self.query(&format!("timestamp(up{{job=\"{job}\"}})"));
        timestamps.into_values().next().unwrap_or_default()
    }

    /// The exemplars that came with the samples of a job.
    pub(crate) fn exemplars(&self, job: &str) -> Vec<Value> {
        let query = percent_encoded(&format!("{{job=\"{job}\"}}"));
        let range = "start=0&end=9999999999";
        let data = self.ask(&format!("/api/v1/query_exemplars?query={query}&{range}"));
        let series = data.as_array().map_or(&[][..], Vec::as_slice);
        let exemplars = series.iter().filter_map(|one| one["exemplars"].as_array());
        exemplars.flatten().cloned().collect()
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

fn configuration(jobs: &[Job]) -> String {
    let mut yaml = "scrape_configs:\n".to_owned();
    for job in jobs {
        let (name, path, port) = (&job.name, &job.path, job.target.port());
        let seconds = job.interval.as_secs();
        // Writing to a String cannot fail.
        let _ = write!(
            yaml,
            "  - job_name: {name}\n    metrics_path: {path}\n    \
             scrape_interval: {seconds}s\n    scrape_timeout: {seconds}s\n    \
             static_configs:\n      - targets: ['127.0.0.1:{port}']\n"
        );
        for key in &job.keys {
            let _ = writeln!(yaml, "    {key}");
        }
    }
    yaml
}

/// Prometheus takes no port 0, so the test finds a free one; another process could take it in between.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

/// Name, and labels without those of the target.
fn key_of(result: &Value) -> Key {
    let mut labels: BTreeMap<String, String> =
        serde_json::from_value(result["metric"].clone()).expect("labels are texts");
    let name = labels.remove("__name__").unwrap_or_default();
    labels.remove("job");
    labels.remove("instance");
    (name, labels)
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

/// The series that neither a scrape nor time changes.
pub(crate) fn at_rest(mut series: Series) -> Series {
    let changes: [fn(&str) -> bool; 2] = [
        |name| OF_SERVER.iter().any(|own| name.starts_with(own)),
        |name| name.starts_with(OF_PROCESS) && name != START_TIME,
    ];
    for changes in changes {
        let is_there = series.keys().any(|(name, _)| changes(name));
        assert!(is_there, "all families are stored");
        series.retain(|(name, _), _| !changes(name));
    }
    series
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Fails if the series of a job are stored otherwise than they are on the page.
pub(crate) fn check(job: &str, wanted: &Series, stored: &Series) {
    let differences = differences(wanted, stored);
    assert!(
        differences.is_empty(),
        "{job}: {} of {}:\n{}",
        differences.len(),
        stored.len(),
        differences[..differences.len().min(20)].join("\n")
    );
}

/// Series that are stored with another value than on the page, not stored, or stored without being on it.
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

/// To the last bit: each number goes through text both ways, and loses nothing.
fn same(ours: f64, stored: f64) -> bool {
    ours.to_bits() == stored.to_bits() || (ours.is_nan() && stored.is_nan())
}

#[test]
fn each_kind_of_difference_is_seen() {
    let series = |name: &str, value| ((name.to_owned(), BTreeMap::new()), value);
    let ours = Series::from([series("a", 1.0), series("b", 2.0), series("n", f64::NAN)]);
    assert_eq!(differences(&ours, &ours), Vec::<String>::new());
    let stored = Series::from([series("a", 1.5), series("c", 2.0), series("n", f64::NAN)]);
    assert_eq!(differences(&ours, &stored).len(), 3);
}
