//! A scraper, and a client that can be anything.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A scraper's request, on a connection of its own.
const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) took: Duration,
}

/// A scrape on a new connection, its body whole.
pub(crate) async fn scrape(server: SocketAddr) -> io::Result<Answer> {
    ask(server, SCRAPE).await
}

/// Asks for a path on a new connection.
pub(crate) async fn get(server: SocketAddr, path: &str, headers: &str) -> io::Result<Answer> {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    ask(server, &request).await
}

/// Sends these bytes on a new connection, and reads the answer to its end.
pub(crate) async fn ask(server: SocketAddr, request: &str) -> io::Result<Answer> {
    let begun = Instant::now();
    let answer = timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    });
    let answer = answer.await??;
    let (status, body) = parse(&answer)?;
    Ok(Answer {
        status,
        body,
        took: begun.elapsed(),
    })
}

/// Status and body; an error if the body is cut off.
fn parse(answer: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "no whole answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(bad)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| bad())?;
    let body = answer[end + 4..].to_vec();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    if lengths.next() != Some(body.len()) {
        return Err(bad());
    }
    Ok((status.ok_or_else(bad)?, body))
}

/// The value of a sample on a page.
pub(crate) fn sample(page: &[u8], series: &str) -> Option<f64> {
    let page = std::str::from_utf8(page).ok()?;
    let value = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_none() {
        let answer = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{body}");
        let read = |body: &str| parse(answer(body).as_bytes()).ok();
        assert_eq!(read("abc"), Some((200, b"abc".to_vec())));
        assert_eq!(read("ab"), None);
        assert_eq!(read("abcd"), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_err());
    }

    #[test]
    fn a_sample_is_found_by_its_whole_name() {
        let page = b"x_total 1\nx{a=\"b\"} 2\nx 3\n";
        assert_eq!(sample(page, "x"), Some(3.0));
        assert_eq!(sample(page, "x{a=\"b\"}"), Some(2.0));
        assert_eq!(sample(page, "y"), None);
    }
}
