//! A monitored HTTP service over real text.
//!
//! Run it, put load on it, and read the metrics that `#[monitored]` makes:
//!
//! ```text
//! cargo run --release -p monitor-examples --bin textprocessor -- --load 200
//! curl -s localhost:9999/metrics
//! curl -s -X POST localhost:8080/dictionary/stop; sleep 2; curl -s localhost:9999/health
//! ```
//!
//! With `--incident dictionary` (or another kind) something goes wrong in it, once what is usual is known: see what
//! `curl -s localhost:9999/verdict` says then.
//!
//! Where to look: `service.rs` for the attribute, `dependency.rs` for the call API without it, `http.rs` for values by
//! key, `service.yaml` for errors and health, `incident.rs` for what can go wrong, and this file for checks, start and stop.

mod args;
mod client;
mod corpus;
mod dependency;
mod error;
mod http;
mod incident;
mod load;
mod mixture;
mod service;
mod text;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use monitor_server::{Check, Endpoint, MonitorConfig, MonitorServer, ShutdownSignals};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::args::{Command, Options};
use crate::corpus::Corpus;
use crate::dependency::{Dictionary, DictionaryClient, ping};
use crate::error::ServiceError;
use crate::http::App;
use crate::incident::Faults;
use crate::load::{Plan, say};
use crate::service::Service;

