//! The layer for gRPC servers under tonic, with real clients over sockets.
#![cfg(feature = "tonic")]

#[path = "support/greet.rs"]
mod greet;
mod support;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

use greet::pb::{CountRequest, Number};
use greet::{
    Cut, FAILS, GreeterServer, NEVER_ENDS, Obedient, Rest, client, endpoint, greet, messages,
    name_methods, serve, serve_routes,
};
use monitor_core::{Monitor, Outcome};
use monitor_tower::{CodeOutcome, grpc, grpc_client};
use support::{calls, counts, monitor, sum_of, wait_for, wait_for_end};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{StreamExt, once, pending};
use tonic::body::Body;
use tonic::service::{InterceptorLayer, Routes};
use tonic::transport::Server;
use tonic::{Code, Request, Status, Streaming};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceBuilder};

#[tokio::test]
async fn a_unary_call_is_named_by_service_and_method_and_has_the_outcome_of_its_code() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    client.greet(greet("whale")).await.expect("a greeting");
    // 5 is NOT_FOUND, 1 CANCELLED, 14 UNAVAILABLE.
    for code in [5, 1, 14] {
        let refused = client.greet(greet(&format!("code {code}"))).await;
        assert_eq!(refused.expect_err("a code").code(), Code::from_i32(code));
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=4 ok=1 grpc_not_found=1 grpc_cancelled=1 grpc_unavailable=1"]
    );
    let expected = monitor.snapshot().expected;
    assert_eq!(
        expected,
        [("greet.Greeter/Greet".into(), "grpc_not_found".into())]
    );
}

#[tokio::test]
async fn codes_are_failures_or_expected_by_their_meaning() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    client.greet(greet("whale")).await.expect("a greeting");
    for code in 1..=16 {
        let _ = client.greet(greet(&format!("code {code}"))).await;
    }
    wait_for_end(monitor).await;
    let snapshot = monitor.snapshot();
    let expected: Vec<_> = snapshot.expected.iter().map(|(_, name)| &**name).collect();
    let by_meaning = [
        "grpc_aborted",
        "grpc_already_exists",
        "grpc_failed_precondition",
        "grpc_invalid_argument",
        "grpc_not_found",
        "grpc_out_of_range",
        "grpc_permission_denied",
        "grpc_unauthenticated",
    ];
    assert_eq!(expected, by_meaning);
    assert_eq!(calls(monitor, "greet.Greeter/Greet").failure.count(), 16);
}

#[tokio::test]
async fn the_meaning_of_codes_can_be_set() {
    let monitor = monitor();
    let layer = grpc().monitor(monitor).outcome(|code| match code {
        Code::NotFound => CodeOutcome::Success,
        Code::Cancelled => CodeOutcome::Cancelled,
        Code::Unavailable => CodeOutcome::Expected,
        other => CodeOutcome::of_server(other),
    });
    let mut client = client(serve(monitor, layer).await).await;
    for code in [5, 1, 14] {
        let _ = client.greet(greet(&format!("code {code}"))).await;
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=3 ok=1 cancelled=1 grpc_unavailable=1"]
    );
    assert_eq!(monitor.snapshot().expected.len(), 1);
}

#[tokio::test]
async fn a_rule_that_panics_changes_no_answer_and_the_default_meaning_holds() {
    let monitor = monitor();
    let layer = grpc().monitor(monitor).outcome(|_| panic!("as planned"));
    let mut client = client(serve(monitor, layer).await).await;
    client.greet(greet("whale")).await.expect("a greeting");
    let refused = client.greet(greet("code 5")).await;
    assert_eq!(refused.expect_err("a code").code(), Code::NotFound);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=2 ok=1 grpc_not_found=1"]
    );
    assert_eq!(monitor.snapshot().expected.len(), 1);
}

#[tokio::test]
async fn a_stream_of_answers_lasts_until_its_trailers_and_has_their_code() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    let mut numbers = client
        .count(CountRequest { limit: 3 })
        .await
        .expect("a stream")
        .into_inner();
    while numbers.message().await.expect("a number").is_some() {}
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["greet.Greeter/Count started=1 ok=1"]);

    let mut numbers = client
        .count(CountRequest { limit: FAILS })
        .await
        .expect("a stream")
        .into_inner();
    assert!(numbers.message().await.expect("a number").is_some());
    assert!(numbers.message().await.expect("a number").is_some());
    assert_eq!(
        numbers.message().await.expect_err("its end").code(),
        Code::Unavailable
    );
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Count started=2 ok=1 grpc_unavailable=1"]
    );
    assert_eq!(
        messages(monitor, "greet.Greeter/Count"),
        "2 received, 5 sent"
    );
}

