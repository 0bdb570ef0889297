//! A tonic service: the four kinds of calls, codes, deadlines, health for gRPC probes, and an end in order.
//!
//! ```sh
//! cargo run -p monitor-examples --example tonic_service
//! curl -s localhost:9999/metrics
//! ```
//!
//! `docs/grpc.md` explains each part.

#[allow(dead_code, reason = "its `main` is a program of its own")]
#[path = "grpc_health.rs"]
mod grpc_health;

/// Generated from `examples/proto/greet.proto`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated code"
)]
mod pb {
    include!("../proto/greet.rs");
}

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use monitor_core::monitored;
use monitor_server::MonitorConfig;
use pb::greeter_server::{Greeter, GreeterServer};
use pb::{CountRequest, GreetReply, GreetRequest, Number};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

type Numbers = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

/// The functions below a call need the attribute; the call itself does not.
#[monitored(method = "Names::look_up")]
async fn look_up(name: &str) -> Result<String, Status> {
    match name {
        "" => Err(Status::invalid_argument("the name is empty")),
        "nobody" => Err(Status::not_found("nobody is not here")),
        "slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Err(Status::unavailable("the answer came too late"))
        }
        "database" => Err(Status::unavailable("the database is away")),
        name => Ok(format!("hello, {name}")),
    }
}

struct Greeting;

#[tonic::async_trait]
impl Greeter for Greeting {
    type CountStream = Numbers;
    type EchoStream = Numbers;

    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetReply>, Status> {
        let text = look_up(&request.into_inner().name).await?;
        Ok(Response::new(GreetReply { text }))
    }

    /// Each 5 ms a number. A stream may fail after its head was sent: one of 13 numbers does.
    async fn count(&self, request: Request<CountRequest>) -> Result<Response<Numbers>, Status> {
        let limit = request.into_inner().limit;
        let numbers = tokio_stream::iter(1..=limit).then(move |value| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            match (value, limit) {
                (13, 13) => Err(Status::internal("unlucky")),
                _ => Ok(Number { value }),
            }
        });
        Ok(Response::new(Box::pin(numbers)))
    }

    async fn sum(&self, request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
        let mut numbers = request.into_inner();
        let mut value: u64 = 0;
        while let Some(number) = numbers.message().await? {
            let sum = value.checked_add(number.value);
            value = sum.ok_or_else(|| Status::out_of_range("the sum is too large"))?;
        }
        Ok(Response::new(Number { value }))
    }

    async fn echo(&self, request: Request<Streaming<Number>>) -> Result<Response<Numbers>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pause = Duration::from_millis(500); // more than the readiness probe needs to fail
    let server = monitor_server::run(MonitorConfig::from_env()?.drain_pause(pause))?;
    // Known before their first calls: a path that no method is known of is `(unmatched)` until it was answered.
    for method in ["Greet", "Count", "Sum", "Echo"] {
        server.method(&format!("greet.Greeter/{method}"))?;
    }
    let health = grpc_health::health_service(&server).await;
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:50051")).await?;
    println!("service at http://{}", listener.local_addr()?);
    println!("metrics at http://{}/metrics", server.local_addr());
    let serving = Server::builder()
        .layer(monitor_tower::grpc())
        .add_service(health)
        .add_service(GreeterServer::new(Greeting))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), server.stopping());
    // After SIGTERM or Ctrl-C: NOT_SERVING, then calls and streams have 15 s.
    // Boxed: a server of tonic's is a future of 17 kB.
    server
        .serve_until_stopped(Duration::from_secs(15), Box::pin(serving))
        .await??;
    Ok(())
}
