//! Metrics and probes on a connection that hyper serves, with nothing between: the `tower` service as a hyper service.
//!
//! Prints:
//!
//! ```text
//! /metrics: HTTP/1.1 200 OK
//! /livez: HTTP/1.1 200 OK
//! /nothing: HTTP/1.1 404 Not Found
//! ```

use std::error::Error;
use std::net::SocketAddr;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    let service = TowerToHyperService::new(metrics.service());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection);
        }
    });

    for path in ["/metrics", "/livez", "/nothing"] {
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
