//! The service of `examples/proto/greet.proto`, whose requests say what is to happen, and a server for it.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use monitor_core::{MetricDesc, Monitor};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt, iter, pending};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tower::Layer;

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated code"
)]
pub(crate) mod pb {
    include!("../../../examples/proto/greet.rs");
}

use pb::greeter_client::GreeterClient;
use pb::greeter_server::Greeter;
pub(crate) use pb::greeter_server::GreeterServer;
use pb::{CountRequest, GreetReply, GreetRequest, Number};

/// The limit of a `Count` that gives 2 numbers and then fails, and a sum that fails.
pub(crate) const FAILS: u64 = 1_001;
/// The limit of a `Count` that gives 1 number and never ends.
pub(crate) const NEVER_ENDS: u64 = 1_002;

/// Answers as it is asked to.
#[derive(Debug)]
pub(crate) struct Obedient(pub(crate) Monitor);

type Numbers = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

fn number(value: u64) -> Number {
    Number { value }
}

#[tonic::async_trait]
impl Greeter for Obedient {
    /// Greets, or does what the name asks for: `code 5`, `panic`, `wait`, `sleep 50` (milliseconds), `load`.
    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetReply>, Status> {
        let name = request.into_inner().name;
        let (word, number) = name.split_once(' ').unwrap_or((&name, ""));
        match word {
            "code" => {
                let code = Code::from_i32(number.parse().expect("a number"));
                return Err(Status::new(code, "as asked for"));
            }
            "panic" => panic!("as asked for"),
            "wait" => std::future::pending().await,
            "sleep" => {
                let time = Duration::from_millis(number.parse().expect("a number"));
                tokio::time::sleep(time).await;
            }
            "load" => {
                let load = self.0.method("Load").expect("a name");
                load.start().finish(monitor_core::Outcome::Success);
            }
            _ => {}
        }
        let text = format!("Hello, {name}");
        Ok(Response::new(GreetReply { text }))
    }

    type CountStream = Numbers;

    async fn count(&self, request: Request<CountRequest>) -> Result<Response<Numbers>, Status> {
        let numbers: Numbers = match request.into_inner().limit {
            FAILS => Box::pin(iter([
                Ok(number(1)),
                Ok(number(2)),
                Err(Status::unavailable("as asked for")),
            ])),
            NEVER_ENDS => Box::pin(iter([Ok(number(1))]).chain(pending())),
            limit => Box::pin(iter((1..=limit).map(|value| Ok(number(value))))),
        };
        Ok(Response::new(numbers))
    }

    async fn sum(&self, request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
        let mut numbers = request.into_inner();
        let mut value = 0;
        while let Some(number) = numbers.message().await? {
            value += number.value;
        }
        if value == FAILS {
            return Err(Status::data_loss("as asked for"));
        }
        Ok(Response::new(Number { value }))
    }

    type EchoStream = Streaming<Number>;

    async fn echo(
        &self,
        request: Request<Streaming<Number>>,
    ) -> Result<Response<Streaming<Number>>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

/// Serves the routes until the test's runtime ends.
pub(crate) async fn serve_routes<L, R>(server: Server<L>, routes: Routes) -> SocketAddr
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<R>> + Clone + Send + 'static,
    <L::Service as Service<http::Request<Body>>>::Future: Send,
    <L::Service as Service<http::Request<Body>>>::Error:
        Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    R: http_body_util::BodyExt<Data = bytes::Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut server = server;
    let serving = server
        .add_routes(routes)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    address
}

/// Makes the methods of the service known, as a program does at its start.
pub(crate) fn name_methods(monitor: Monitor) {
    for method in ["Greet", "Count", "Sum", "Echo"] {
        let name = format!("greet.Greeter/{method}");
        monitor.method(&name).expect("a name");
    }
}

/// Serves [`Obedient`], whose methods are known, under this layer, with tonic's server as it is.
pub(crate) async fn serve(monitor: Monitor, layer: monitor_tower::GrpcLayer) -> SocketAddr {
    name_methods(monitor);
    let routes = Routes::new(GreeterServer::new(Obedient(monitor)));
    serve_routes(Server::builder().layer(layer), routes).await
}

pub(crate) fn endpoint(to: SocketAddr) -> Endpoint {
    Endpoint::new(format!("http://{to}")).expect("an address")
}

pub(crate) async fn client(to: SocketAddr) -> GreeterClient<Channel> {
    GreeterClient::new(endpoint(to).connect().await.expect("the server listens"))
}

pub(crate) fn greet(name: &str) -> GreetRequest {
    let name = name.to_owned();
    GreetRequest { name }
}

/// The messages of a method, as `2 received, 5 sent`.
pub(crate) fn messages(monitor: Monitor, method: &str) -> String {
    let help = "gRPC messages that passed the layers of monitor-tower, by method and direction.";
    let desc = MetricDesc::new("grpc_messages_total", help).labels(["method", "direction"]);
    let counters = monitor.register_counter(desc).expect("the same family");
    let count = |direction| counters.with([method, direction]).get();
    format!("{} received, {} sent", count("received"), count("sent"))
}

/// The rest of a response behind its first message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rest {
    Nothing,
    Error,
    Silence,
}

/// A body that has a message and then this.
pub(crate) struct Cut {
    pub(crate) message: Option<bytes::Bytes>,
    pub(crate) rest: Rest,
}

impl http_body::Body for Cut {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Status>>> {
        Poll::Ready(match (self.message.take(), self.rest) {
            (Some(message), _) => Some(Ok(http_body::Frame::data(message))),
            (None, Rest::Nothing) => None,
            (None, Rest::Silence) => return Poll::Pending,
            (None, Rest::Error) => Some(Err(Status::data_loss("cut"))),
        })
    }
}

/// A service that takes no requests.
#[derive(Debug)]
pub(crate) struct NeverReady;

impl Service<http::Request<Body>> for NeverReady {
    type Response = http::Response<Body>;
    type Error = tower::BoxError;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Err(Status::unavailable("closed").into()))
    }

    fn call(&mut self, _request: http::Request<Body>) -> Self::Future {
        unreachable!("it is never ready")
    }
}
