//! The clients of a gRPC service: tonic's.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use monitor_server::MonitorServer;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::clients::tally;
use crate::grpc::pb::greeter_client::GreeterClient;
use crate::grpc::pb::{CountRequest, GreetReply, GreetRequest};
use crate::http::PERMITS;
use crate::{CALLS, LIMIT, Result, WAIT_LIMIT};

/// The deadline of a client, long enough for each request to arrive within a tenth of it.
const DEADLINE: Duration = Duration::from_secs(2);

pub(crate) fn endpoint(service: SocketAddr) -> Result<Endpoint> {
    Ok(Endpoint::new(format!("http://{service}"))?)
}

/// The clients of a scenario.
pub(crate) struct GrpcClients<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) service: SocketAddr,
    pub(crate) server: &'a MonitorServer,
    /// Lets the requests go on that the service holds back.
    pub(crate) release: &'a Semaphore,
    /// Requests whose clients still wait.
    pub(crate) open: JoinSet<String>,
}

impl GrpcClients<'_> {
    /// Makes the requests of the scenario, and returns what their clients saw.
    pub(crate) async fn make_requests(&mut self) -> Result<String> {
        let channel = endpoint(self.service)?.connect().await?;
        let client = GreeterClient::new(channel.clone());
        Ok(match self.scenario {
            "unknown method" => ask_for_unknown(channel).await?,
            "stream error" | "stream panics" => self.read_streams(&client).await,
            "clients leave within the stream" => self.leave_streams(client).await?,
            "clients leave before the answer" | "overload without permits" => {
                self.leave(&client).await?
            }
            "no request ends" | "no request ends, a new method" => self.wait(&client).await,
            "deadline 100 %" | "overload with permits" => self.ask_at_once(&client).await,
            _ => self.ask_in_turn(&client).await,
        })
    }

    fn request(&self) -> Request<GreetRequest> {
        let name = match self.scenario {
            "message too large" => "a name of more than sixteen bytes",
            _ => "Ishmael",
        };
        let mut request = Request::new(GreetRequest {
            name: name.to_owned(),
        });
        if self.scenario == "deadline 100 %" {
            request.set_timeout(DEADLINE);
        }
        request
    }

    async fn ask_in_turn(&self, client: &GreeterClient<Channel>) -> String {
        let mut views = Vec::new();
        for _ in 0..CALLS {
            views.push(ask(client.clone(), self.request()).await);
        }
        tally(views)
    }

    /// Lets the service go on when all requests have an answer but those with a permit.
    async fn ask_at_once(&self, client: &GreeterClient<Channel>) -> String {
        let requests = (0..CALLS).map(|_| ask(client.clone(), self.request()));
        let mut answers: FuturesUnordered<_> = requests.collect();
        let mut views = Vec::new();
        while let Some(view) = answers.next().await {
            views.push(view);
            if answers.len() == PERMITS {
                self.release.add_permits(PERMITS);
            }
        }
        tally(views)
    }

    /// Cancels all requests when the service has them.
    async fn leave(&self, client: &GreeterClient<Channel>) -> Result<String> {
        let mut requests = JoinSet::new();
        for _ in 0..CALLS {
            requests.spawn(ask(client.clone(), self.request()));
        }
        self.wait_for_calls(CALLS.into()).await?;
        requests.shutdown().await;
        self.wait_for_calls(0).await?;
        Ok(format!("{CALLS} x left without an answer"))
    }

    /// Lets the clients wait for the answers.
    async fn wait(&mut self, client: &GreeterClient<Channel>) -> String {
        for _ in 0..CALLS {
            self.open.spawn(ask(client.clone(), self.request()));
        }
        // No condition: the service may not know of them.
        tokio::time::sleep(DEADLINE).await;
        format!("{CALLS} x no answer yet")
    }

    /// Cancels all streams when each client has a message.
    async fn leave_streams(&self, mut client: GreeterClient<Channel>) -> Result<String> {
        let mut streams = Vec::new();
        for _ in 0..CALLS {
            let mut stream = client.count(CountRequest::default()).await?.into_inner();
            stream.message().await?;
            streams.push(stream);
        }
        drop(streams);
        self.wait_for_calls(0).await?;
        Ok(format!("{CALLS} x left within the stream"))
    }

    async fn read_streams(&self, client: &GreeterClient<Channel>) -> String {
        let mut views = Vec::new();
        for _ in 0..CALLS {
            views.push(read_stream(client.clone(), self.release).await);
        }
        tally(views)
    }

    /// Waits until so many calls are in flight, while the connection goes on; not for ever, as a layer may lose them.
    async fn wait_for_calls(&self, calls: u64) -> Result<()> {
        let reached = async {
            while self.server.monitor().in_flight() != calls {
                tokio::time::sleep(LIMIT).await;
            }
        };
        Ok(timeout(WAIT_LIMIT, reached).await?)
    }
}

/// The code that a client sees.
async fn ask(mut client: GreeterClient<Channel>, request: Request<GreetRequest>) -> String {
    let code = client
        .greet(request)
        .await
        .map_or_else(|it| it.code(), |_| Code::Ok);
    format!("{code:?}")
}

/// Asks for methods that the service does not have, each by another name.
async fn ask_for_unknown(channel: Channel) -> Result<String> {
    let mut client = Grpc::new(channel);
    let mut views = Vec::new();
    for number in 0..CALLS {
        client.ready().await?;
        let path = PathAndQuery::try_from(format!("/greet.Greeter/Unknown{number}"))?;
        let codec = ProstCodec::<GreetRequest, GreetReply>::default();
        let request = Request::new(GreetRequest::default());
        let answer = client.unary(request, path, codec).await;
        views.push(format!(
            "{:?}",
            answer.map_or_else(|it| it.code(), |_| Code::Ok)
        ));
    }
    Ok(tally(views))
}

/// A stream as its client sees it. The service holds its end back until the client has two messages.
async fn read_stream(mut client: GreeterClient<Channel>, release: &Semaphore) -> String {
    let mut messages = 0;
    let end = async {
        let mut stream = client.count(CountRequest::default()).await?.into_inner();
        while stream.message().await?.is_some() {
            messages += 1;
            if messages == 2 {
                release.add_permits(1);
            }
        }
        Ok::<_, Status>(())
    };
    let code = end.await.map_or_else(|it| it.code(), |()| Code::Ok);
    format!("{messages} messages, then {code:?}")
}

/// A client that reads a stream to its end, on a thread of its own.
pub(crate) fn start_client(service: SocketAddr) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let view = runtime.map(|runtime| {
            runtime.block_on(async {
                let client = GreeterClient::connect(format!("http://{service}")).await?;
                // The service does not wait for this client.
                Ok(read_stream(client, &Semaphore::new(0)).await)
            })
        });
        match view {
            Ok(Ok::<_, Error>(view)) => view,
            _ => "no connection".to_owned(),
        }
    })
}