/// The configuration compiled in, so that the program runs from any folder.
const CONFIG: &str = include_str!("../../../service.yaml");
/// How often the dictionary is checked.
const CHECKING: Duration = Duration::from_secs(5);
/// How long it may take for an answer then.
const CHECK_LIMIT: Duration = Duration::from_secs(1);
/// How long open connections get to finish after Ctrl-C; warp on its own waits for ever for a half-sent request.
const CLOSING: Duration = Duration::from_secs(5);
/// How long running tasks get to finish after that.
const DRAINING: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let options = match args::parse(std::env::args().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => {
            say(args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("textprocessor: {error}");
            return ExitCode::from(2);
        }
    };
    match start(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("textprocessor: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start(options: &Options) -> Result<(), ServiceError> {
    let mut signals = ShutdownSignals::listen().map_err(|source| ServiceError::Setup {
        what: "signals",
        source,
    })?;
    let listener = bind(options.port).await?;
    let faults = Faults::default();
    let dictionary = dictionary(options, faults.clone()).await?;
    let monitor = monitor_server::run(with_check(config(options)?, dictionary.addr()))?;
    let addr = local_addr(&listener)?;
    introduce(addr, &monitor, &dictionary);

    let app = Arc::new(app(dictionary, faults.clone(), &monitor)?);
    let (stop, stopped) = watch::channel(false);
    let serving = serve(listener, app, stopped.clone());
    monitor.started();
    if let Some(schedule) = options.incident {
        tokio::spawn(schedule.run(faults.clone(), monitor.endpoint()));
    }
    tokio::spawn(load::rush(addr, faults.clone()));
    let loading = options.load.map(|per_second| {
        let plan = Plan {
            addr,
            per_second,
            limit: options.load_for,
            monitor: monitor.monitor(),
        };
        tokio::spawn(load::run(plan, stopped))
    });

    signals.recv().await;
    faults.end();
    monitor.begin_drain();
    say("stopping: waiting for running requests");
    let _ = stop.send(true);
    finish(loading, serving, &monitor, &mut signals).await
}

async fn bind(port: u16) -> Result<TcpListener, ServiceError> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(addr)
        .await
        .map_err(|source| ServiceError::Bind { addr, source })
}

fn local_addr(listener: &TcpListener) -> Result<SocketAddr, ServiceError> {
    listener.local_addr().map_err(|source| ServiceError::Setup {
        what: "the service's port",
        source,
    })
}

fn config(options: &Options) -> Result<MonitorConfig, ServiceError> {
    let config = match &options.config {
        Some(file) => MonitorConfig::from_file(file)?,
        None => MonitorConfig::from_yaml(CONFIG)?.with_env()?,
    };
    Ok(match options.monitor_port {
        Some(port) => config.port(port),
        None => config,
    })
}

fn with_check(config: MonitorConfig, dictionary: SocketAddr) -> MonitorConfig {
    let check = Check::every(CHECKING).timeout(CHECK_LIMIT);
    config.check("dictionary", check, dictionary, ping)
}

async fn dictionary(options: &Options, faults: Faults) -> Result<Dictionary, ServiceError> {
    let dictionary = Dictionary::launch(Corpus::vocabulary(), faults)
        .await
        .map_err(|source| ServiceError::Setup {
            what: "the dictionary",
            source,
        })?;
    if options.dictionary_down {
        dictionary.stop();
    }
    Ok(dictionary)
}

fn app(
    dictionary: Dictionary,
    faults: Faults,
    monitor: &MonitorServer,
) -> Result<App, ServiceError> {
    let monitor = monitor.monitor();
    let method = monitor.method("LookUpWords")?;
    let client = DictionaryClient::new(dictionary.addr(), method, faults.clone());
    let corpus = Corpus::new(faults.clone());
    let service = Service::new(corpus, client, monitor.counter("words_read")?);
    Ok(App {
        service,
        dictionary,
        faults,
        monitor,
    })
}

/// What `curl` is called with, on this machine, for a page of the monitoring.
fn page_at(endpoint: &Endpoint, page: &str) -> String {
    if let Some(path) = endpoint.unix() {
        format!("--unix-socket {} http://localhost/{page}", path.display())
    } else {
        let port = endpoint.tcp().map_or(0, |address| address.port());
        format!("http://127.0.0.1:{port}/{page}")
    }
}

/// The address of the live page; none through a Unix socket, which no browser opens.
fn live_page(endpoint: &Endpoint) -> Option<String> {
    endpoint.tcp().map(|_| page_at(endpoint, ""))
}

fn introduce(addr: SocketAddr, monitor: &MonitorServer, dictionary: &Dictionary) {
    let endpoint = monitor.endpoint();
    match live_page(&endpoint) {
        Some(page) => say(&format!(
            "textprocessor runs: open {page} (Ctrl-C stops it)"
        )),
        None => say("textprocessor runs; Ctrl-C stops it"),
    }
    say(&format!("  service     http://{addr}"));
    for page in ["metrics", "health", "verdict", "top"] {
        say(&format!("  {page:<10}  {}", page_at(&endpoint, page)));
    }
    say(&format!(
        "  dictionary  {} ({})",
        dictionary.addr(),
        if dictionary.is_running() {
            "up"
        } else {
            "down"
        }
    ));
    say(&format!(
        "  try         curl -s --data 'It was the best of times.' http://{addr}/analyse"
    ));
    say(&format!(
        "  then        curl -s -X POST http://{addr}/dictionary/stop"
    ));
}

fn serve(
    listener: TcpListener,
    app: Arc<App>,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let stop = async move {
        // An error means that the sender is dropped: the program ends.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::spawn(
        warp::serve(http::routes(app))
            .incoming(listener)
            .graceful(stop)
            .run(),
    )
}

/// Ends in this order: no new requests, running ones to their end, then monitoring. A second signal ends it at once.
async fn finish(
    loading: Option<JoinHandle<()>>,
    serving: JoinHandle<()>,
    monitor: &MonitorServer,
    signals: &mut ShutdownSignals,
) -> Result<(), ServiceError> {
    let orderly = async {
        if let Some(loading) = loading {
            let _ = timeout(CLOSING, loading).await;
        }
        let _ = timeout(CLOSING, serving).await;
        monitor.drain(DRAINING).await
    };
    let drained = tokio::select! {
        drained = orderly => drained,
        _ = signals.recv() => Ok(()),
    };
    say("stopped");
    Ok(drained?)
}

/// An error and its causes, on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
