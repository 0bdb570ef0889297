//! Metrics and probes in a warp application, as a filter: it leaves all paths but its own to the other filters, and may stand
//! behind a prefix.
//!
//! Prints:
//!
//! ```text
//! /hello: HTTP/1.1 200 OK
//! /metrics: HTTP/1.1 200 OK
//! /internal/livez: HTTP/1.1 200 OK
//! /nothing: HTTP/1.1 404 Not Found
//! ```

use std::error::Error;
use std::net::SocketAddr;

use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use warp::Filter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    let internal = warp::path("internal").and(metrics.filter());
    let hello = warp::path("hello").map(|| "hello");
    let application = hello.or(metrics.filter()).or(internal);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(warp::serve(application).incoming(listener).run());

    for path in ["/hello", "/metrics", "/internal/livez", "/nothing"] {
        show(address, path).await?;
    }
    Ok(())
}

/// Prints the first line of the answer to a path.
async fn show(address: SocketAddr, path: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.lines().next().unwrap_or_default();
    println!("{path}: {status}");
    Ok(())
}