#[tokio::test]
async fn streams_of_requests_are_in_flight_until_their_answer_and_their_messages_count() {
    let monitor = monitor();
    // A method that exists has its name from the call's arrival on.
    monitor.method("greet.Greeter/Sum").expect("a name");
    let address = serve(monitor, grpc().monitor(monitor)).await;
    let mut client = client(address).await;
    let (numbers, stream) = mpsc::channel(1);
    let sum = tokio::spawn(async move { client.sum(ReceiverStream::new(stream)).await });
    for value in [2, 3] {
        numbers.send(Number { value }).await.expect("it is read");
    }
    wait_for("two messages", || {
        messages(monitor, "greet.Greeter/Sum") == "2 received, 0 sent"
    })
    .await;
    assert_eq!(counts(monitor), ["greet.Greeter/Sum started=1 in_flight=1"]);
    drop(numbers);
    let sum = sum.await.expect("no panic").expect("a sum");
    assert_eq!(sum.into_inner().value, 5);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["greet.Greeter/Sum started=1 ok=1"]);
    assert_eq!(messages(monitor, "greet.Greeter/Sum"), "2 received, 1 sent");
}

#[tokio::test]
async fn streams_both_ways_last_until_their_trailers() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    let (numbers, stream) = mpsc::channel(1);
    let answers = client
        .echo(ReceiverStream::new(stream))
        .await
        .expect("a stream");
    let mut answers = answers.into_inner();
    for value in 1..=4 {
        numbers.send(Number { value }).await.expect("it is read");
        assert_eq!(
            answers.message().await.expect("a number"),
            Some(Number { value })
        );
    }
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Echo started=1 in_flight=1"]
    );
    let all = messages(monitor, "greet.Greeter/Echo");
    assert_eq!(all, "4 received, 4 sent", "they count as they pass");
    drop(numbers);
    assert_eq!(answers.message().await.expect("the end"), None);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["greet.Greeter/Echo started=1 ok=1"]);
    assert_eq!(
        messages(monitor, "greet.Greeter/Echo"),
        "4 received, 4 sent"
    );
}

#[tokio::test]
async fn sizes_are_those_of_the_messages() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    client.greet(greet("whale")).await.expect("a greeting");
    wait_for_end(monitor).await;
    // A tag, a length and the text.
    let sizes = |name| sum_of(monitor, "greet.Greeter/Greet", name);
    assert_eq!(sizes("request_size"), Some((7.0, 1)));
    assert_eq!(sizes("response_size"), Some((14.0, 1)));
}

/// A server whose methods the monitor does not know.
async fn serve_unnamed(monitor: Monitor) -> SocketAddr {
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    serve_routes(Server::builder().layer(grpc().monitor(monitor)), routes).await
}

#[tokio::test]
async fn a_method_has_its_name_from_its_first_answer_on() {
    let monitor = monitor();
    let mut client = client(serve_unnamed(monitor).await).await;
    client.greet(greet("load")).await.expect("a greeting");
    client.greet(greet("whale")).await.expect("a greeting");
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        [
            "(unmatched) started=1 ok=1",
            "Load started=1 ok=1",
            "greet.Greeter/Greet started=1 ok=1",
        ]
    );
    let callers = calls(monitor, "Load").callers;
    assert_eq!(callers[0].caller.as_deref(), Some("(unmatched)"));
}

#[tokio::test]
async fn a_long_name_is_cut_and_its_unimplemented_method_fails() {
    let monitor = monitor();
    let path = format!("/{}.Service/Method", "x".repeat(120));
    // As a program makes its methods known.
    monitor.method(&path[1..=120]).expect("a name");
    let address = serve(monitor, grpc().monitor(monitor)).await;
    let refused = call_path(address, &path).await;
    assert_eq!(refused.code(), Code::Unimplemented);
    wait_for_end(monitor).await;
    assert_eq!(calls(monitor, &path[1..=120]).failure.count(), 1);
    assert_eq!(monitor.snapshot().expected, []);
}

