//! What is answered before the HTTP library is there, to clients that speak a protocol which this port does not.

use std::io;

use tokio::io::AsyncWriteExt;

use crate::listener::Stream;

/// How a client of HTTP/2 begins, which knows that its server speaks it.
const HTTP_2: &[u8] = b"PRI * HTTP/2";

/// Which protocol a client should have spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Tls,
    Http1,
}

impl Refusal {
    /// Of a connection to a port that speaks TLS, by the first bytes that arrived: a TLS record begins with a byte from 20 to 23,
    /// and no text does.
    pub(super) fn of_tls(first: &[u8]) -> Option<Self> {
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        first.first().is_some_and(is_text).then_some(Self::Tls)
    }

    /// Of what should be the head of a request.
    pub(super) fn of_head(head: &[u8]) -> Option<Self> {
        head.starts_with(HTTP_2).then_some(Self::Http1)
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Tls => "this port speaks TLS: use https\n",
            Self::Http1 => "this port speaks HTTP/1.1 only\n",
        }
    }

    /// Answers 400, in plain HTTP/1.1, and closes.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub(super) async fn send(self, stream: &mut Box<dyn Stream>, head: &[u8]) -> io::Result<()> {
        let body = self.body();
        let mut answer = format!(
            "HTTP/1.1 400 Bad Request\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Cache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        if !head.trim_ascii_start().starts_with(b"HEAD ") {
            answer.push_str(body);
        }
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}
