//! The server's process: the reference load on its page, and a service around it that does as it is told, line by line.

use std::fmt::Write;
use std::fs::File;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use monitor_core::{Monitor, Outcome};
use monitor_server::{MonitorConfig, MonitorServer};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Registry};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata};

use crate::server::CONFIG;

/// Methods on the page: it then has some 11,000 lines.
const METHODS: usize = 168;

/// Serves until its input ends.
///
/// # Panics
///
/// If the server cannot be started, which its starter sees as its end.
pub(crate) fn serve() {
    tracing::subscriber::set_global_default(Lines).expect("no other subscriber");
    let gauge = Moody::default();
    let text = std::env::var(CONFIG).unwrap_or_default();
    let config = MonitorConfig::from_yaml(&text).expect("a good configuration");
    let config = config.registry(Registry::new()).collector(gauge.clone());
    let server = monitor_server::run(config.clone()).expect("a free port");
    fill(server.monitor());
    println!("{}", server.local_addr());
    let mut service = Service {
        server,
        config,
        gauge,
        files: Vec::new(),
    };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let (verb, number) = line.split_once(' ').unwrap_or((&line, ""));
        println!("{}", service.obey(verb, number.parse().unwrap_or(0)));
    }
}

/// Calls each method once.
fn fill(monitor: Monitor) {
    for number in 0..METHODS {
        let method = monitor.method(&format!("Method{number:03}"));
        method.expect("a name").start().finish(Outcome::Success);
    }
}

struct Service {
    server: MonitorServer,
    config: MonitorConfig,
    gauge: Moody,
    files: Vec<File>,
}

impl Service {
    fn obey(&mut self, verb: &str, number: usize) -> String {
        match verb {
            "mood" => {
                self.gauge
                    .mood
                    .store(u8::try_from(number).unwrap_or(0), Ordering::SeqCst);
                "done".to_owned()
            }
            "gathered" => self.gauge.gathered.load(Ordering::SeqCst).to_string(),
            "open" => {
                let files = (0..number).map_while(|_| File::open("/dev/null").ok());
                self.files = files.collect();
                self.files.len().to_string()
            }
            "stop" => self.stop(),
            "restart" => self.restart(number),
            _ => "what?".to_owned(),
        }
    }

    /// Milliseconds it took, and whether the port was free at once.
    fn stop(&self) -> String {
        let begun = Instant::now();
        self.server.shutdown();
        let took = begun.elapsed();
        let is_free = std::net::TcpListener::bind(self.server.local_addr()).is_ok();
        format!("{} {is_free}", took.as_millis())
    }

    /// How often the server could be stopped and started on the same port.
    fn restart(&mut self, times: usize) -> String {
        let port = self.server.local_addr().port();
        let mut done = 0;
        for _ in 0..times {
            self.server.shutdown();
            match monitor_server::run(self.config.clone().port(port)) {
                Ok(server) => self.server = server,
                Err(error) => {
                    eprintln!("no restart: {error}");
                    continue;
                }
            }
            done += 1;
        }
        done.to_string()
    }
}

/// A user's gauge that misbehaves as it is told: 0 well, 1 panics, 2 blocks for 30 s, 3 with an invalid name, 4 takes 2 s.
#[derive(Debug, Clone, Default)]
struct Moody {
    mood: Arc<AtomicU8>,
    gathered: Arc<AtomicUsize>,
}

impl Collector for Moody {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gathered.fetch_add(1, Ordering::SeqCst);
        let mood = self.mood.load(Ordering::SeqCst);
        match mood {
            1 => panic!("as it was told"),
            2 => std::thread::sleep(Duration::from_secs(30)),
            4 => std::thread::sleep(Duration::from_secs(2)),
            _ => {}
        }
        let gauge = IntGauge::new("of_user", "A user's.").expect("a name");
        let mut families = gauge.collect();
        if mood == 3 {
            for family in &mut families {
                family.set_name("1 no name".to_owned());
            }
        }
        families
    }
}

/// Writes each event as a line on stderr, where the starter counts them.
struct Lines;

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                // A string takes everything.
                let _ = write!(line, " {field}={value:?}");
            },
        );
        eprintln!("{}{line}", event.metadata().level());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
