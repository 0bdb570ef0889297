//! The layer for gRPC clients around tonic's channels, with real servers.
#![cfg(feature = "tonic")]

#[path = "support/greet.rs"]
mod greet;
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use greet::pb::CountRequest;
use greet::pb::greeter_client::GreeterClient;
use greet::{
    Cut, FAILS, GreeterServer, NEVER_ENDS, Obedient, Rest, endpoint, greet, messages, serve_routes,
};
use monitor_core::{Monitor, Outcome};
use monitor_tower::{CodeOutcome, GrpcClientLayer, GrpcClientService, grpc_client};
use support::{calls, counts, monitor, sum_of, wait_for, wait_for_end};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request};
use tower::{Layer, ServiceBuilder};

async fn serve() -> SocketAddr {
    let routes = Routes::new(GreeterServer::new(Obedient(monitor())));
    serve_routes(Server::builder(), routes).await
}

/// A client of a new server.
async fn client(layer: GrpcClientLayer) -> GreeterClient<GrpcClientService<Channel>> {
    let channel = endpoint(serve().await).connect_lazy();
    GreeterClient::new(ServiceBuilder::new().layer(layer).service(channel))
}

#[tokio::test]
async fn a_call_counts_under_the_given_name_with_the_outcome_of_its_code() {
    let monitor = monitor();
    let mut client = client(grpc_client("dictionary").monitor(monitor)).await;
    client.greet(greet("whale")).await.expect("a greeting");
    // 5 is NOT_FOUND, 14 UNAVAILABLE, 16 UNAUTHENTICATED.
    for code in [5, 14, 16] {
        let refused = client.greet(greet(&format!("code {code}"))).await;
        assert_eq!(refused.expect_err("a code").code(), Code::from_i32(code));
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=4 ok=1 grpc_not_found=1 grpc_unavailable=1 grpc_unauthenticated=1"]
    );
    let expected = monitor.snapshot().expected;
    assert_eq!(
        expected,
        [("-> dictionary".into(), "grpc_not_found".into())]
    );
    assert_eq!(messages(monitor, "-> dictionary"), "1 received, 4 sent");
    let sizes = |name| sum_of(monitor, "-> dictionary", name);
    assert_eq!(sizes("response_size"), Some((14.0, 1)));
    assert_eq!(sizes("request_size"), Some((7.0 + 8.0 + 9.0 + 9.0, 4)));
}

#[tokio::test]
async fn a_stream_lasts_until_its_trailers_or_until_it_is_dropped() {
    let monitor = monitor();
    let mut client = client(grpc_client("dictionary").monitor(monitor)).await;
    let request = CountRequest { limit: FAILS };
    let mut numbers = client.count(request).await.expect("a stream").into_inner();
    assert!(numbers.message().await.expect("a number").is_some());
    assert_eq!(counts(monitor), ["-> dictionary started=1 in_flight=1"]);
    assert!(numbers.message().await.expect("a number").is_some());
    numbers.message().await.expect_err("its end");
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=1 grpc_unavailable=1"]
    );
    let request = CountRequest { limit: NEVER_ENDS };
    drop(client.count(request).await.expect("a stream"));
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=2 cancelled=1 grpc_unavailable=1"]
    );
}

/// As `docs/grpc.md` says: tonic decides it above the layer.
#[tokio::test]
async fn an_answer_that_the_client_cannot_use_is_dropped_by_it_and_so_cancelled() {
    let monitor = monitor();
    let client = client(grpc_client("dictionary").monitor(monitor)).await;
    let mut client = client.max_decoding_message_size(3);
    let refused = client.greet(greet("whale")).await;
    assert_eq!(refused.expect_err("too long").code(), Code::OutOfRange);
    assert_eq!(counts(monitor), ["-> dictionary started=1 cancelled=1"]);
}

