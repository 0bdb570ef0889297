//! At the limit of descriptors: the server goes on answering, and does not spin. In a program of its own, because the limit
//! is the process's.
#![cfg(target_os = "linux")]

mod served;

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::{Duration, Instant};

use served::{connect, eventually, local, metric, read_all, send, started, status};

/// Sets the process's limit with the program of that name; without it there is no test.
fn limited_to(descriptors: usize) -> bool {
    let limit = format!("--nofile={descriptors}:{descriptors}");
    let pid = std::process::id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &pid, &limit])
        .status();
    set.is_ok_and(|status| status.success())
}

/// Takes all descriptors there are.
fn all_descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Tells seconds of CPU time of this process, with a descriptor of its own.
struct CpuClock(File);

impl CpuClock {
    fn new() -> Self {
        Self(File::open("/proc/self/stat").expect("procfs"))
    }

    fn seconds(&self) -> f64 {
        let mut stat = [0; 1024];
        let length = self.0.read_at(&mut stat, 0).expect("procfs");
        let stat = String::from_utf8_lossy(&stat[..length]);
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>()
            / 100.0
    }
}

/// A registry that takes its time, without any descriptor.
struct Slow;

impl prometheus::core::Collector for Slow {
    fn desc(&self) -> Vec<&prometheus::core::Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
        std::thread::sleep(Duration::from_millis(1500));
        Vec::new()
    }
}

fn scrape_begins(address: SocketAddr) -> std::net::TcpStream {
    let mut stream = connect(address);
    send(
        &mut stream,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    stream
}

#[test]
fn the_server_answers_at_the_limit_and_leaves_the_service_its_share() {
    if !limited_to(120) {
        println!("SKIPPED: the_server_answers_at_the_limit (no prlimit)");
        return;
    }
    let registry = prometheus::Registry::new();
    registry.register(Box::new(Slow)).expect("a fresh registry");
    let server = started(local().process_metrics(false).registry(registry));
    let address = server.local_addr();
    let clock = CpuClock::new();

    // More clients than half of the descriptors: the service can still open files.
    let clients: Vec<_> = (0..50).map(|_| connect(address)).collect();
    let files = all_descriptors();
    assert!(files.len() >= 10, "{}", files.len());
    drop((clients, files));
    eventually(|| metric(address, "monitor_server_connections") <= 1.0);
    // By now the reserve is there again.
    std::thread::sleep(Duration::from_millis(300));

    // The service has taken all but one, which the client needs: the reserve serves it.
    let mut files = all_descriptors();
    files.pop();
    assert_eq!(status(address, "/livez"), "200");

    // Everything is taken, by a connection that is busy: the next one waits, and costs nothing meanwhile.
    files.pop();
    let mut busy = scrape_begins(address);
    std::thread::sleep(Duration::from_millis(200));
    files.extend(all_descriptors());
    files.pop();
    let mut next = connect(address);
    send(
        &mut next,
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    let before = clock.seconds();
    std::thread::sleep(Duration::from_secs(1));
    let used = clock.seconds() - before;
    assert!(used < 0.25, "{used}");
    let begin = Instant::now();
    files.truncate(files.len() - 4);
    assert!(read_all(&mut next).starts_with("HTTP/1.1 200 OK"));
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert!(read_all(&mut busy).starts_with("HTTP/1.1 200 OK"));
    drop(files);
    assert!(metric(address, "monitor_server_accept_errors_total") >= 2.0);
}
