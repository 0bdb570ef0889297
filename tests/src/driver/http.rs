//! A client for the server's real routes: exact request targets, one connection a request.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use monitor_core::Monitor;
use monitor_server::{MetricServer, MetricServerHandle, MonitorConfig, Profile};

use super::{Driver, Failure};
use crate::observed::Reply;

/// A server of one monitor, and the requests to it.
pub(crate) struct Client {
    server: MetricServerHandle,
}

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

impl Client {
    /// Starts a server for a monitor, on a free port.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub(crate) fn start(monitor: Monitor) -> Result<Self, Failure> {
        let config = MonitorConfig::default()
            .profile(Profile::Servicekit)
            .registry(prometheus::Registry::new());
        let server = MetricServer::with_config(&config, monitor);
        Ok(Self {
            server: server.run_in_thread(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?,
        })
    }

    /// Stops the server.
    pub(crate) fn stop(&self) {
        self.server.shutdown();
    }

    /// Sends GET, and returns the reply and its body.
    pub(crate) fn get(
        &self,
        target: &str,
        headers: &[(String, String)],
    ) -> Result<(Reply, String), Failure> {
        self.send("GET", target, headers)
    }

    fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
    ) -> Result<(Reply, String), Failure> {
        let mut stream = TcpStream::connect(self.server.local_addr())?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        for (name, value) in headers {
            request = request + name + ": " + value + "\r\n";
        }
        stream.write_all((request + "\r\n").as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .ok_or("an answer without an end of its head")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        Ok((
            reply(&head)?,
            String::from_utf8_lossy(&answer[end + 4..]).into_owned(),
        ))
    }
}

fn reply(head: &str) -> Result<Reply, Failure> {
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("an answer without a status")?
        .parse()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |name: &str| headers.get(name).cloned();
    Ok(Reply {
        status,
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        page: None,
    })
}

impl Driver<'_> {
    /// All requests at the end of a case.
    pub(crate) fn ask_all(&self) -> Result<BTreeMap<String, Reply>, Failure> {
        let mut replies = BTreeMap::new();
        for (name, request) in self.case.all_requests() {
            let (mut reply, body) =
                self.client
                    .send(&request.method, &request.target, &request.headers)?;
            if name == "name_filter" || name == "openmetrics" && self.case.full_openmetrics {
                reply.page = Some(self.page(&body));
            }
            replies.insert(name, reply);
        }
        Ok(replies)
    }
}
