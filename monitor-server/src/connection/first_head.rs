//! The head of a connection's first request, read before the HTTP library is there.
//!
//! The library takes some 20 KiB for a connection from its beginning, so a crowd of clients that send nothing, or
//! little, would cost megabytes. Here a connection costs the bytes that it sent, and 64 at least. The price is that the
//! first head is parsed twice; the bytes that were read are handed on, and the library alone judges them.

use std::io;

use httparse::{EMPTY_HEADER, Request, Status};
use tokio::io::AsyncReadExt;

use super::Stream;
use crate::config::Limits;

/// Reads until the HTTP library has something to answer to: a whole head, or none, or one that is too long. False if
/// the client leaves before. `head` then is all that was read; so it is if this is dropped.
///
/// # Errors
///
/// The connection broke.
pub(super) async fn read(
    stream: &mut Box<dyn Stream>,
    head: &mut Vec<u8>,
    limits: &Limits,
) -> io::Result<bool> {
    // The bytes that are there already may be all of it.
    let mut before = 0;
    while !is_ready(head, before, limits) {
        before = head.len();
        if stream.read_buf(head).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// True if the HTTP library has something to answer to; so many bytes were looked at before.
fn is_ready(head: &[u8], before: usize, limits: &Limits) -> bool {
    let new = &head[before..];
    // Only a new line can end a head or be a wrong one; but bytes that are no text at all show at once.
    let is_worth_a_look = (before == 0 && !new.is_empty()) || new.contains(&b'\n');
    let is_full = head.len() >= limits.max_header_bytes;
    is_full || (is_worth_a_look && is_decided(head, limits.max_headers))
}

/// True if more bytes would not change how the HTTP library reads these.
fn is_decided(head: &[u8], most_lines: usize) -> bool {
    let mut headers = vec![EMPTY_HEADER; most_lines];
    let parsed = Request::new(&mut headers).parse(head);
    !matches!(parsed, Ok(Status::Partial))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// The bytes that were read, and how it ended, of parts that come one after the other.
    async fn of(parts: &[&[u8]], most: usize) -> (Vec<u8>, bool) {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let mut stream: Box<dyn Stream> = Box::new(server);
        let mut head = Vec::new();
        let sent = async {
            for part in parts {
                client.write_all(part).await.expect("room");
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let limits = Limits::default().max_header_bytes(most).max_headers(100);
        let (first, ()) = tokio::join!(read(&mut stream, &mut head, &limits), sent);
        (head, first.expect("memory does not break"))
    }

    #[tokio::test]
    async fn a_head_may_come_in_pieces() {
        let parts: [&[u8]; 4] = [b"G", b"ET / HTTP/1.1\r", b"\nHost: a\r\n\r", b"\nmore"];
        let (head, is_ready) = of(&parts, 1000).await;
        assert!(is_ready);
        assert_eq!(head, b"GET / HTTP/1.1\r\nHost: a\r\n\r\nmore");
    }

    #[tokio::test]
    async fn what_is_no_head_is_handed_on_at_once() {
        for wrong in [
            &b"\x16\x03\x01\x02\x00"[..],
            b"GET / HTTP/3.7\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n",
            b"PRI * HTTP/2.0\r\n",
        ] {
            let (head, is_ready) = of(&[wrong, b"never read\r\n"], 1000).await;
            assert_eq!((&*head, is_ready), (wrong, true));
        }
    }

    #[tokio::test]
    async fn what_is_too_long_is_handed_on() {
        let line = [b'a'; 300];
        let (head, is_ready) = of(&[b"GET / HTTP/1.1\r\nA: ", &line, &line, &line], 500).await;
        assert!(is_ready);
        assert!((500..19 + 900).contains(&head.len()), "{}", head.len());
    }

    #[tokio::test]
    async fn a_head_of_as_many_lines_as_may_be_is_waited_for_and_no_longer() {
        let line = b"A: b\r\n";
        let (start, lines) = (b"GET / HTTP/1.1\r\n", line.repeat(100));
        let (_, is_ready) = of(&[start, &lines], 10_000).await;
        assert!(!is_ready);
        let (_, is_ready) = of(&[start, &lines, b"\r\n"], 10_000).await;
        assert!(is_ready);
        let (head, is_ready) = of(&[start, &lines, line, b"never read"], 10_000).await;
        assert!(is_ready);
        assert_eq!(head.len(), start.len() + lines.len() + line.len());
    }

    #[tokio::test]
    async fn who_leaves_has_left() {
        assert_eq!(of(&[], 1000).await, (Vec::new(), false));
        let part = b"GET / HT";
        assert_eq!(of(&[part], 1000).await, (part.to_vec(), false));
    }
}
