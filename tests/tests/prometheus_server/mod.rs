//! A real Prometheus, and the relay between it and the pages it scrapes.

pub(crate) mod pages;
pub(crate) mod relay;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::textprocessor::{eventually, get, number};

/// Name and labels to value.
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

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
}

/// A real Prometheus; killed, and its data removed, when dropped.
#[derive(Debug)]
pub(crate) struct Prometheus {
    child: Child,
    addr: SocketAddr,
    folder: PathBuf,
}

impl Prometheus {
    pub(crate) fn start(program: &Path, jobs: &[Job]) -> Self {
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
            .arg("--enable-feature=exemplar-storage")
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

    /// The values of a query by series.
    pub(crate) fn query(&self, query: &str) -> Series {
        let data = self.ask(&format!("/api/v1/query?query={}", percent_encoded(query)));
        let results = data["result"].as_array().expect("a vector");
        results.iter().map(stored_series).collect()
    }

    /// All series of a job, without those Prometheus makes itself.
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
    }
    yaml
}

/// Prometheus takes no port 0, so the test finds a free one; another process could take it in between.
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

/// Series that are stored with another value than on the page, not stored, or stored without being on it.
pub(crate) fn differences(ours: &Series, stored: &Series) -> Vec<String> {
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