#[tokio::test]
async fn a_call_of_a_new_method_is_in_flight_before_its_answer() {
    let monitor = monitor();
    let mut client = client(serve_unnamed(monitor).await).await;
    let waiting = tokio::spawn(async move { client.greet(greet("wait")).await });
    wait_for("a call in flight", || monitor.in_flight() == 1).await;
    assert_eq!(counts(monitor), ["(unmatched) started=1 in_flight=1"]);
    waiting.abort();
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["(unmatched) started=1 cancelled=1"]);
}

#[tokio::test]
async fn calls_inside_have_the_request_as_their_caller() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    client.greet(greet("whale")).await.expect("a greeting");
    client.greet(greet("load")).await.expect("a greeting");
    wait_for_end(monitor).await;
    let callers = calls(monitor, "Load").callers;
    assert_eq!(callers[0].caller.as_deref(), Some("greet.Greeter/Greet"));
    assert_eq!(
        calls(monitor, "greet.Greeter/Greet").callers[0].caller,
        None
    );
}

/// The error that a call of a path ends with.
async fn call_path(address: SocketAddr, path: &str) -> Status {
    let channel = endpoint(address).connect().await.expect("it listens");
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.expect("it is connected");
    let codec = tonic_prost::ProstCodec::<Number, Number>::default();
    let path = path.parse().expect("a path");
    let answer = grpc.unary(Request::new(Number { value: 1 }), path, codec);
    answer.await.expect_err("no such method")
}

#[tokio::test]
async fn paths_that_the_server_does_not_have_are_no_names() {
    let monitor = monitor();
    let address = serve(monitor, grpc().monitor(monitor)).await;
    for at in 0..20 {
        for path in [
            format!("/greet.Greeter/Random{at}"),
            format!("/x{at}.Y/Z"),
            format!("/a/b/{at}"),
        ] {
            let refused = call_path(address, &path).await;
            assert_eq!(refused.code(), Code::Unimplemented);
            assert!(monitor.known_method(&path[1..]).is_none());
        }
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["(unmatched) started=60 grpc_unimplemented=60"]
    );
    assert_eq!(
        monitor.snapshot().expected,
        [("(unmatched)".into(), "grpc_unimplemented".into())]
    );
}

#[tokio::test]
async fn a_path_that_an_interceptor_refuses_is_no_name_but_that_of_an_existing_method_is() {
    let monitor = monitor();
    monitor.method("greet.Greeter/Greet").expect("a name");
    let refuse = |_: Request<()>| Err(Status::unauthenticated("no token"));
    let routes = Routes::new(GreeterServer::with_interceptor(Obedient(monitor), refuse));
    let address = serve_routes(Server::builder().layer(grpc().monitor(monitor)), routes).await;
    let mut client = client(address).await;
    let refused = client.greet(greet("whale")).await;
    assert_eq!(refused.expect_err("refused").code(), Code::Unauthenticated);
    let refused = client.count(CountRequest { limit: 1 }).await;
    assert_eq!(refused.expect_err("refused").code(), Code::Unauthenticated);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        [
            "(unmatched) started=1 grpc_unauthenticated=1",
            "greet.Greeter/Greet started=1 grpc_unauthenticated=1",
        ]
    );
}

#[tokio::test]
async fn paths_that_a_layer_in_front_of_the_routes_refuses_are_no_names() {
    for code in [Code::ResourceExhausted, Code::Unavailable] {
        let monitor = monitor();
        let refuse = move |_: Request<()>| Err::<Request<()>, _>(Status::new(code, "slow down"));
        let layer = ServiceBuilder::new()
            .layer(grpc().monitor(monitor))
            .layer(InterceptorLayer::new(refuse));
        let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
        let address = serve_routes(Server::builder().layer(layer), routes).await;
        for at in 0..5 {
            let refused = call_path(address, &format!("/x{at}.Y/Z")).await;
            assert_eq!(refused.code(), code);
        }
        assert!(monitor.known_method("x0.Y/Z").is_none());
        wait_for_end(monitor).await;
        let name = &monitor_core::errors::grpc_type(code.into());
        assert_eq!(counts(monitor), [format!("(unmatched) started=5 {name}=5")]);
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call() {
    let monitor = monitor();
    monitor.method("greet.Greeter/Greet").expect("a name");
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    let mut leaving = client.clone();
    let waiting = tokio::spawn(async move { leaving.greet(greet("wait")).await });
    wait_for("a call in flight", || monitor.in_flight() == 1).await;
    waiting.abort();
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=1 cancelled=1"]
    );

    let numbers = client
        .count(CountRequest { limit: NEVER_ENDS })
        .await
        .expect("a stream");
    let mut numbers = numbers.into_inner();
    assert!(numbers.message().await.expect("a number").is_some());
    assert_eq!(
        counts(monitor)[0],
        "greet.Greeter/Count started=1 in_flight=1"
    );
    drop(numbers);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor)[0],
        "greet.Greeter/Count started=1 cancelled=1"
    );
}

