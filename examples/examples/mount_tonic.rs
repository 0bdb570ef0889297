//! Metrics and probes beside gRPC services, on the same port: as routes of tonic's router, so that methods that do not exist
//! stay `UNIMPLEMENTED` (as the router's fallback the service would answer these too, with an HTTP 404 that has a text).
//! Prometheus speaks HTTP/1.1, which tonic accepts only if it is configured to.
//!
//! Prints:
//!
//! ```text
//! the gRPC service is Serving
//! a method that does not exist is Unimplemented
//! /metrics: HTTP/1.1 200 OK
//! /livez: HTTP/1.1 200 OK
//! /internal/readyz: HTTP/1.1 200 OK
//! ```

use std::error::Error;
use std::net::SocketAddr;

use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    let (_reporter, grpc) = tonic_health::server::health_reporter();
    let router = Routes::new(grpc)
        .into_axum_router()
        .route_service("/metrics", metrics.service())
        .route_service("/livez", metrics.service())
        .nest_service("/internal", metrics.service());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::builder()
        .accept_http1(true)
        .add_routes(Routes::from(router))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);

    let endpoint = Endpoint::new(format!("http://{address}"))?;
    let mut client = HealthClient::new(endpoint.connect().await?);
    let answer = client.check(HealthCheckRequest::default()).await?;
    println!("the gRPC service is {:?}", answer.into_inner().status());
    // The same method under a path of no service.
    let elsewhere = Endpoint::new(format!("http://{address}/elsewhere"))?;
    let mut client = HealthClient::with_origin(elsewhere.connect().await?, elsewhere.uri().clone());
    let refused = client.check(HealthCheckRequest::default()).await.err();
    let code = refused.map(|status| status.code());
    println!(
        "a method that does not exist is {:?}",
        code.ok_or("answered")?
    );
    for path in ["/metrics", "/livez", "/internal/readyz"] {
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
