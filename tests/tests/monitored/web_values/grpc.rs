//! gRPC codes in an `Err`, and responses with a stream: the call ends with the stream.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use monitor_core::testing::{self, Recorder, call};
use monitor_core::{MonitorError, monitored};
use tonic::{Code, Request, Response, Status};

use super::outcome;
use crate::drive::{collect, items, next, pause, poll, ready};

#[monitored]
async fn greet(code: Code) -> Result<Response<u8>, Status> {
    pause().await;
    if code == Code::Ok {
        return Ok(Response::new(1));
    }
    Err(Status::new(code, "text"))
}

#[monitored]
fn boxed_status(code: Code) -> Result<(), Box<Status>> {
    Err(Box::new(Status::new(code, "text")))
}

#[monitored]
async fn plain(code: Code) -> Result<u8, Status> {
    Err(Status::new(code, "unavailable"))
}

#[test]
fn the_code_decides() {
    for (code, expected) in [
        (Code::Unavailable, "grpc_unavailable"),
        (Code::DeadlineExceeded, "grpc_deadline_exceeded"),
        (Code::NotFound, "grpc_not_found expected"),
        (Code::Aborted, "grpc_aborted expected"),
        (Code::Cancelled, "grpc_cancelled"),
    ] {
        assert_eq!(outcome(|| ready(greet(code))), expected);
        assert_eq!(outcome(|| boxed_status(code)), expected);
        assert_eq!(outcome(|| ready(plain(code))), expected);
    }
    assert_eq!(outcome(|| ready(greet(Code::Ok))), "success");
    assert_eq!(
        outcome(|| boxed_status(Code::Ok)),
        "grpc_unknown",
        "an `Err` is no success"
    );
}

// The call ends with the response: a future that goes on in the stream is no `Unpin` one.
#[monitored]
fn unpin(code: Code) -> impl Future<Output = Result<Response<u8>, Status>> + Unpin {
    std::future::ready(Err(Status::new(code, "text")))
}

#[test]
fn a_future_that_has_to_be_unpin_is() {
    assert_eq!(outcome(|| ready(unpin(Code::Internal))), "grpc_internal");
}

#[derive(Debug, thiserror::Error, MonitorError)]
#[error("the database is away")]
#[monitor(error_type = "db_away")]
struct DatabaseAway;

#[monitored]
fn made_of_an_error() -> Result<(), Status> {
    Err(Status::from_error(Box::new(DatabaseAway)))
}

#[monitored(expected("grpc_unavailable"))]
fn expects_unavailable() -> Result<(), Status> {
    Err(Status::unavailable("text"))
}

#[monitored(error_if = Result::is_err)]
fn all_errors_fail() -> Result<(), Status> {
    Err(Status::not_found("text"))
}

#[monitored(error_type = "mine")]
fn named() -> Result<(), Status> {
    Err(Status::internal("text"))
}

#[test]
fn a_named_type_and_the_arguments_of_the_attribute_have_priority() {
    assert_eq!(outcome(made_of_an_error), "db_away");
    assert_eq!(outcome(expects_unavailable), "grpc_unavailable expected");
    assert_eq!(outcome(all_errors_fail), "grpc_not_found");
    assert_eq!(outcome(named), "mine");
}

type Item = Result<u8, Status>;
type Boxed = Pin<Box<dyn Stream<Item = Item> + Send>>;

fn boxed(list: Vec<Item>) -> Response<Boxed> {
    Response::new(Box::pin(items(list)))
}

#[monitored]
async fn count(list: Vec<Item>) -> Result<Response<Boxed>, Status> {
    Ok(boxed(list))
}

#[monitored]
async fn count_and_wait(list: Vec<Item>) -> Result<Response<Boxed>, Status> {
    if list.is_empty() {
        return Err(Status::invalid_argument("nothing to count"));
    }
    pause().await;
    Ok(boxed(list))
}

#[monitored]
async fn count_early(list: Vec<Item>) -> tonic::Result<Response<Boxed>> {
    if list.len() == 1 {
        return Ok(boxed(list));
    }
    Ok(boxed(list))
}

#[monitored(labels(empty = list.is_empty()), request_size = list.len())]
async fn count_labelled(list: Vec<Item>) -> Result<Response<Boxed>, Status> {
    let early = list.is_empty();
    if early {
        return Err(Status::invalid_argument("nothing to count"));
    }
    pause().await;
    Ok(boxed(list))
}

#[monitored(max_concurrency = 8, call = call)]
async fn count_with_its_call(list: Vec<Item>) -> Result<Response<Boxed>, Status> {
    call.observe("wanted", 1.0);
    Ok(boxed(list))
}

#[monitored]
fn count_boxed(list: Vec<Item>) -> BoxFuture<'static, Result<Response<Boxed>, Status>> {
    let response = boxed(list);
    Box::pin(async move {
        pause().await;
        Ok(response)
    })
}

#[monitored]
fn count_elsewhere(list: Vec<Item>) -> BoxFuture<'static, Result<Response<Boxed>, Status>> {
    Box::pin(std::future::ready(Ok(boxed(list))))
}

