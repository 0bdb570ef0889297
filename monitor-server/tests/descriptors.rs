//! At the limit of descriptors: the server goes on answering, and does not spin. In a program of its own, because the limit
//! is the process's.
#![cfg(target_os = "linux")]

mod served;

use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use served::{Slow, connect, eventually, local, metric, read_all, send, started, status};

/// Descriptors that are there to be had, beside those that were open when this program started.
const DESCRIPTORS: usize = 120;

/// More than the server's share of them.
const CLIENTS: usize = 100;

/// Where the other process of this test finds the server.
const ADDRESS: &str = "MONITOR_TEST_ADDRESS";

/// Descriptors that are open now.
fn open_descriptors() -> usize {
    // One is the directory's.
    std::fs::read_dir("/proc/self/fd")
        .expect("procfs")
        .count()
        .saturating_sub(1)
}

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

/// Clients that take none of this process's descriptors.
struct Crowd(Child);

impl Crowd {
    fn of(address: SocketAddr) -> Self {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .args(["--ignored", "--exact", "the_crowd"])
            .env(ADDRESS, address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("it starts"))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test: the crowd's process runs it, until it is killed.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn the_crowd() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let address = address.parse().expect("an address");
    // Those that wait to be accepted are connected already, for all they know.
    let clients: Vec<_> = (0..CLIENTS).map(|_| connect(address)).collect();
    let _ = std::io::stdin().read(&mut [0]);
    drop(clients);
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
    let others = open_descriptors();
    let limit = others + DESCRIPTORS;
    if !limited_to(limit) {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no prlimit, and CI is set"
        );
        // Not `println!`: the test runner shows that of failed tests only.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: the_server_answers_at_the_limit (no prlimit)"
        );
        return;
    }
    let slow = Slow::by(Duration::from_millis(1500));
    let server = started(local().process_metrics(false).collector(slow));
    let address = server.local_addr();
    let clock = CpuClock::new();

    // More clients than half of the descriptors: the service can still open files.
    let crowd = Crowd::of(address);
    eventually(|| open_descriptors() >= limit / 2);
    std::thread::sleep(Duration::from_millis(300));
    let files = all_descriptors();
    // Connections have their half; the rest of the server has a few.
    let server = limit - others - files.len();
    assert!(server <= limit / 2 + 16, "{server} of {limit}");
    assert!(!files.is_empty());
    drop((crowd, files));
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
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(read_all(&mut busy).starts_with("HTTP/1.1 200 OK"));
    drop(files);
    assert!(metric(address, "monitor_server_accept_errors_total") >= 2.0);
}
