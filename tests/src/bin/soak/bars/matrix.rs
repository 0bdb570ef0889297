//! Bar 10 over sockets: route, form, method, credentials and Host in each combination. The whole matrix, with peers from
//! elsewhere and certificates, is a unit test of the server.

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
    let is_probe = ["/livez", "/readyz", "/-/healthy", "/-/ready"].contains(&path);
    let is_page = path == "/" || path.starts_with("/api/v1/");
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

pub(crate) async fn matrix(table: &mut Table) {
    let name = format!("monitor-soak-matrix-{}.yml", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, users(&[("ann", "secret")], 4)).expect("written");
    let server = Server::start(&options(&[&format!("web={}", file.display())]));
    let (mut cells, mut deviating) = (0, Vec::new());
    for target in PATHS.into_iter().flat_map(forms) {
        let path = target.strip_prefix("http://localhost").unwrap_or(&target);
        for method in ["GET", "HEAD", "POST"] {
            for (authorization, right) in CREDENTIALS {
                for (headers, here, foreign) in SOURCES {
                    let headers = format!("{headers}{authorization}");
                    let answer = ask(server.address, method, &target, &headers).await;
                    let presented = !authorization.is_empty();
                    let wanted = expected(path, method, (presented, right), (here, foreign));
                    let status = answer.as_ref().map_or(0, |answer| answer.status);
                    let body = answer.map(|answer| answer.text()).unwrap_or_default();
                    let leaks = !right
                        && (body.contains("# TYPE") || (!here && body.contains("components")));
                    cells += 1;
                    if status != wanted || leaks {
                        deviating.push(format!(
                            "{method} {target} {headers:?}: {status}, not {wanted}"
                        ));
                    }
                }
            }
        }
    }
    for cell in deviating.iter().take(10) {
        eprintln!("{cell}");
    }
    let _ = std::fs::remove_file(file);
    table.note(
        "10",
        "cells of the access matrix that deviate, over sockets",
        format!("{} of {cells}", deviating.len()),
        deviating.is_empty(),
    );
}