#[tokio::test]
async fn the_method_is_a_label_if_it_is_asked_for() {
    let monitor = monitor();
    let layer = grpc_client("dictionary").monitor(monitor).label_methods();
    let mut client = client(layer).await;
    client.greet(greet("whale")).await.expect("a greeting");
    let limit = CountRequest { limit: 1 };
    drop(client.count(limit).await.expect("a stream"));
    let snapshot = monitor.snapshot();
    let called = snapshot.methods.iter().filter(|one| one.started == 1);
    let labels: Vec<_> = called
        .map(|one| (&*one.name, &*one.labels[0].name, &*one.labels[0].value))
        .collect();
    assert_eq!(
        labels,
        [
            ("-> dictionary", "grpc_method", "greet.Greeter/Count"),
            ("-> dictionary", "grpc_method", "greet.Greeter/Greet"),
        ]
    );
}

#[tokio::test]
async fn the_current_call_is_the_caller() {
    let monitor = monitor();
    let mut client = client(grpc_client("dictionary")).await;
    let page = monitor.method("Page").expect("a name");
    let serve_page = async {
        let call = page.start();
        let greeting = call.within(client.greet(greet("whale"))).await;
        call.finish(Outcome::Success);
        greeting
    };
    monitor.scope(serve_page).await.expect("a greeting");
    let callers = calls(monitor, "-> dictionary").callers;
    assert_eq!(callers[0].caller.as_deref(), Some("Page"));
}

/// An address at which nothing listens.
async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

fn client_of(channel: Channel, monitor: Monitor) -> GreeterClient<GrpcClientService<Channel>> {
    let layer = grpc_client("dictionary").monitor(monitor);
    GreeterClient::new(layer.layer(channel))
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let monitor = monitor();
    let channel = endpoint(nowhere().await).connect_lazy();
    let away = client_of(channel, monitor).greet(greet("whale")).await;
    assert_eq!(away.expect_err("nothing listens").code(), Code::Unavailable);
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=1 grpc_unavailable=1"]
    );
}

#[tokio::test]
async fn a_time_limit_is_a_failure_wherever_it_is_set() {
    let short = Duration::from_millis(50);
    let monitor = monitor();
    let address = serve().await;
    // The channel's own.
    let channel = endpoint(address).timeout(short).connect_lazy();
    let late = client_of(channel, monitor).greet(greet("wait")).await;
    assert_eq!(late.expect_err("a time limit").code(), Code::Cancelled);
    // That of one call.
    let mut client = client_of(endpoint(address).connect_lazy(), monitor);
    let mut request = Request::new(greet("wait"));
    request.set_timeout(short);
    client.greet(request).await.expect_err("a time limit");
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=2 grpc_deadline_exceeded=2"]
    );
    // The caller's, around all.
    let limited = tokio::time::timeout(short, client.greet(greet("wait")));
    limited.await.expect_err("a time limit");
    wait_for("the drop", || monitor.in_flight() == 0).await;
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=3 cancelled=1 grpc_deadline_exceeded=2"]
    );
}

#[tokio::test]
async fn the_meaning_of_codes_can_be_set() {
    let monitor = monitor();
    let layer = grpc_client("dictionary")
        .monitor(monitor)
        .outcome(|_| CodeOutcome::Success);
    let mut client = client(layer).await;
    client.greet(greet("code 14")).await.expect_err("a code");
    assert_eq!(counts(monitor), ["-> dictionary started=1 ok=1"]);
}

#[tokio::test]
async fn a_code_in_the_head_decides_whatever_the_body_does() {
    let monitor = monitor();
    let silent = |response: http::Response<Body>| {
        let rest = Rest::Silence;
        response.map(|_| Cut {
            message: None,
            rest,
        })
    };
    let layer = ServiceBuilder::new().map_response(silent);
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    let address = serve_routes(Server::builder().layer(layer), routes).await;
    let mut client = client_of(endpoint(address).connect_lazy(), monitor);
    let refused = client.greet(greet("code 5")).await.expect_err("a code");
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=1 grpc_not_found=1"]
    );
}
