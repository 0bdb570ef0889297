//! One connection: HTTP/1.1 with limits on everything a client may take.
//!
//! A connection begins with TLS, where that is spoken, and the head of its first request ([`first_head`]), both within
//! the header timeout. Then the HTTP library serves it, request by request, until one side ends it: the client, a
//! limit, or the server that stops. At its deadline a connection closes with the answer that is under way then
//! ([`outlast`]). How it ended is noted in its slot of the listener's table of connections ([`SlotGuard`]), as is how
//! far it is: by [`Socket`] whether the client takes the bytes that are written, and here whether a request is being
//! answered. An eviction drops the task.

mod first_head;
mod socket;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, Either};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};
use warp::filters::BoxedFilter;

use self::socket::Socket;
pub(crate) use self::socket::Stream;
use crate::access::{Client, Networks, Peer};
use crate::config::Limits;
use crate::listener::connection_table::{ConnectionSlot, SlotGuard, Stage};
use crate::routes::Context as ServerContext;
use crate::routes::frames::{FrameBody, Frames};
use crate::runtime::log::log_debug;
use crate::self_metrics::Ending;
use crate::web::Tls;

/// The context of a server's connections, one for all.
#[derive(Debug)]
pub(crate) struct ConnectionContext {
    pub(crate) server: Arc<ServerContext>,
    pub(crate) routes: BoxedFilter<(warp::reply::Response,)>,
    pub(crate) limits: Limits,
    /// The port that it listens on; `None` for a Unix socket.
    pub(crate) port: Option<u16>,
    /// The addresses that may connect.
    pub(crate) networks: Networks,
    /// Turns true when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// The error of a body that is one of two.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Serves one connection to its end: the client's, a limit's, or the server's.
pub(crate) async fn serve(
    stream: Box<dyn Stream>,
    peer: Peer,
    context: Arc<ConnectionContext>,
    slot: Arc<SlotGuard>,
) {
    let deadline = sleep(or_never(context.limits.connection_timeout));
    let (ending, error) = match begin(stream, peer, &context, &slot).await {
        // Boxed: a connection that waits for its first request does not carry its size.
        Ok(begun) => Box::pin(exchange(begun, peer, &context, &slot, deadline)).await,
        Err(ending) => (ending, None),
    };
    slot.note(|slot| slot.ending = ending);
    log_debug(move || tracing::debug!(%peer, ?ending, ?error, "connection ended"));
}

/// The time that a limit leaves; zero is no limit.
fn or_never(limit: Duration) -> Duration {
    if limit.is_zero() {
        Duration::MAX
    } else {
        limit
    }
}

/// Waits for TLS, where that is spoken, and for the head of the first request: the socket that requests are read from,
/// and whether the client has a certificate that was verified.
///
/// A server that stops does not end this: a request may be on its way, and the listener waits for a moment.
///
/// # Errors
///
/// How the connection ends before it.
async fn begin(
    stream: Box<dyn Stream>,
    peer: Peer,
    context: &ConnectionContext,
    slot: &Arc<SlotGuard>,
) -> Result<(Socket, bool), Ending> {
    let limits = &context.limits;
    let header = or_never(limits.header_timeout);
    let whole = or_never(limits.connection_timeout);
    // One for both: a client that was slow in the handshake has less time for the head.
    let mut expiry = std::pin::pin!(sleep(header.min(whole)));
    let (mut stream, is_certified) = match &context.server.access_control.current().tls {
        None => (stream, false),
        Some(tls) => tokio::select! {
            // Boxed: connections without TLS do not carry its size.
            secured = Box::pin(secured(stream, peer, tls, limits)) => secured.ok_or(Ending::Tls)?,
            () = expiry.as_mut() => return Err(Ending::Tls),
        },
    };
    let mut head = Vec::new();
    let read = tokio::select! {
        biased;
        read = first_head::read(&mut stream, &mut head, limits) => read,
        () = expiry => return Err(if whole < header { Ending::Deadline } else { Ending::HeaderTimeout }),
    };
    match read {
        // The first bytes of a client that expects HTTP/2.
        Ok(true) if head.starts_with(b"PRI * HTTP/2") => {
            refuse(&mut stream, &head, "this port speaks HTTP/1.1 only\n").await;
            Err(Ending::Malformed)
        }
        Ok(true) => {
            let slot = Some(Arc::clone(slot));
            Ok((Socket::new(stream, head, slot), is_certified))
        }
        Ok(false) if head.is_empty() => Err(Ending::Done),
        Ok(false) | Err(_) => Err(Ending::Broken),
    }
}

/// The connection as requests come over TLS, and whether its client has a certificate that was verified; `None` where
/// the handshake fails. A client that begins with text gets an answer in plain HTTP, once its head is there: it has no
/// longer for that than for a handshake.
async fn secured(
    mut stream: Box<dyn Stream>,
    peer: Peer,
    tls: &Tls,
    limits: &Limits,
) -> Option<(Box<dyn Stream>, bool)> {
    let mut first = Vec::new();
    stream.read_buf(&mut first).await.ok()?;
    // A TLS record begins with a byte from 20 to 23, and no text does.
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if first.first().is_some_and(is_text) {
        let _ = first_head::read(&mut stream, &mut first, limits).await;
        refuse(&mut stream, &first, "this port speaks TLS: use https\n").await;
        return None;
    }
    // How far it is shows at the socket that TLS is for the HTTP library.
    let stream = Socket::new(stream, first, None);
    tls.accept(Box::new(stream), peer).await
}

/// Answers 400 before the HTTP library is there, in plain HTTP/1.1, and closes. It is counted, whether it arrives or
/// not.
async fn refuse(stream: &mut Box<dyn Stream>, head: &[u8], body: &str) {
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
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

/// Serves requests to the end of the connection: how it ended, and the HTTP library's error.
async fn exchange(
    (socket, is_certified): (Socket, bool),
    peer: Peer,
    context: &ConnectionContext,
    slot: &Arc<SlotGuard>,
    deadline: Sleep,
) -> (Ending, Option<hyper::Error>) {
    let limits = &context.limits;
    let mut stop = context.stop.clone();
    let until = deadline.deadline();
    let routes = TowerToHyperService::new(warp::service(context.routes.clone()));
    let answers = service_fn(|mut request: Request<Incoming>| {
        slot.note(ConnectionSlot::asked);
        let mut client = Client::new(peer, request.uri(), is_certified);
        client.port = context.port;
        let has_path = client.has_path;
        request.extensions_mut().insert(client);
        // No route reads a body, and a connection is not worth reading one away for.
        let is_last = !request.body().is_end_stream() || !has_path;
        let answer = routes.call(request);
        let stop = context.stop.clone();
        async move {
            let answer = going_on(answer.await?, until, stop);
            if !has_path {
                slot.note(|slot| slot.ending = Ending::Malformed);
            }
            Ok::<_, Infallible>(tracked(answer, slot, is_last))
        }
    });
    let serving = protocol(limits).serve_connection(TokioIo::new(socket), answers);
    let mut connection = std::pin::pin!(serving);
    let mut end = std::pin::pin!(async {
        deadline.await;
        outlast(slot, limits).await;
    });
    let mut stopping = false;
    let outcome = loop {
        tokio::select! {
            // The connection first: one that has read nothing yet would take the stop for its end, and its request is
            // there.
            biased;
            outcome = connection.as_mut() => break Some(outcome),
            () = end.as_mut() => break None,
            () = stopped(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    let ending = slot.note(|slot| ending(outcome.as_ref(), slot));
    (
        ending.unwrap_or(Ending::Stopped),
        outcome.and_then(Result::err),
    )
}

/// HTTP/1 alone: with version detection the header timeout would not run until the version is known, so that a silent peer
/// could stay for ever.
fn protocol(limits: &Limits) -> http1::Builder {
    let timeout = limits.header_timeout;
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout((!timeout.is_zero()).then_some(timeout))
        // A client may close its side while it waits for its answer.
        .half_close(true)
        .max_buf_size(limits.max_header_bytes)
        .max_headers(limits.max_headers);
    protocol
}

/// The answer with its own body, or with frames until the connection's time is over where it does not end before.
fn going_on(
    mut answer: warp::reply::Response,
    until: Instant,
    stop: watch::Receiver<bool>,
) -> Response<impl Body<Data = Bytes, Error = BoxError>> {
    let frames = answer.extensions_mut().remove::<Frames>();
    answer.map(|body| match frames {
        Some(frames) => Either::Right(FrameBody::new(frames, until, stop)),
        None => Either::Left(body),
    })
}

/// An answer that notes when the HTTP library has taken all of its body, which it then drops.
fn tracked<B: Body>(
    mut answer: Response<B>,
    slot: &Arc<SlotGuard>,
    is_last: bool,
) -> Response<impl Body<Data = B::Data, Error = B::Error> + use<B>> {
    struct Answered(Arc<SlotGuard>);

    impl Drop for Answered {
        fn drop(&mut self) {
            self.0.note(ConnectionSlot::answered);
        }
    }

    if is_last || slot.note(|slot| slot.is_closing) == Some(true) {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    let answered = Answered(Arc::clone(slot));
    answer.map(|body| {
        body.map_err(move |error| {
            let _ = &answered;
            error
        })
    })
}

/// How long a connection whose time is over still waits for a request: longer than one needs that is on its way
/// already.
const DEADLINE_LINGER: Duration = Duration::from_secs(1);

/// How often a connection whose time is over is looked at.
const DEADLINE_TICK: Duration = Duration::from_millis(50);

/// Makes the next answer the last, and returns when the connection is to be cut off all the same: it idles, its client
/// takes nothing of its answer, or the answer is not there after all the time that one may take.
async fn outlast(slot: &SlotGuard, limits: &Limits) {
    slot.note(|slot| slot.is_closing = true);
    let limits = [limits.scrape_timeout, limits.connection_timeout];
    let grace = limits.into_iter().find(|limit| !limit.is_zero());
    let grace = grace.unwrap_or_default();
    let begin = Instant::now();
    let mut busy = begin;
    while begin.elapsed() < grace {
        match slot.note(|slot| slot.stage()) {
            Some(Stage::Busy) => busy = Instant::now(),
            Some(Stage::Waiting | Stage::Idle) if busy.elapsed() < DEADLINE_LINGER => {}
            _ => return,
        }
        sleep(DEADLINE_TICK).await;
    }
}

/// How it ended; the outcome `None` is that it was cut off at its deadline.
fn ending(outcome: Option<&Result<(), hyper::Error>>, slot: &ConnectionSlot) -> Ending {
    match outcome {
        None => Ending::Deadline,
        Some(Ok(())) if slot.ending == Ending::Malformed => Ending::Malformed,
        Some(Ok(())) if slot.is_closing => Ending::Deadline,
        Some(Ok(())) => Ending::Done,
        Some(Err(error)) if error.is_timeout() && slot.stage() == Stage::Waiting => {
            Ending::HeaderTimeout
        }
        Some(Err(error)) if error.is_timeout() => Ending::Idle,
        Some(Err(error)) if error.is_parse() => Ending::Malformed,
        Some(Err(_)) => Ending::Broken,
    }
}

/// Returns when the server stops, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

#[cfg(test)]
pub(crate) mod tests;
