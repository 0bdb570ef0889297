//! The server without any cargo feature: settings from code, pages in the text formats, probes and health.
//!
//! `scripts/features` builds it so; with features it runs too, and holds as well.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use monitor_core::monitored;
use monitor_server::{Check, MonitorConfig};

#[monitored(method = "Greet")]
fn greet(name: &str) -> Result<String, std::fmt::Error> {
    if name.is_empty() {
        Err(std::fmt::Error)
    } else {
        Ok(format!("hello {name}"))
    }
}

/// The answer to a request: its head and its body.
fn get(address: SocketAddr, path: &str, header: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    Ok((head.to_owned(), body.to_owned()))
}

#[test]
fn it_serves_pages_probes_and_health() -> Result<(), Box<dyn std::error::Error>> {
    let every = Check::every(Duration::from_millis(20));
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        .blocking_check("disk", every, || Ok::<(), std::fmt::Error>(()));
    let server = monitor_server::run(config)?;
    let address = server.local_addr();
    assert_eq!(greet("you")?, "hello you");
    assert!(greet("").is_err());

    let (head, _) = get(address, "/metrics", "Accept-Encoding: gzip\r\n")?;
    let is_compressed = head.contains("content-encoding: gzip");
    assert_eq!(is_compressed, cfg!(feature = "gzip"), "{head}");
    let (head, page) = get(address, "/metrics", "")?;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let line = |line: &str| page.lines().any(|one| one == line);
    assert!(line("service_requests_total{method=\"Greet\"} 2"), "{page}");
    let accept = "Accept: application/openmetrics-text; version=1.0.0\r\n";
    let (_, page) = get(address, "/metrics", accept)?;
    assert!(page.ends_with("# EOF\n"), "{page}");
    for path in ["/livez", "/readyz", "/startupz", "/health", "/health/disk"] {
        let (head, body) = get(address, path, "")?;
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}\n{body}");
    }
    server.shutdown();
    assert!(TcpStream::connect(address).is_err());
    Ok(())
}
