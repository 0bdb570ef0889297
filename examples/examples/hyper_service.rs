//! A hyper service, without a framework: routes by hand, a limit of the request's body, and an end in order.
//!
//! ```sh
//! cargo run -p monitor-examples --example hyper_service
//! curl -s localhost:8080/words/whale
//! curl -s localhost:9999/metrics
//! ```

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use monitor_server::MonitorConfig;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

/// The longest body of a request, in bytes.
const LONGEST_BODY: usize = 1024;

/// The pattern of a path, for the names of the calls. Never the path itself: a client may send any.
fn route(head: &Parts) -> Option<Cow<'static, str>> {
    match head.uri.path() {
        "/upper" => Some("/upper".into()),
        path if path.starts_with("/words/") => Some("/words/{word}".into()),
        _ => None,
    }
}

async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let answer = match (request.method(), path.as_str()) {
        (&Method::POST, "/upper") => upper(request.into_body()).await,
        (&Method::GET, path) if path.starts_with("/words/") => word(&path["/words/".len()..]),
        _ => Err(StatusCode::NOT_FOUND),
    };
    let (status, text) = answer.map_or_else(
        |status| (status, String::new()),
        |text| (StatusCode::OK, text),
    );
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

fn word(word: &str) -> Result<String, StatusCode> {
    let is_known = word.starts_with('w');
    is_known
        .then(|| word.len().to_string())
        .ok_or(StatusCode::NOT_FOUND)
}

async fn upper(body: Incoming) -> Result<String, StatusCode> {
    let body = Limited::new(body, LONGEST_BODY).collect().await;
    let bytes = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    let text = std::str::from_utf8(&bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(text.to_uppercase())
}

/// Accepts connections until the service is to stop, then waits for their requests.
async fn serve(listener: TcpListener, stopping: impl Future<Output = ()>) {
    let layers = ServiceBuilder::new().layer(monitor_tower::http().route(route));
    let service = TowerToHyperService::new(layers.service_fn(handle));
    let connections = GracefulShutdown::new();
    let mut stopping = pin!(stopping);
    loop {
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            () = &mut stopping => break,
        };
        let mut http = http1::Builder::new();
        let connection = http
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    connections.shutdown().await;
}

/// An error of `accept` is one of that connection, or passes, as at the limit of descriptors.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = monitor_server::run(MonitorConfig::from_env()?)?;
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("service at http://{}", listener.local_addr()?);
    println!("metrics at http://{}/metrics", server.local_addr());
    let serving = serve(listener, server.stopping());
    server
        .serve_until_stopped(Duration::from_secs(15), serving)
        .await?;
    Ok(())
}