/// A call that sends one number and waits, in a runtime of its own whose end cuts the connection.
fn send_and_wait(address: SocketAddr) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.spawn(async move {
        let numbers = once(Number { value: FAILS }).chain(pending());
        let _ = client(address).await.sum(numbers).await;
    });
    runtime
}

#[tokio::test]
async fn a_client_that_leaves_while_its_stream_is_read_cancels_its_call_whatever_the_handler_answers()
 {
    let monitor = monitor();
    let address = serve(monitor, grpc().monitor(monitor)).await;
    let is_read = || messages(monitor, "greet.Greeter/Sum").starts_with("1 ");
    // The handler gets an error.
    let runtime = send_and_wait(address);
    wait_for("a message", is_read).await;
    runtime.shutdown_background();
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["greet.Greeter/Sum started=1 cancelled=1"]);

    // The handler gets the end of the stream.
    let mut client = client(address).await;
    let mut leaving = client.clone();
    let numbers = once(Number { value: FAILS }).chain(pending());
    let sum = tokio::spawn(async move { leaving.sum(numbers).await });
    let is_read = || messages(monitor, "greet.Greeter/Sum").starts_with("2 ");
    wait_for("a message", is_read).await;
    sum.abort();
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["greet.Greeter/Sum started=2 cancelled=2"]);

    // A client that waits for the answer gets it.
    let failed = client.sum(once(Number { value: FAILS })).await;
    assert_eq!(failed.expect_err("it fails").code(), Code::DataLoss);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Sum started=3 cancelled=2 grpc_data_loss=1"]
    );
}

#[tokio::test]
async fn a_handler_that_panics_is_a_panic_whether_the_call_has_its_name_or_not() {
    let monitor = monitor();
    let mut client = client(serve_unnamed(monitor).await).await;
    client.greet(greet("panic")).await.expect_err("a panic");
    name_methods(monitor);
    client.greet(greet("whale")).await.expect("a greeting");
    client.greet(greet("panic")).await.expect_err("a panic");
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        [
            "(unmatched) started=1 panic=1",
            "greet.Greeter/Greet started=2 ok=1 panic=1"
        ]
    );
}

/// A time of which a client's clock and a server's see the end.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn the_clients_deadline_is_recorded_and_a_call_past_it_is_a_failure() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    let mut request = Request::new(greet("whale"));
    request.set_timeout(Duration::from_secs(100));
    client.greet(request).await.expect("a greeting");
    wait_for_end(monitor).await;
    let (left, calls) =
        sum_of(monitor, "greet.Greeter/Greet", "time_remaining_time").expect("a deadline");
    assert!((50.0..=100.0).contains(&left) && calls == 1, "{left}");

    // Of this time, the request may take a tenth to arrive.
    let mut request = Request::new(greet("wait"));
    request.set_timeout(Duration::from_secs(2));
    client.greet(request).await.expect_err("a time limit");
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=2 ok=1 grpc_deadline_exceeded=1"]
    );
}

#[tokio::test]
async fn tonics_time_limit_is_a_failure_if_the_layer_knows_it() {
    for (layer, outcome) in [
        (grpc(), "cancelled"),
        (grpc().time_limit(SHORT), "grpc_deadline_exceeded"),
    ] {
        let monitor = monitor();
        monitor.method("greet.Greeter/Greet").expect("a name");
        let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
        let server = Server::builder()
            .timeout(SHORT)
            .layer(layer.monitor(monitor));
        let mut client = client(serve_routes(server, routes).await).await;
        let late = client.greet(greet("wait")).await.expect_err("a time limit");
        assert_eq!(
            late.code(),
            Code::Cancelled,
            "tonic's answer to a time limit of its own"
        );
        wait_for_end(monitor).await;
        assert_eq!(
            counts(monitor),
            [format!("greet.Greeter/Greet started=1 {outcome}=1")]
        );
    }
}

