//! A relay that replaces the `Accept` header, because not every version of Prometheus can be configured to request text,
//! and one that leaves it and notes what was negotiated.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The requests that passed a relay.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Negotiated>>>);

/// The two headers of one request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Negotiated {
    pub(crate) accept: String,
    pub(crate) content_type: String,
}

impl Seen {
    /// All so far; fails if there are none.
    pub(crate) fn all(&self) -> Vec<Negotiated> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!all.is_empty(), "nothing was scraped");
        all.clone()
    }
}

/// Relays requests to `target`, each over a connection of its own, with this `Accept`. Ends with the process.
pub(crate) fn start(target: SocketAddr, accept: &'static str) -> SocketAddr {
    listen(target, Some(accept)).0
}

/// The same with the client's own `Accept`.
pub(crate) fn observe(target: SocketAddr) -> (SocketAddr, Seen) {
    listen(target, None)
}

fn listen(target: SocketAddr, accept: Option<&'static str>) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let seen = Seen::default();
    let noted = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let noted = noted.clone();
            thread::spawn(move || relay(stream, target, accept, &noted));
        }
    });
    (addr, seen)
}

/// An error closes the connection, which is a failed scrape to the client.
fn relay(
    mut client: TcpStream,
    target: SocketAddr,
    accept: Option<&str>,
    seen: &Seen,
) -> Option<()> {
    let head = read_head(&mut client)?;
    let accept = accept.unwrap_or_else(|| header(&head, "accept"));
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines.retain(|line| {
        !["accept", "connection"]
            .iter()
            .any(|name| is_named(line, name))
    });
    let request = format!(
        "{}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
        lines.join("\r\n")
    );
    let mut server = TcpStream::connect(target).ok()?;
    server.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let negotiated = Negotiated {
        accept: accept.to_owned(),
        content_type: header(&String::from_utf8_lossy(&answer[..end]), "content-type").to_owned(),
    };
    let mut all = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(negotiated);
    drop(all);
    client.write_all(&answer).ok()?;
    client.shutdown(Shutdown::Write).ok()
}

/// The value of a header; empty without it.
fn header<'h>(head: &'h str, name: &str) -> &'h str {
    let line = head.split("\r\n").find(|line| is_named(line, name));
    line.and_then(|line| line.split_once(':'))
        .map_or("", |(_, value)| value.trim())
}

fn is_named(line: &str, name: &str) -> bool {
    line.split(':')
        .next()
        .is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// A request up to the empty line; scrapes have no body.
pub(super) fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
