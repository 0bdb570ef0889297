//! A relay that replaces the `Accept` header, because not every version of Prometheus can be configured to request text.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Relays requests to `target`, each over a connection of its own, with this `Accept`. Ends with the process.
pub(crate) fn start(target: SocketAddr, accept: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || relay(stream, target, accept));
        }
    });
    addr
}

/// An error closes the connection, which is a failed scrape to the client.
fn relay(mut client: TcpStream, target: SocketAddr, accept: &str) -> Option<()> {
    let head = read_head(&mut client)?;
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    let is_ours = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        ["accept", "connection"].contains(&name.to_ascii_lowercase().as_str())
    };
    lines.retain(|line| !is_ours(line));
    let head = format!(
        "{}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
        lines.join("\r\n")
    );
    let mut server = TcpStream::connect(target).ok()?;
    server.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    client.write_all(&answer).ok()?;
    client.shutdown(Shutdown::Write).ok()
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
