//! A small HTTP/1.1 client for the load: one connection, one request at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one request may take: long enough for clients that wait through an incident.
const PATIENCE: Duration = Duration::from_secs(600);
/// Longest header line and body taken, bytes.
const MAX_ANSWER: u64 = 1 << 22;

/// A request to send.
#[derive(Debug)]
pub(crate) struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: Vec<u8>,
}

impl Request {
    fn head(&self) -> String {
        format!(
            "{} {} HTTP/1.1\r\nhost: textprocessor\r\ncontent-length: {}\r\n\r\n",
            self.method,
            self.path,
            self.body.len()
        )
    }
}

/// Keeps a connection to one server, and makes a new one where the server closed it.
#[derive(Debug)]
pub(crate) struct Client {
    addr: SocketAddr,
    connection: Option<BufStream<TcpStream>>,
}

impl Client {
    /// A client of the server at `addr`; it connects with the first request.
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            connection: None,
        }
    }

    /// Sends a request, reads the answer whole and returns its status code.
    pub(crate) async fn send(&mut self, request: &Request) -> io::Result<u16> {
        timeout(PATIENCE, self.exchange(request)).await?
    }

    /// Sends a request and hangs up without reading the answer.
    pub(crate) async fn hang_up_after(&self, request: &Request) -> io::Result<()> {
        let mut connection = connect(self.addr).await?;
        write(&mut connection, request).await
    }

    /// The connection is kept only once the answer is complete, so a failure or a timeout never leaves a half-read one.
    async fn exchange(&mut self, request: &Request) -> io::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.addr).await?,
        };
        write(&mut connection, request).await?;
        let (status, keep) = read_answer(&mut connection).await?;
        if keep {
            self.connection = Some(connection);
        }
        Ok(status)
    }
}

async fn connect(addr: SocketAddr) -> io::Result<BufStream<TcpStream>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(BufStream::new(stream))
}

async fn write(connection: &mut BufStream<TcpStream>, request: &Request) -> io::Result<()> {
    connection.write_all(request.head().as_bytes()).await?;
    connection.write_all(&request.body).await?;
    connection.flush().await
}

/// The status code, and whether the connection may be used again.
async fn read_answer(connection: &mut BufStream<TcpStream>) -> io::Result<(u16, bool)> {
    let status = status_code(&read_line(connection).await?)?;
    let mut length = 0;
    let mut keep = true;
    loop {
        let line = read_line(connection).await?.to_ascii_lowercase();
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        match name {
            "content-length" => {
                length = value
                    .trim()
                    .parse()
                    .map_err(|_| malformed("content-length"))?;
            }
            "connection" => keep = value.trim() != "close",
            _ => {}
        }
    }
    let read = tokio::io::copy(&mut connection.take(length), &mut tokio::io::sink()).await?;
    if read < length {
        Err(io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok((status, keep))
    }
}

async fn read_line(connection: &mut BufStream<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.take(MAX_ANSWER).read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn status_code(line: &str) -> io::Result<u16> {
    let code = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|code| code.parse().ok());
    code.ok_or_else(|| malformed("status line"))
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read_strictly() {
        assert_eq!(
            status_code("HTTP/1.1 503 Service Unavailable").ok(),
            Some(503)
        );
        assert_eq!(status_code("HTTP/1.1 200").ok(), Some(200));
        assert!(status_code("HTTP/1.1 ok").is_err());
        assert!(status_code("").is_err());
    }
}