#[tokio::test]
async fn a_stream_is_not_under_the_servers_time_limit_when_it_has_begun() {
    let monitor = monitor();
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    let layer = grpc().monitor(monitor).time_limit(Duration::from_nanos(1));
    name_methods(monitor);
    let mut client = client(serve_routes(Server::builder().layer(layer), routes).await).await;
    let numbers = client
        .count(CountRequest { limit: NEVER_ENDS })
        .await
        .expect("a stream");
    drop(numbers);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Count started=1 cancelled=1"]
    );
}

/// Serves numbers that stop after the first.
async fn serve_cut(monitor: Monitor, rest: Rest) -> SocketAddr {
    let cut = move |response: http::Response<Body>| {
        let message = Some(bytes::Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]));
        response.map(|_| Cut { message, rest })
    };
    let layer = ServiceBuilder::new()
        .layer(grpc().monitor(monitor))
        .map_response(cut);
    name_methods(monitor);
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    serve_routes(Server::builder().layer(layer), routes).await
}

async fn read_to_end(mut numbers: Streaming<Number>) -> Result<(), Status> {
    while numbers.message().await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn a_stream_that_stops_without_trailers_or_breaks_is_a_failure() {
    for (rest, seen, outcome) in [
        (Rest::Nothing, Code::Unknown, "grpc_unknown"),
        (Rest::Error, Code::Internal, "grpc_body"),
    ] {
        let monitor = monitor();
        let mut client = client(serve_cut(monitor, rest).await).await;
        // A reset may overtake the head and the first message.
        let end = match client.count(CountRequest { limit: 3 }).await {
            Ok(numbers) => read_to_end(numbers.into_inner()).await,
            Err(status) => Err(status),
        };
        let end = end.expect_err("no trailers");
        assert_eq!(end.code(), seen, "{end}");
        wait_for_end(monitor).await;
        assert_eq!(
            counts(monitor),
            [format!("greet.Greeter/Count started=1 {outcome}=1")]
        );
    }
}

#[tokio::test]
async fn a_response_without_a_code_has_that_of_its_http_status() {
    let monitor = monitor();
    monitor.method("greet.Greeter/Greet").expect("a name");
    let proxy = |_response: http::Response<Body>| {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::BAD_GATEWAY;
        response
    };
    let layer = ServiceBuilder::new()
        .layer(grpc().monitor(monitor))
        .map_response(proxy);
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    let mut client = client(serve_routes(Server::builder().layer(layer), routes).await).await;
    let refused = client.greet(greet("whale")).await.expect_err("a 502");
    assert_eq!(refused.code(), Code::Unavailable);
    let numbers = client.count(CountRequest { limit: 1 }).await;
    let numbers = numbers.expect("a head").into_inner();
    read_to_end(numbers).await.expect_err("a 502");
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        [
            "(unmatched) started=1 grpc_unavailable=1",
            "greet.Greeter/Greet started=1 grpc_unavailable=1",
        ]
    );
}

#[tokio::test]
async fn overload_inside_of_the_layer_is_a_failure() {
    let monitor = monitor();
    monitor.method("greet.Greeter/Greet").expect("a name");
    let layer = ServiceBuilder::new()
        .layer(grpc().monitor(monitor))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1));
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    let mut client = client(serve_routes(Server::builder().layer(layer), routes).await).await;
    let mut other = client.clone();
    let waiting = tokio::spawn(async move { other.greet(greet("wait")).await });
    wait_for("a call in flight", || monitor.in_flight() == 1).await;
    let refused = client.greet(greet("whale")).await.expect_err("overload");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    waiting.abort();
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=2 cancelled=1 grpc_resource_exhausted=1"]
    );
}

