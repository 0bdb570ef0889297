//! A browser where there is one, and servers in this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use monitor_core::{CallGuard, ErrorText, Monitor, NamedView, Outcome};
use monitor_server::{MetricServer, MetricServerHandle, MonitorConfig};
use monitor_tests::browser::{self, Browser};

use crate::programs;

/// A browser; without one on this machine the test is skipped, loudly, and with `CI` set it fails.
pub(crate) fn browser(test: &str) -> Option<Browser> {
    if !browser::is_installed() {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no chromium, and CI is set"
        );
        programs::skipped(&format!("{test} (no `chromium`)"));
        return None;
    }
    Some(Browser::start())
}

/// The source of axe, which `scripts/test` fetches and names.
pub(crate) fn axe(test: &str) -> Option<String> {
    let mut source = None;
    programs::where_named("AXE", test, |file| {
        source = Some(std::fs::read_to_string(file).expect("axe can be read"));
    });
    assert!(
        source.is_some() || std::env::var_os("CI").is_none(),
        "there is no axe, and CI is set"
    );
    source
}

/// The folder that cargo builds in.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().expect("the test's own path");
    // target/debug/deps/page-..
    program.ancestors().nth(3).expect("a folder").to_owned()
}

/// Where pictures go.
pub(crate) fn pictures() -> PathBuf {
    target().join("pictures")
}

/// A folder for files of a test, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let name = format!("monitored-page-{}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for files");
    folder
}

/// The address of a page.
pub(crate) fn url(addr: SocketAddr) -> String {
    format!("http://127.0.0.1:{}/", addr.port())
}

/// A server in this process with a monitor of its own; it stops when it is dropped.
pub(crate) struct Served {
    pub(crate) monitor: Monitor,
    pub(crate) metrics: MetricServer,
    handle: MetricServerHandle,
}

impl Served {
    pub(crate) fn start(config: &MonitorConfig) -> Self {
        Self::start_at(config, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(crate) fn start_at(config: &MonitorConfig, address: SocketAddr) -> Self {
        let storage = config.storage_config().expect("a right configuration");
        let monitor = Monitor::new(storage);
        let metrics = MetricServer::with_config(config, monitor);
        let handle = metrics.run_in_thread(address).expect("it listens");
        Self {
            monitor,
            metrics,
            handle,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    pub(crate) fn url(&self) -> String {
        url(self.addr())
    }

    /// Starts a call of a method without a caller.
    pub(crate) fn call(&self, method: &str) -> CallGuard {
        self.monitor.method(method).expect("a name").start_entry()
    }

    /// Some calls of a method that end at once with the same outcome.
    pub(crate) fn calls(&self, method: &str, number: u32, outcome: Outcome<'_>) {
        for _ in 0..number {
            self.call(method).finish(outcome);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// Waits until slots with what was recorded before are closed: one is 2 s long.
pub(crate) fn until_recorded() {
    std::thread::sleep(Duration::from_millis(4500));
}

/// Fails with all lines, if there are any.
pub(crate) fn none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Calls of a few methods all the time, from a thread of its own, until it is dropped.
pub(crate) struct Load {
    goes_on: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Calls each method about ten times a second; those whose name begins with `Fail` fail.
    pub(crate) fn start(monitor: Monitor, methods: &[&str]) -> Self {
        let methods: Vec<_> = methods
            .iter()
            .map(|name| monitor.method(name).expect("a name"))
            .collect();
        let goes_on = Arc::new(AtomicBool::new(true));
        let is_on = Arc::clone(&goes_on);
        let thread = std::thread::spawn(move || {
            while is_on.load(Ordering::Relaxed) {
                for method in &methods {
                    let call = method.start_entry();
                    let outcome = if method.name().starts_with("Fail") {
                        Outcome::Named(NamedView {
                            error_type: "timeout",
                            text: ErrorText::Text("no answer within 2 s"),
                        })
                    } else {
                        Outcome::Success
                    };
                    call.finish(outcome);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self {
            goes_on,
            thread: Some(thread),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.goes_on.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
