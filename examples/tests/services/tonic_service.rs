//! The tonic service: what clients see, and what its pages say about it.

#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated code"
)]
mod pb {
    include!("../../proto/greet.rs");
}

use std::time::Duration;

use pb::greeter_client::GreeterClient;
use pb::{CountRequest, GreetRequest, Number};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::process::Service;

async fn channel(service: &Service) -> Channel {
    let endpoint = Endpoint::new(format!("http://{}", service.address)).expect("an address");
    endpoint.connect().await.expect("it listens")
}

async fn greet(client: &mut GreeterClient<Channel>, name: &str) -> Result<String, Code> {
    let name = name.to_owned();
    let reply = client.greet(GreetRequest { name }).await;
    reply
        .map(|reply| reply.into_inner().text)
        .map_err(|status| status.code())
}

/// The numbers of a stream, and the code at its end.
async fn read(mut stream: Streaming<Number>) -> (Vec<u64>, Code) {
    let mut numbers = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(number)) => numbers.push(number.value),
            Ok(None) => return (numbers, Code::Ok),
            Err(status) => return (numbers, status.code()),
        }
    }
}

fn numbers<const N: usize>(values: [u64; N]) -> impl tokio_stream::Stream<Item = Number> {
    tokio_stream::iter(values.map(|value| Number { value }))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_message_are_counted_by_method_and_code() {
    let service = Service::start("tonic_service");
    let channel = channel(&service).await;
    let mut client = GreeterClient::new(channel.clone());
    assert_eq!(
        greet(&mut client, "whale").await.as_deref(),
        Ok("hello, whale")
    );
    assert_eq!(greet(&mut client, "").await, Err(Code::InvalidArgument));
    assert_eq!(greet(&mut client, "nobody").await, Err(Code::NotFound));
    assert_eq!(greet(&mut client, "database").await, Err(Code::Unavailable));
    let mut slow = Request::new(GreetRequest {
        name: "slow".to_owned(),
    });
    slow.set_timeout(Duration::from_millis(200));
    let late = client.greet(slow).await.expect_err("it is too slow");
    assert!(
        matches!(late.code(), Code::Cancelled | Code::DeadlineExceeded),
        "{late}"
    );
    let lost_at = format!("http://{}/lost/property", service.address);
    let mut lost = GreeterClient::with_origin(channel, lost_at.parse().expect("a URI"));
    assert_eq!(greet(&mut lost, "whale").await, Err(Code::Unimplemented));
    service.wait_for_metrics([
        "service_requests_total{method=\"greet.Greeter/Greet\"} 5",
        "service_request_duration_seconds_count{method=\"greet.Greeter/Greet\",status=\"success\"} 1",
        "service_request_errors_total{method=\"greet.Greeter/Greet\",type=\"grpc_invalid_argument\"} 1",
        "service_request_errors_total{method=\"greet.Greeter/Greet\",type=\"grpc_not_found\"} 1",
        "service_request_errors_total{method=\"greet.Greeter/Greet\",type=\"grpc_unavailable\"} 1",
        "service_request_errors_total{method=\"greet.Greeter/Greet\",type=\"grpc_deadline_exceeded\"} 1",
        "service_request_errors_total{method=\"(unmatched)\",type=\"grpc_unimplemented\"} 1",
        // `Names::look_up` is a part of a call: the totals are about calls of clients.
        "service_requests_total{method=\"Names::look_up\"} 5",
        "service_tasks_completed_total 6",
        "service_tasks_in_flight 0",
    ]);
    assert!(!service.page("/metrics").body.contains("property"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_a_call_until_its_end_and_fails_with_its_last_code() {
    let service = Service::start("tonic_service");
    let mut client = GreeterClient::new(channel(&service).await);
    for (limit, expected) in [
        (3, ((1..=3).collect(), Code::Ok)),
        (13, ((1..=12).collect(), Code::Internal)),
    ] {
        let stream = client
            .count(CountRequest { limit })
            .await
            .expect("a stream");
        assert_eq!(read(stream.into_inner()).await, expected);
    }
    let sum = client.sum(numbers([1, 2, 3])).await.expect("a sum");
    assert_eq!(sum.into_inner().value, 6);
    let too_large = client
        .sum(numbers([u64::MAX, 1]))
        .await
        .expect_err("no sum");
    assert_eq!(too_large.code(), Code::OutOfRange);
    let echo = client.echo(numbers([4, 5])).await.expect("a stream");
    assert_eq!(read(echo.into_inner()).await, (vec![4, 5], Code::Ok));
    service.wait_for_metrics([
        "service_request_duration_seconds_count{method=\"greet.Greeter/Count\",status=\"success\"} 1",
        "service_request_errors_total{method=\"greet.Greeter/Count\",type=\"grpc_internal\"} 1",
        "service_request_duration_seconds_count{method=\"greet.Greeter/Sum\",status=\"success\"} 1",
        "service_request_errors_total{method=\"greet.Greeter/Sum\",type=\"grpc_out_of_range\"} 1",
        "service_request_duration_seconds_count{method=\"greet.Greeter/Echo\",status=\"success\"} 1",
    ]);
}

/// An open stream of the method `Echo`, and the end to send numbers with.
async fn open_echo(service: &Service) -> (mpsc::Sender<Number>, Streaming<Number>) {
    let (sender, receiver) = mpsc::channel(1);
    sender.send(Number { value: 7 }).await.expect("open");
    let mut client = GreeterClient::new(channel(service).await);
    let echo = client
        .echo(ReceiverStream::new(receiver))
        .await
        .expect("a stream");
    let mut echo = echo.into_inner();
    let number = echo.message().await.expect("no error").expect("a number");
    assert_eq!(number.value, 7);
    (sender, echo)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_its_stream_has_cancelled_it() {
    let service = Service::start("tonic_service");
    let mut client = GreeterClient::new(channel(&service).await);
    let limit = u64::MAX;
    let stream = client
        .count(CountRequest { limit })
        .await
        .expect("a stream");
    let mut stream = stream.into_inner();
    assert!(stream.message().await.expect("no error").is_some());
    service.wait_for_metric("service_requests_in_flight{method=\"greet.Greeter/Count\"} 1");
    drop(stream);
    service.wait_for_metrics([
        "service_requests_in_flight{method=\"greet.Greeter/Count\"} 0",
        "service_request_errors_total{method=\"greet.Greeter/Count\",type=\"cancelled\"} 1",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_it_stops_and_streams_end_before_the_process() {
    let service = Service::start("tonic_service");
    let mut health = HealthClient::new(channel(&service).await);
    let whole = HealthCheckRequest::default();
    let serving = health.check(whole.clone()).await.expect("an answer");
    assert_eq!(serving.into_inner().status(), ServingStatus::Serving);
    let mut changes = health.watch(whole).await.expect("a stream").into_inner();
    let first = changes
        .message()
        .await
        .expect("no error")
        .expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);
    let (sender, echo) = open_echo(&service).await;

    service.terminate();
    // The same status may come twice: each change of the service's health sends one.
    let mut status = ServingStatus::Serving;
    while status == ServingStatus::Serving {
        let change = changes.message().await.expect("no error");
        status = change.expect("a status").status();
    }
    assert_eq!(status, ServingStatus::NotServing);
    sender.send(Number { value: 8 }).await.expect("it reads");
    drop(sender);
    assert_eq!(read(echo).await, (vec![8], Code::Ok));
    // A client that watches has no reason to leave.
    while let Ok(Some(again)) = changes.message().await {
        assert_eq!(again.status(), ServingStatus::NotServing);
    }
    assert!(service.wait().success());
}
