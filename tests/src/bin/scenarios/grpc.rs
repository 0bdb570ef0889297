//! A gRPC service: tonic under `monitor_tower::grpc()`.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, StreamExt};
use monitor_server::MonitorConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, Service, http};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Layer, ServiceBuilder};

use crate::grpc_clients::{self, GrpcClients, endpoint};
use crate::http::{BRIEF, NOWHERE, PERMITS};
use crate::http_stops::wait_for_stop;
use crate::stops;
use crate::{
    BASE, LIMIT, Result, run_clients, say_address, service_runtime, wait_for_input,
    wait_until_counted,
};

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated code"
)]
pub(crate) mod pb {
    include!("../../../../examples/proto/greet.rs");
}

use pb::greeter_client::GreeterClient;
use pb::greeter_server::{Greeter, GreeterServer};
use pb::{CountRequest, GreetReply, GreetRequest, Number};

/// Bytes of the largest message that the service takes, where it limits them.
const MESSAGE_LIMIT: usize = 16;

const STOPPING_STREAM: &str = "gRPC stream that ends at a stop, SIGTERM";

type Numbers = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

/// Runs the service until its input ends.
pub(crate) fn run(name: &str) -> Result<()> {
    let runtime = service_runtime()?;
    let marks = match name {
        "dependency comes back without traffic" => BRIEF,
        _ => "",
    };
    let server = monitor_server::run(MonitorConfig::from_yaml(&format!("{BASE}{marks}"))?)?;
    if !name.ends_with(", a new method") {
        for method in ["greet.Greeter/Greet", "greet.Greeter/Count"] {
            server.monitor().method(method)?;
        }
    }
    let release = Arc::new(Semaphore::new(0));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let mut clients = GrpcClients {
        scenario: name,
        service: listener.local_addr()?,
        server: &server,
        release: &release,
        open: JoinSet::new(),
    };
    runtime.spawn(serve(
        name.to_owned(),
        listener,
        service(name, Arc::clone(&release))?,
    ));
    let _clients = run_clients(clients.make_requests())?;
    wait_until_counted();
    say_address(&server)?;
    wait_for_input()?;
    Ok(())
}

/// Runs a service with an endless stream, or one that ends at a stop, until it has stopped; true if it did so in order.
pub(crate) fn run_until_stop(name: &str) -> Result<bool> {
    let runtime = service_runtime()?;
    let server = monitor_server::run(MonitorConfig::from_yaml(BASE)?)?;
    server.monitor().method("greet.Greeter/Count")?;
    let release = Arc::new(Semaphore::new(0));
    let routes = service(name, Arc::clone(&release))?;
    let stopped = server.clone();
    runtime.spawn(async move {
        wait_for_stop(stopped).await;
        release.add_permits(1);
    });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let client = grpc_clients::start_client(listener.local_addr()?);
    let incoming = {
        let _context = runtime.enter();
        TcpListenerStream::new(listener)
    };
    let serving = Server::builder()
        .layer(monitor_tower::grpc())
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, server.stopping());
    stops::serve(&server, runtime, serving, client)
}

/// The service of a scenario.
fn service(name: &str, release: Arc<Semaphore>) -> Result<Routes> {
    let answer = match name {
        "all well"
        | "unknown method"
        | "message too large"
        | "stream error"
        | "stream panics"
        | "clients leave within the stream"
        | "gRPC stream, SIGTERM"
        | STOPPING_STREAM => Answer::Reply,
        "dependency down" | "dependency comes back without traffic" => Answer::AskDictionary,
        "half failing" => Answer::HalfErrors,
        "unary error" => Answer::Error(Code::Internal),
        "error about the request" => Answer::Error(Code::NotFound),
        "overload with permits" => Answer::WaitForRelease,
        "handler panics" | "handler panics, a new method" => Answer::Panic,
        "deadline 100 %"
        | "time limit 100 %, tonic's"
        | "time limit 100 %, tonic's, the layer not told"
        | "time limit 100 %, tower's"
        | "overload without permits"
        | "no request ends"
        | "no request ends, a new method"
        | "clients leave before the answer" => Answer::Hang,
        _ => return Err(format!("no scenario `{name}`").into()),
    };
    let rest = match name {
        "stream error" => StreamEnd::Error,
        "stream panics" => StreamEnd::Panic,
        STOPPING_STREAM => StreamEnd::Message,
        _ => StreamEnd::Never,
    };
    let service = GreeterServer::new(GreetService {
        answer,
        rest,
        release,
    });
    Ok(Routes::new(
        service.max_decoding_message_size(MESSAGE_LIMIT),
    ))
}

