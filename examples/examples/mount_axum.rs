//! Metrics and probes in an axum application, as a service: under a prefix, which axum takes off, or at single paths. The
//! service answers an unknown path with a plain 404, so it may also be the whole router's fallback.
//!
//! Prints:
//!
//! ```text
//! /hello/whale: HTTP/1.1 200 OK
//! /internal/metrics: HTTP/1.1 200 OK
//! /internal/livez: HTTP/1.1 200 OK
//! /internal/nothing: HTTP/1.1 404 Not Found
//! /readyz: HTTP/1.1 200 OK
//! the page counts 1 call of Hello
//! ```

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use monitor_core::{Monitor, monitored};
use monitor_server::{MetricServer, MonitorConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[monitored(method = "Hello")]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    let application = Router::new()
        .route("/hello/{name}", get(hello))
        .nest_service("/internal", metrics.service())
        .route_service("/readyz", metrics.service());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, application).await });

    show(address, "/hello/whale").await?;
    show(address, "/internal/metrics").await?;
    show(address, "/internal/livez").await?;
    show(address, "/internal/nothing").await?;
    show(address, "/readyz").await?;
    let page = ask(address, "/internal/metrics?name[]=service_requests_total").await?;
    let calls = page.contains("service_requests_total{method=\"Hello\"} 1\n");
    println!("the page counts {} call of Hello", u8::from(calls));
    Ok(())
}

/// Prints the first line of the answer to a path.
async fn show(address: SocketAddr, path: &str) -> Result<(), Box<dyn Error>> {
    let answer = ask(address, path).await?;
    let status = answer.lines().next().unwrap_or_default();
    println!("{path}: {status}");
    Ok(())
}

async fn ask(address: SocketAddr, path: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
