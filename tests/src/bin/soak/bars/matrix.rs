//! Bar 10 over sockets: route, form, method, credentials and Host in each combination, and the filter in an application. The whole matrix, with peers from
//! elsewhere and certificates, is a unit test of the server.

use std::net::SocketAddr;

use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig};
use prometheus::Registry;
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::StatusCode;

use super::options;
use crate::client::ask;
use crate::process::Server;
use crate::table::Table;
use crate::tls::users;

/// `ann:guess`, `ann:secret`.
const CREDENTIALS: [(&str, bool); 3] = [
    ("", false),
    ("Authorization: Basic YW5uOmd1ZXNz\r\n", false),
    ("Authorization: Basic YW5uOnNlY3JldA==\r\n", true),
];

/// Headers, and whether they are those of a client on this machine, or of one under a foreign name.
const SOURCES: [(&str, bool, bool); 4] = [
    ("Host: localhost\r\n", true, false),
    ("Host: evil.example\r\n", false, true),
    ("Host: localhost\r\nHost: localhost\r\n", false, true),
    (
        "Host: localhost\r\nX-Forwarded-For: 10.0.0.7\r\n",
        false,
        false,
    ),
];

const PATHS: [&str; 8] = [
    "/metrics",
    "/livez",
    "/readyz",
    "/-/healthy",
    "/-/ready",
    "/health",
    "/",
    "/api/v1/x",
];

/// Targets that have no path.
const PATHLESS: [&str; 5] = ["x", "metrics", "a:80", "localhost:9999", "*"];

fn forms(path: &str) -> Vec<String> {
    vec![
        path.to_owned(),
        format!("{path}/"),
        format!("/{path}"),
        format!("/%2e{path}"),
        path.to_uppercase(),
        format!("http://localhost{path}"),
    ]
}

fn expected(path: &str, method: &str, credentials: (bool, bool), source: (bool, bool)) -> u16 {
    let ((presented, right), (here, foreign)) = (credentials, source);
    let is_probe = ["/", "/livez", "/readyz", "/-/healthy", "/-/ready"].contains(&path);
    let is_page = path.starts_with("/api/v1/");
    let by_method = if method == "POST" { 405 } else { 200 };
    if is_probe {
        return by_method;
    }
    if path == "/metrics" {
        return if right { by_method } else { 401 };
    }
    if path == "/health" {
        return if presented && !right && !here {
            401
        } else {
            by_method
        };
    }
    if !is_page || here || right {
        return 404;
    }
    if foreign && !presented { 421 } else { 401 }
}

/// The number of checked cells, and those that deviate.
#[derive(Default)]
struct Cells {
    number: usize,
    deviating: Vec<String>,
}

impl Cells {
    fn note(&mut self, cell: &str, status: u16, wanted: u16, leaks: bool) {
        self.number += 1;
        if status != wanted || leaks {
            self.deviating
                .push(format!("{cell}: {status}, not {wanted}"));
        }
    }
}

/// The status and body of an answer; none is 0.
async fn answered(address: SocketAddr, method: &str, target: &str, headers: &str) -> (u16, String) {
    let answer = ask(address, method, target, headers).await;
    answer.map_or((0, String::new()), |answer| (answer.status, answer.text()))
}

async fn with_path(address: SocketAddr, cells: &mut Cells) {
    for target in PATHS.into_iter().flat_map(forms) {
        let path = target.strip_prefix("http://localhost").unwrap_or(&target);
        for method in ["GET", "HEAD", "POST"] {
            for (authorization, right) in CREDENTIALS {
                for (headers, here, foreign) in SOURCES {
                    let headers = format!("{headers}{authorization}");
                    let (status, body) = answered(address, method, &target, &headers).await;
                    let presented = !authorization.is_empty();
                    let wanted = expected(path, method, (presented, right), (here, foreign));
                    let leaks = !right
                        && (body.contains("# TYPE") || (!here && body.contains("components")));
                    let cell = format!("{method} {target} {headers:?}");
                    cells.note(&cell, status, wanted, leaks);
                }
            }
        }
    }
}

/// The same bytes to the server, which refuses them, and to an application that the open routes are mounted in, whose other
/// filter takes them.
async fn without_path(server: SocketAddr, mounted: SocketAddr, cells: &mut Cells) {
    for target in PATHLESS {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "BREW"] {
            for (authorization, _) in CREDENTIALS {
                for (headers, _, _) in SOURCES {
                    let headers = format!("{headers}{authorization}");
                    for (address, wanted) in [(server, 400), (mounted, 418)] {
                        let (status, _) = answered(address, method, target, &headers).await;
                        let cell = format!("{method} {target} {headers:?}");
                        cells.note(&cell, status, wanted, false);
                    }
                }
            }
        }
    }
}

/// The open routes, in an application of this process; all other requests are answered 418.
async fn mount(config: &MonitorConfig) -> SocketAddr {
    let open = MetricServer::with_config(config, Monitor::global()).filter();
    let others = warp::any().map(|| warp::reply::with_status("others", StatusCode::IM_A_TEAPOT));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(warp::serve(open.or(others)).incoming(listener).run());
    address
}

async fn mounted(address: SocketAddr, cells: &mut Cells) {
    for path in PATHS {
        for target in [path.to_owned(), format!("http://evil.example{path}")] {
            for method in ["GET", "HEAD", "POST"] {
                for (authorization, right) in CREDENTIALS {
                    let headers = format!("{}{authorization}", SOURCES[0].0);
                    let (status, body) = answered(address, method, &target, &headers).await;
                    let is_open = path == "/metrics" || path.ends_with('y') || path.ends_with('z');
                    let wanted = if is_open {
                        let presented = !authorization.is_empty();
                        expected(path, method, (presented, right), (false, false))
                    } else {
                        418
                    };
                    let leaks = !right && body.contains("# TYPE");
                    let cell = format!("mounted: {method} {target} {headers:?}");
                    cells.note(&cell, status, wanted, leaks);
                }
            }
        }
    }
}

pub(crate) async fn matrix(table: &mut Table) {
    let name = format!("monitor-soak-matrix-{}.yml", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, users(&[("ann", "secret")], 4)).expect("written");
    let server = Server::start(&options(&[&format!("web={}", file.display())]));
    let config = MonitorConfig::default().web_config(&file);
    let application = mount(&config.registry(Registry::new())).await;
    let mut cells = Cells::default();
    with_path(server.address, &mut cells).await;
    without_path(server.address, application, &mut cells).await;
    mounted(application, &mut cells).await;
    for cell in cells.deviating.iter().take(10) {
        eprintln!("{cell}");
    }
    let _ = std::fs::remove_file(file);
    table.note(
        "10",
        "cells of the access matrix that deviate, over sockets",
        format!("{} of {}", cells.deviating.len(), cells.number),
        cells.deviating.is_empty(),
    );
}