/// Serves under the layer, beside the limits of a scenario.
async fn serve(name: String, listener: TcpListener, routes: Routes) -> Result<(), BoxError> {
    let recorded = monitor_tower::grpc();
    let server = Server::builder();
    match &*name {
        "time limit 100 %, tonic's" => {
            let server = server.timeout(LIMIT).layer(recorded.time_limit(LIMIT));
            serve_with(server, listener, routes).await
        }
        "time limit 100 %, tonic's, the layer not told" => {
            serve_with(server.timeout(LIMIT).layer(recorded), listener, routes).await
        }
        "time limit 100 %, tower's" => {
            let limited = ServiceBuilder::new()
                .layer(recorded)
                .layer(TimeoutLayer::new(LIMIT));
            serve_with(server.layer(limited.into_inner()), listener, routes).await
        }
        "overload with permits" => {
            let limited = ServiceBuilder::new()
                .layer(recorded)
                .layer(LoadShedLayer::new())
                .layer(GlobalConcurrencyLimitLayer::new(PERMITS));
            serve_with(server.layer(limited.into_inner()), listener, routes).await
        }
        _ => serve_with(server.layer(recorded), listener, routes).await,
    }
}

async fn serve_with<L, B>(
    mut server: Server<L>,
    listener: TcpListener,
    routes: Routes,
) -> Result<(), BoxError>
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
    <L::Service as Service<http::Request<Body>>>::Future: Send,
    <L::Service as Service<http::Request<Body>>>::Error: Into<BoxError> + Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let incoming = TcpListenerStream::new(listener);
    server
        .add_routes(routes)
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

/// The end of a unary request.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Reply,
    Error(Code),
    /// An error of each second one.
    HalfErrors,
    AskDictionary,
    /// A reply, when the clients let it go on.
    WaitForRelease,
    Hang,
    Panic,
}

/// The end of a stream behind two messages, when the client or the stop lets it come.
#[derive(Debug, Clone, Copy)]
enum StreamEnd {
    Error,
    Panic,
    /// A last message.
    Message,
    Never,
}

#[derive(Debug)]
struct GreetService {
    answer: Answer,
    rest: StreamEnd,
    release: Arc<Semaphore>,
}

#[tonic::async_trait]
impl Greeter for GreetService {
    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetReply>, Status> {
        let name = request.into_inner().name;
        match self.answer {
            Answer::Reply => {}
            Answer::Error(code) => return Err(Status::new(code, "refused")),
            Answer::HalfErrors => fail_each_second()?,
            Answer::AskDictionary => return ask_dictionary(name).await,
            Answer::WaitForRelease => wait_for(&self.release).await,
            Answer::Hang => pending().await,
            Answer::Panic => panic!("no such greeting"),
        }
        let text = format!("Hello, {name}");
        Ok(Response::new(GreetReply { text }))
    }

    type CountStream = Numbers;

    async fn count(&self, _request: Request<CountRequest>) -> Result<Response<Numbers>, Status> {
        let (rest, release) = (self.rest, Arc::clone(&self.release));
        let rest = async move {
            // The client has the messages then: a panic loses those that are not sent.
            wait_for(&release).await;
            match rest {
                StreamEnd::Error => Err(Status::unavailable("the numbers are gone")),
                StreamEnd::Panic => panic!("no such number"),
                StreamEnd::Message => Ok(Number { value: 3 }),
                StreamEnd::Never => pending().await,
            }
        };
        let numbers = stream::iter([1, 2]).map(|value| Ok(Number { value }));
        Ok(Response::new(numbers.chain(stream::once(rest)).boxed()))
    }

    async fn sum(&self, _request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
        Err(Status::unimplemented("no scenario"))
    }

    type EchoStream = Numbers;

    async fn echo(
        &self,
        _request: Request<Streaming<Number>>,
    ) -> Result<Response<Numbers>, Status> {
        Err(Status::unimplemented("no scenario"))
    }
}

async fn wait_for(release: &Semaphore) {
    // An error is a semaphore that was closed: no reason to wait.
    if let Ok(permit) = release.acquire().await {
        permit.forget();
    }
}

fn fail_each_second() -> Result<(), Status> {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    if number.is_multiple_of(2) {
        Ok(())
    } else {
        Err(Status::internal("each second one"))
    }
}

/// The answer of a service that does not listen.
async fn ask_dictionary(name: String) -> Result<Response<GreetReply>, Status> {
    let endpoint = endpoint(NOWHERE).map_err(|_| Status::internal("no address"))?;
    let channel = monitor_tower::grpc_client("dictionary").layer(endpoint.connect_lazy());
    GreeterClient::new(channel)
        .greet(GreetRequest { name })
        .await
}
