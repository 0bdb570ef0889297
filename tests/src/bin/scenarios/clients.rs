//! The clients of an HTTP service: hyper's, and raw sockets for those that leave.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use monitor_server::MonitorServer;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::http::PERMITS;
use crate::{CALLS, Result, WAIT_LIMIT, wait_for_calls};

/// For answers that do not come.
const SHORT_LIMIT: Duration = Duration::from_secs(1);

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// A client that makes a connection for each request, and each request once.
pub(crate) fn http_client() -> HttpClient {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false);
    builder.build_http()
}

/// The views of the clients, equal ones counted: `10 x 200, 10 x 500`.
pub(crate) fn tally(views: impl IntoIterator<Item = String>) -> String {
    let mut counts = BTreeMap::new();
    for view in views {
        *counts.entry(view).or_insert(0) += 1;
    }
    let counts = counts
        .iter()
        .map(|(view, count)| format!("{count} x {view}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// The clients of a scenario.
pub(crate) struct Clients<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) service: SocketAddr,
    pub(crate) server: &'a MonitorServer,
    /// Lets the requests go on that the service holds back.
    pub(crate) release: &'a Semaphore,
    /// Connections of clients that still wait.
    pub(crate) open: Vec<TcpStream>,
}

impl Clients<'_> {
    /// Makes the requests of the scenario, and returns what their clients saw.
    pub(crate) async fn make_requests(&mut self) -> Result<String> {
        Ok(match self.scenario {
            "clients leave before the head"
            | "overload without permits"
            | "overload without permits, cancelled calls count" => {
                self.begin_all("")?.clear();
                format!("{CALLS} x left without an answer")
            }
            "clients leave within the body" => {
                self.begin_all("begun")?.clear();
                format!("{CALLS} x 200, left within the body")
            }
            "clients leave within their own body" => {
                self.begin_uploads()?.clear();
                format!("{CALLS} x left within its request")
            }
            "no request ends" => {
                self.open = self.begin_all("")?;
                format!("{CALLS} x no answer yet")
            }
            "overload with permits, the others are refused"
            | "overload with permits, the others wait" => self.ask_at_once(WAIT_LIMIT).await?,
            "runtime blocked" | "runtime blocked, no handle given" => {
                self.ask_at_once(SHORT_LIMIT).await?
            }
            _ => self.ask_in_turn().await?,
        })
    }

    async fn ask_in_turn(&self) -> Result<String> {
        let mut views = Vec::new();
        for number in 0..CALLS {
            views.push(ask(self.request(number)?, WAIT_LIMIT).await);
        }
        Ok(tally(views))
    }

    /// Lets the service go on when all requests have an answer but those with a permit.
    async fn ask_at_once(&self, limit: Duration) -> Result<String> {
        let requests = (0..CALLS).map(|number| self.request(number));
        let requests = requests.collect::<Result<Vec<_>>>()?.into_iter();
        let mut answers: FuturesUnordered<_> = requests.map(|one| ask(one, limit)).collect();
        let mut views = Vec::new();
        while let Some(view) = answers.next().await {
            views.push(view);
            if answers.len() == PERMITS {
                self.release.add_permits(PERMITS);
            }
        }
        Ok(tally(views))
    }

    /// Waits until the service has all requests, and each client this part of the answer.
    fn begin_all(&self, part: &str) -> Result<Vec<TcpStream>> {
        let streams = (0..CALLS).map(|_| begin(self.service, "/pay", "", part));
        let streams = streams.collect::<io::Result<_>>()?;
        wait_for_calls(self.server, CALLS.into())?;
        Ok(streams)
    }

    /// Waits until the service has a part of each request.
    fn begin_uploads(&self) -> Result<Vec<TcpStream>> {
        let mut streams = Vec::new();
        for _ in 0..CALLS {
            let mut stream = TcpStream::connect(self.service)?;
            write!(
                stream,
                "POST /pay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\na part"
            )?;
            streams.push(stream);
        }
        wait_for_calls(self.server, CALLS.into())?;
        Ok(streams)
    }

    fn request(&self, number: u32) -> Result<Request<Full<Bytes>>> {
        let (verb, path, body) = match self.scenario {
            "extractor refuses" => ("GET", "/pay/much".to_owned(), ""),
            "unknown route" => ("GET", format!("/unknown/{number}"), ""),
            "wrong verb" if number.is_multiple_of(2) => ("DELETE", "/pay".to_owned(), ""),
            "wrong verb" => return request(self.service, &format!("BREW{number}"), "/pay", ""),
            "body too large" => ("POST", "/pay".to_owned(), "a body of some 30 bytes or so"),
            _ => ("GET", "/pay".to_owned(), ""),
        };
        request(self.service, verb, &path, body)
    }
}

pub(crate) fn request(
    service: SocketAddr,
    verb: &str,
    path: &str,
    body: &'static str,
) -> Result<Request<Full<Bytes>>> {
    let request = Request::builder().method(verb);
    let request = request.uri(format!("http://{service}{path}"));
    Ok(request.body(Full::from(body))?)
}

/// The answer to a request as its client sees it: the status, and how the body ended if it broke.
async fn ask(request: Request<Full<Bytes>>, limit: Duration) -> String {
    let answer = async {
        let Ok(response) = http_client().request(request).await else {
            return "no answer".to_owned();
        };
        let status = response.status().as_u16();
        match response.into_body().collect().await {
            Ok(_) => status.to_string(),
            Err(_) => format!("{status}, then a break"),
        }
    };
    let answer = timeout(limit, answer).await;
    answer.unwrap_or_else(|_| "no answer in time".to_owned())
}

/// Sends a request over a connection of its own, with these header lines, and reads until the answer has a part.
pub(crate) fn begin(
    service: SocketAddr,
    path: &str,
    headers: &str,
    part: &str,
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(service)?;
    stream.set_read_timeout(Some(WAIT_LIMIT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
    )?;
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(part) {
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => answer.extend_from_slice(&buffer[..bytes]),
        }
    }
    Ok(stream)
}