#[monitored]
fn count_in_a_block(list: Vec<Item>) -> BoxFuture<'static, Result<Response<Boxed>, Status>> {
    Box::pin(async move { Ok(boxed(list)) })
}

#[monitored]
async fn count_opaque(
    list: Vec<Item>,
) -> Result<Response<impl Stream<Item = Item> + Send + Unpin>, Status> {
    if list.is_empty() {
        return Err(Status::invalid_argument("nothing to count"));
    }
    pause().await;
    Ok(Response::new(items(list)))
}

#[monitored]
async fn count_opaque_in_place(
    list: Vec<Item>,
) -> Result<Response<impl Stream<Item = Item> + Unpin>, Status> {
    Ok(Response::new(items(list)))
}

#[tonic::async_trait]
trait Counter {
    type CountStream: Stream<Item = Item> + Send + 'static;

    async fn count(
        &self,
        request: Request<Vec<Item>>,
    ) -> Result<Response<Self::CountStream>, Status>;
}

struct Service;

#[tonic::async_trait]
impl Counter for Service {
    type CountStream = Boxed;

    #[monitored(method = "Count")]
    async fn count(
        &self,
        request: Request<Vec<Item>>,
    ) -> Result<Response<Self::CountStream>, Status> {
        pause().await;
        Ok(boxed(request.into_inner()))
    }
}

struct BlockService;

#[monitored]
#[tonic::async_trait]
impl Counter for BlockService {
    type CountStream = Boxed;

    async fn count(
        &self,
        request: Request<Vec<Item>>,
    ) -> Result<Response<Self::CountStream>, Status> {
        Ok(boxed(request.into_inner()))
    }
}

/// Each function that returns a response with a boxed stream, with its name.
macro_rules! each {
    (|$name:ident, $count:ident| $check:block) => {
        each!(@one $name $count $check, "count", count);
        each!(@one $name $count $check, "count_and_wait", count_and_wait);
        each!(@one $name $count $check, "count_early", count_early);
        each!(@one $name $count $check, "count_with_its_call", count_with_its_call);
        each!(@one $name $count $check, "count_boxed", count_boxed);
        each!(@one $name $count $check, "count_elsewhere", count_elsewhere);
        each!(@one $name $count $check, "count_in_a_block", count_in_a_block);
        each!(@one $name $count $check, "count_opaque", count_opaque);
        each!(@one $name $count $check, "count_opaque_in_place", count_opaque_in_place);
        each!(@one $name $count $check, "Count", |list| async { Service.count(Request::new(list)).await });
        each!(@one $name $count $check, "BlockService::count", |list| async { BlockService.count(Request::new(list)).await });
    };
    (@one $name:ident $count:ident $check:block, $text:expr, $function:expr) => {{
        let ($name, made) = ($text, $function);
        let $count = |list: Vec<Item>| ready(made(list)).expect("a response").into_inner();
        $check
    }};
}

#[test]
fn a_call_lasts_until_the_stream_in_its_response_ends() {
    each!(|name, count| {
        let probe = Recorder::new();
        let mut stream = probe.scope_sync(|| count(vec![Ok(1), Ok(2)]));
        probe.recorded().assert_includes([call(name).in_flight()]);
        assert_eq!(next(&mut stream).map(Result::ok), Some(Some(1)));
        probe
            .recorded()
            .assert_includes([call(name).in_flight(), call(name).items(1)]);
        assert_eq!(collect(stream).len(), 1);
        probe
            .recorded()
            .assert_includes([call(name).success(), call(name).items(2)]);
        assert_eq!(probe.recorded().snapshot().tasks.in_flight, 0);
    });
}

#[test]
fn an_error_in_the_stream_is_the_failure_of_the_call() {
    each!(|name, count| {
        let (_, recorded) = testing::record(|| {
            let mut stream = count(vec![Ok(1), Err(Status::data_loss("text"))]);
            next(&mut stream);
            next(&mut stream);
            // A client leaves a stream at an error.
            drop(stream);
        });
        recorded.assert_includes([
            call(name).failure("grpc_data_loss"),
            call(name).items(1),
            call(name).failed_items(1),
        ]);
        assert!(recorded.task(name).is_some(), "it counts for health");
    });
}

#[test]
fn a_stream_that_its_client_leaves_is_cancelled() {
    each!(|name, count| {
        let (_, recorded) = testing::record(|| {
            let mut stream = count(vec![Ok(1), Ok(2)]);
            next(&mut stream);
        });
        recorded.assert_includes([call(name).cancelled(), call(name).items(1)]);
        let (_, recorded) = testing::record(|| drop(count(vec![Ok(1)])));
        recorded.assert_includes([call(name).cancelled()]);
    });
}