#[tokio::test]
async fn towers_time_limit_inside_of_the_layer_is_a_failure() {
    let monitor = monitor();
    monitor.method("greet.Greeter/Greet").expect("a name");
    let layer = ServiceBuilder::new()
        .layer(grpc().monitor(monitor))
        .layer(TimeoutLayer::new(SHORT));
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    let mut client = client(serve_routes(Server::builder().layer(layer), routes).await).await;
    let late = client.greet(greet("wait")).await;
    // tonic does not know this error.
    assert_eq!(late.expect_err("a time limit").code(), Code::Internal);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Greet started=1 grpc_deadline_exceeded=1"]
    );
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_at_its_deadline_has_exceeded_it() {
    let monitor = monitor();
    let mut client = client(serve(monitor, grpc().monitor(monitor)).await).await;
    let mut request = Request::new(CountRequest { limit: NEVER_ENDS });
    request.set_timeout(SHORT);
    let numbers = client.count(request).await.expect("a stream");
    tokio::time::sleep(SHORT).await;
    drop(numbers);
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["greet.Greeter/Count started=1 grpc_deadline_exceeded=1"]
    );
}

#[tokio::test]
async fn a_request_that_is_not_grpc_counts_by_its_http_status_and_gives_no_name() {
    let monitor = monitor();
    name_methods(monitor);
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    let page = axum::routing::get(async || "hello");
    let app = routes.into_axum_router().route("/pages/{id}", page);
    let broken = axum::routing::get(async || http::StatusCode::BAD_GATEWAY);
    let app = app.route("/broken", broken).layer(grpc().monitor(monitor));
    let address = support::serve(app).await;
    for verb in ["GET", "HEAD"] {
        let answer = support::exchange(address, verb, "/pages/1").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // As a browser asks before a call of gRPC-Web. Without a layer for that, tonic answers `INTERNAL`.
    support::exchange(address, "OPTIONS", "/greet.Greeter/Greet").await;
    support::exchange(address, "GET", "/broken").await;
    support::exchange(address, "GET", "/nowhere").await;
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["(unmatched) started=5 ok=2 grpc_internal=1 http_502=1 grpc_unimplemented=1"]
    );
    let expected = monitor.snapshot().expected;
    let expected: Vec<_> = expected.iter().map(|(_, name)| &**name).collect();
    assert_eq!(expected, ["grpc_internal", "grpc_unimplemented"]);
    assert_eq!(
        sum_of(monitor, "(unmatched)", "response_size"),
        Some((5.0, 1))
    );
}

#[tokio::test]
async fn a_service_that_takes_no_requests_is_a_failure() {
    let monitor = monitor();
    let mut server = grpc().monitor(monitor).layer(greet::NeverReady);
    let mut channel = grpc_client("dictionary")
        .monitor(monitor)
        .layer(greet::NeverReady);
    let server =
        poll_fn(|context| Service::<http::Request<Body>>::poll_ready(&mut server, context));
    server.await.expect_err("it is never ready");
    let channel =
        poll_fn(|context| Service::<http::Request<Body>>::poll_ready(&mut channel, context));
    channel.await.expect_err("it is never ready");
    assert_eq!(
        counts(monitor),
        [
            "(unmatched) started=1 grpc_unavailable=1",
            "-> dictionary started=1 grpc_unavailable=1",
        ]
    );
}

/// A service that makes a call while it is asked whether it is ready, and panics.
struct PanicsInReady;

impl Service<http::Request<Body>> for PanicsInReady {
    type Response = http::Response<Body>;
    type Error = std::io::Error;
    type Future = std::future::Pending<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let method = Monitor::current().method("InReady").expect("a name");
        method.start().finish(Outcome::Success);
        panic!("not ready")
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[test]
fn a_panic_of_poll_ready_is_a_failure_and_its_calls_are_in_the_given_monitor() {
    fn panics<S: Service<http::Request<Body>>>(mut service: S) {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let poll = AssertUnwindSafe(|| service.poll_ready(&mut context).is_ready());
        let panic = catch_unwind(poll).expect_err("it goes on");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"not ready"));
    }
    let served = monitor();
    panics(grpc().monitor(served).layer(PanicsInReady));
    let expected = ["(unmatched) started=1 panic=1", "InReady started=1 ok=1"];
    assert_eq!(counts(served), expected);

    let called = monitor();
    panics(
        grpc_client("dictionary")
            .monitor(called)
            .layer(PanicsInReady),
    );
    let expected = ["-> dictionary started=1 panic=1", "InReady started=1 ok=1"];
    assert_eq!(counts(called), expected);
}
