//! The server's side: `soak serve KEY=VALUE..`, controlled by lines on its standard input.
//!
//! Logs each event of INFO and above as a line on standard error, so that lines can be counted.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use monitor_core::{Monitor, Outcome};
use monitor_server::{Limits, MonitorConfig, MonitorServer, run};
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::moody::{self, Moody};

/// Writes events as lines; spans are none of its business.
struct Lines;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        eprintln!("{}", line.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// A registry that takes its time.
struct Slow(Duration);

impl Collector for Slow {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        std::thread::sleep(self.0);
        Vec::new()
    }
}

/// Lines that a page has for a method.
const LINES_A_METHOD: usize = 65;

/// Makes the page about this many lines long, of 80 bytes each: those of methods, as a service has them.
fn fill(lines: usize) {
    for number in 0..lines / LINES_A_METHOD {
        let method = Monitor::global().method(&format!("Method{number:03}"));
        let method = method.expect("a name");
        method.start().finish(Outcome::Success);
    }
}

/// Before the server starts, which leaves half of them to the service.
fn limit_descriptors(most: &str) {
    let pid = std::process::id().to_string();
    let limit = format!("--nofile={most}:{most}");
    let set = std::process::Command::new("prlimit")
        .args(["--pid", &pid, &limit])
        .status();
    assert!(set.is_ok_and(|status| status.success()), "prlimit");
}

fn configured(options: &[String]) -> Result<MonitorConfig, monitor_server::RunError> {
    let mut config = MonitorConfig::default().listen([127, 0, 0, 1]).port(0);
    let mut limits = Limits::default();
    for (key, value) in options.iter().filter_map(|option| option.split_once('=')) {
        let number = || value.parse().unwrap_or_default();
        let milliseconds = || Duration::from_millis(number());
        match key {
            "lines" => fill(value.parse().unwrap_or_default()),
            "slow" => {
                let registry = Registry::new();
                registry
                    .register(Box::new(Slow(milliseconds())))
                    .expect("a fresh registry");
                config = config.registry(registry);
            }
            "web" => config = config.web_config(value),
            "token" => config = config.bearer_token(value),
            "yaml" => config = MonitorConfig::from_yaml(value)?,
            "port" => config = config.port(value.parse().unwrap_or_default()),
            "deadline" => limits = limits.connection_timeout(milliseconds()),
            "grace" => limits = limits.stop_grace(milliseconds()),
            "descriptors" => limit_descriptors(value),
            "moody" => config = config.collector(Moody),
            "gather" => limits = limits.gather_timeout(milliseconds()),
            "scrapes" => limits = limits.max_scrapes(value.parse().unwrap_or_default()),
            other => panic!("no option {other}"),
        }
    }
    Ok(config.limits(limits))
}

pub(crate) fn main(options: &[String]) -> ExitCode {
    let _ = tracing::subscriber::set_global_default(Lines);
    let begin = Instant::now();
    let server = match configured(options).and_then(run) {
        Ok(server) => server,
        Err(error) => {
            println!("{} refused: {error}", begin.elapsed().as_millis());
            // The threads are checked from outside.
            let _ = std::io::stdin().lock().read_line(&mut String::new());
            return ExitCode::FAILURE;
        }
    };
    println!("{}", server.local_addr());
    let mut taken = Vec::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", obey(&server, &mut taken, &line));
        let _ = std::io::stdout().flush();
    }
    ExitCode::SUCCESS
}

fn obey(server: &MonitorServer, taken: &mut Vec<File>, line: &str) -> String {
    let (verb, number) = line.split_once(' ').unwrap_or((line, "0"));
    let number: usize = number.parse().unwrap_or_default();
    match verb {
        "stop" => {
            let begin = Instant::now();
            server.shutdown();
            begin.elapsed().as_millis().to_string()
        }
        "mood" => {
            moody::set(number);
            "set".to_owned()
        }
        "gathered" => moody::gathered().to_string(),
        "restart" => restarted(server, number),
        // All descriptors there are, but so many.
        "take" => {
            taken.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
            taken.truncate(taken.len().saturating_sub(number));
            taken.len().to_string()
        }
        "give" => {
            taken.truncate(taken.len().saturating_sub(number));
            taken.len().to_string()
        }
        _ => format!("no command {verb}"),
    }
}

/// Stops and starts on the same port, so many times; how often it did not start.
fn restarted(server: &MonitorServer, times: usize) -> String {
    let address = server.local_addr();
    server.shutdown();
    let mut failures = 0;
    for _ in 0..times {
        let config = MonitorConfig::default()
            .listen(address.ip())
            .port(address.port());
        match run(config) {
            Ok(next) => next.shutdown(),
            Err(_) => failures += 1,
        }
    }
    failures.to_string()
}