#[test]
fn a_call_that_fails_before_there_is_a_stream_ends_there() {
    assert_eq!(
        outcome(|| ready(count_and_wait(Vec::new())).is_ok()),
        "grpc_invalid_argument expected"
    );
    let (_, recorded) = testing::record(|| ready(count_labelled(Vec::new())).is_ok());
    recorded.assert_exactly([
        call("count_labelled")
            .label("empty", "true")
            .failure("grpc_invalid_argument"),
        call("count_labelled")
            .label("empty", "true")
            .request_size(0),
    ]);
    let (_, recorded) = testing::record(|| drop(Box::pin(count_and_wait(vec![Ok(1)]))));
    recorded.assert_nothing();
    let (_, recorded) = testing::record(|| {
        let mut future = Box::pin(count_and_wait(vec![Ok(1)]));
        assert!(poll(future.as_mut()).is_pending());
    });
    recorded.assert_exactly([call("count_and_wait").cancelled()]);
}

#[test]
fn a_stream_of_a_call_with_labels_and_sizes_goes_on() {
    let (_, recorded) = testing::record(|| {
        let response = ready(count_labelled(vec![Ok(1), Ok(2)])).expect("a response");
        assert_eq!(collect(response.into_inner()).len(), 2);
    });
    let counted = || call("count_labelled").label("empty", "false");
    recorded.assert_exactly([
        counted().success(),
        counted().items(2),
        counted().request_size(2),
    ]);
}

type Local = Pin<Box<dyn Stream<Item = Item>>>;
type Shared = Pin<Box<dyn Stream<Item = Item> + Send + Sync>>;

#[monitored]
async fn local(list: Vec<Item>) -> Result<Response<Local>, Status> {
    Ok(Response::new(Box::pin(items(list))))
}

#[monitored]
async fn shared(list: Vec<Item>) -> Result<Response<Shared>, Status> {
    Ok(Response::new(Box::pin(items(list))))
}

#[monitored]
async fn borrowing(list: &[u8]) -> Result<Response<BoxStream<'_, Item>>, Status> {
    let items = items(list.iter().map(|one| Ok(*one)));
    Ok(Response::new(Box::pin(items)))
}

#[test]
fn the_box_may_be_of_one_thread_shared_or_borrow() {
    let two = || vec![Ok(1), Ok(2)];
    let (_, recorded) = testing::record(|| {
        assert_eq!(
            collect(ready(local(two())).expect("a response").into_inner()).len(),
            2
        );
        assert_eq!(
            collect(ready(shared(two())).expect("a response").into_inner()).len(),
            2
        );
        assert_eq!(
            collect(ready(borrowing(&[1, 2])).expect("a response").into_inner()).len(),
            2
        );
    });
    recorded.assert_exactly(
        ["local", "shared", "borrowing"]
            .into_iter()
            .flat_map(|name| [call(name).success(), call(name).items(2)]),
    );
}

/// A named type, as `ReceiverStream` is.
type Named = futures_util::stream::Iter<std::vec::IntoIter<Item>>;

#[monitored]
async fn named_stream(list: Vec<Item>) -> Result<Response<Named>, Status> {
    Ok(Response::new(futures_util::stream::iter(list)))
}

#[monitored]
async fn opaque_messages(list: Vec<u8>) -> Result<Response<impl Stream<Item = u8>>, Status> {
    pause().await;
    Ok(Response::new(items(list)))
}

#[monitored]
async fn message(list: Arc<[u8]>) -> Result<Response<Arc<[u8]>>, Status> {
    pause().await;
    Ok(Response::new(list))
}

#[test]
fn a_call_ends_with_its_response_where_no_boxed_stream_is_in_it() {
    assert_eq!(
        outcome(|| ready(named_stream(vec![Ok(1)])).is_ok()),
        "success"
    );
    assert_eq!(
        outcome(|| ready(opaque_messages(vec![1])).is_ok()),
        "success",
        "its items are none of gRPC"
    );
    assert_eq!(
        outcome(|| ready(message(Arc::from([1]))).is_ok()),
        "success"
    );
}

#[monitored(ok_if = |_| true)]
async fn never_fails(list: Vec<Item>) -> Result<Response<Boxed>, Status> {
    pause().await;
    if list.is_empty() {
        return Err(Status::internal("text"));
    }
    Ok(boxed(list))
}

#[monitored(error_if = |_| true)]
async fn always_fails(list: Vec<Item>) -> Result<Response<Boxed>, Status> {
    Ok(boxed(list))
}

#[monitored(error_if = |_| true)]
async fn opaque_and_always_fails(
    list: Vec<Item>,
) -> Result<Response<impl Stream<Item = Item>>, Status> {
    Ok(Response::new(items(list)))
}

#[test]
fn an_argument_that_decides_on_the_response_ends_the_call_or_leaves_it_to_the_stream() {
    assert_eq!(
        outcome(|| ready(never_fails(Vec::new())).is_ok()),
        "success"
    );
    assert_eq!(
        outcome(|| collect(
            ready(never_fails(vec![Ok(1)]))
                .expect("a response")
                .into_inner()
        )),
        "success"
    );
    let still_there = || {
        let response = ready(opaque_and_always_fails(vec![Ok(1), Ok(2)]));
        assert_eq!(collect(response.expect("a response").into_inner()).len(), 2);
    };
    assert_eq!(outcome(still_there), "other");
    assert_eq!(
        outcome(|| ready(always_fails(vec![Ok(1)])).is_ok()),
        "other"
    );
}
