//! The same values behind real servers, asked by real clients.

use std::pin::Pin;

use axum::Router;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_core::Stream;
use http::StatusCode;
use monitor_core::testing::{Recorder, call};
use monitor_core::{Monitor, monitored};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

#[monitored(method = "served_handle")]
async fn handle(Path(status): Path<u16>) -> Result<impl IntoResponse, (StatusCode, String)> {
    let bad = |_| (StatusCode::BAD_REQUEST, "no status".to_owned());
    let status = StatusCode::from_u16(status).map_err(bad)?;
    Ok((status, "text"))
}

async fn ask(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).expect("a status").to_owned()
}

#[tokio::test]
async fn a_handler_of_axum_counts_by_the_status_it_answers_with() {
    // Servers run handlers in tasks of their own, so in no scope.
    let probe = Recorder::watching(Monitor::global());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/{status}", get(handle));
    let serving = tokio::spawn(async { axum::serve(listener, router).await });
    for (path, status) in [
        ("/200", "200"),
        ("/503", "503"),
        ("/503", "503"),
        ("/404", "404"),
        ("/5", "400"),
    ] {
        assert_eq!(ask(address, path).await, status);
    }
    serving.abort();
    let handled = || call("served_handle");
    probe.recorded().assert_includes([
        handled().success(),
        handled().failure("http_503").times(2),
        handled().failure("http_404"),
        handled().failure("http_400"),
    ]);
}

struct Watched;

#[tonic::async_trait]
impl Health for Watched {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    #[monitored(method = "served_check")]
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if request.into_inner().service.is_empty() {
            return Err(Status::not_found("no such service"));
        }
        Ok(Response::new(HealthCheckResponse { status: 1 }))
    }

    #[monitored(method = "served_watch")]
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let answer = || Ok(HealthCheckResponse { status: 1 });
        let mut items = vec![answer(), answer()];
        if request.into_inner().service == "breaks" {
            items.push(Err(Status::data_loss("the source is gone")));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(items))))
    }
}

#[tokio::test]
async fn a_call_of_tonic_lasts_until_its_stream_ends_and_counts_by_its_code() {
    let probe = Recorder::watching(Monitor::global());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = Server::builder()
        .add_service(HealthServer::new(Watched))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let serving = tokio::spawn(serving);
    let endpoint = Endpoint::new(format!("http://{address}")).expect("an address");
    let mut client = HealthClient::new(endpoint.connect().await.expect("it listens"));
    let named = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };

    client.check(named("a")).await.expect("an answer");
    let refused = client.check(named("")).await.expect_err("no service");
    assert_eq!(refused.code(), Code::NotFound);
    for (service, code) in [("a", None), ("breaks", Some(Code::DataLoss))] {
        let answer = client.watch(named(service)).await.expect("a stream");
        let mut items = answer.into_inner();
        for _ in 0..2 {
            items.message().await.expect("an item");
        }
        let end = items.message().await.map_err(|status| status.code());
        assert_eq!(end.err(), code);
    }
    serving.abort();
    let (check, watch) = (|| call("served_check"), || call("served_watch"));
    let recorded = probe.recorded();
    recorded.assert_includes([
        check().success(),
        check().failure("grpc_not_found"),
        watch().success(),
        watch().failure("grpc_data_loss"),
        watch().items(4),
        watch().failed_items(1),
    ]);
    assert_eq!(recorded.count(watch().in_flight()), 0);
    assert!(recorded.task("served_watch").is_some());
}
