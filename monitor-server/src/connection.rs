//! One connection: HTTP/1.1 with limits on everything a client may take, and how far its current request is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::access::{Client, Networks, Peer};
use crate::config::Limits;
use crate::listener::Stream;
use crate::render::HeldPages;
use crate::runtime::log::log_debug;
use crate::self_metrics::SelfMetrics;
use crate::self_metrics::connections::Ending;
use crate::tls::Tls;
use crate::web::Keeper;

mod head;
mod progress;
mod refusal;
mod replayed;
mod socket;

use self::head::First;
pub(crate) use self::progress::{Progress, Stage};
use self::refusal::Refusal;
use self::replayed::Replayed;
use self::socket::Socket;

/// On which terms a server takes connections.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<SelfMetrics>,
    /// The pages that are in memory, which connections hold.
    pub(crate) pages: Arc<HeldPages>,
    /// Who may connect.
    pub(crate) networks: Networks,
    pub(crate) keeper: Arc<Keeper>,
}

/// What every connection of a server shares.
#[derive(Debug, Clone)]
pub(crate) struct Shared<S> {
    /// The routes.
    pub(crate) service: S,
    pub(crate) terms: Arc<Terms>,
    /// Turns true when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Serves one connection to its end: the client's, a limit's, or the server's.
pub(crate) async fn serve<S, B>(
    stream: Box<dyn Stream>,
    peer: Peer,
    shared: Shared<S>,
    progress: Arc<Progress>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Shared {
        service,
        terms,
        mut stop,
    } = shared;
    let limits = &terms.limits;
    let mut deadline = std::pin::pin!(expiry(limits.connection_timeout));
    let begun = begin(stream, peer, &terms, &mut stop, deadline.as_mut()).await;
    let (stream, head, is_certified) = match begun {
        Ok(begun) => begun,
        Err(ending) => {
            progress.ends(ending);
            log_debug(move || tracing::debug!(%peer, ?ending, "connection ended before a request"));
            return;
        }
    };
    let routes = service_fn(|request| answer(&service, request, peer, is_certified, &progress));
    let socket = TokioIo::new(Socket::new(stream, head, Arc::clone(&progress)));
    let mut end = std::pin::pin!(async {
        deadline.await;
        outlast(&progress, limits).await;
    });
    // Boxed: what waits for its first request has no place for it.
    let mut connection = Box::pin(builder(limits).serve_connection(socket, routes));
    let outcome = tokio::select! {
        // The connection first: one that has read nothing yet would take the stop for its end, and its request is there.
        biased;
        outcome = connection.as_mut() => Some(outcome),
        () = end.as_mut() => None,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = connection => Some(outcome),
                () = end => None,
            }
        }
    };
    let ending = ending(outcome.as_ref(), &progress);
    progress.ends(ending);
    let error = outcome.and_then(Result::err);
    log_debug(move || tracing::debug!(%peer, ?ending, ?error, "connection ended"));
}

/// Waits for TLS, where that is spoken, and for the head of the first request: the connection as requests come over it, that
/// head, and whether the client has a certificate that was verified.
///
/// # Errors
///
/// How the connection ends before it.
async fn begin(
    stream: Box<dyn Stream>,
    peer: Peer,
    terms: &Terms,
    stop: &mut watch::Receiver<bool>,
    mut deadline: Pin<&mut impl Future<Output = ()>>,
) -> Result<(Box<dyn Stream>, Vec<u8>, bool), Ending> {
    let limits = &terms.limits;
    // One for both: who was slow in the handshake has less time for the head.
    let mut head_deadline = std::pin::pin!(expiry(limits.header_timeout));
    let secured = tokio::select! {
        secured = secured(stream, peer, terms) => secured,
        () = head_deadline.as_mut() => None,
        () = deadline.as_mut() => None,
    };
    let (mut stream, is_certified) = secured.ok_or(Ending::Tls)?;
    let mut head = Vec::new();
    let begun = first_head(&mut stream, &mut head, stop, limits);
    tokio::select! {
        biased;
        begun = begun => begun?,
        () = head_deadline => return Err(Ending::HeaderTimeout),
        () = deadline => return Err(Ending::Deadline),
    }
    if let Some(refusal) = Refusal::of_head(&head) {
        // It is counted, whether it arrives or not.
        let _ = refusal.send(&mut stream, &head).await;
        return Err(Ending::Malformed);
    }
    Ok((stream, head, is_certified))
}

/// How long a connection whose time is over still waits for a request: longer than one needs that is on its way already.
const DEADLINE_LINGER: Duration = Duration::from_secs(1);

/// How often a connection whose time is over is looked at.
const DEADLINE_TICK: Duration = Duration::from_millis(50);

/// Makes the next answer the last, and returns when the connection is to be cut off all the same: it idles, its client takes
/// nothing of what it asked for, or the answer is not there after all the time that one may take.
async fn outlast(progress: &Progress, limits: &Limits) {
    progress.closes();
    let grace = if limits.scrape_timeout.is_zero() {
        limits.connection_timeout
    } else {
        limits.scrape_timeout
    };
    let begin = Instant::now();
    let mut busy = begin;
    while begin.elapsed() < grace {
        match progress.stage() {
            Stage::Busy => busy = Instant::now(),
            Stage::Stalled => return,
            Stage::Waiting | Stage::Idle if busy.elapsed() >= DEADLINE_LINGER => return,
            Stage::Waiting | Stage::Idle => {}
        }
        tokio::time::sleep(DEADLINE_TICK).await;
    }
}

/// Waits for the head of the first request, or for what is none, for as long as it takes.
///
/// # Errors
///
/// How the connection ends before it.
async fn first_head(
    stream: &mut Box<dyn Stream>,
    head: &mut Vec<u8>,
    stop: &mut watch::Receiver<bool>,
    limits: &Limits,
) -> Result<(), Ending> {
    tokio::select! {
        biased;
        first = head::read(stream, head, limits) => return begun(&first, head),
        () = stopped(stop) => {}
    }
    // Who has begun to ask may go on; who has not will not.
    if head.is_empty() {
        return Err(Ending::Done);
    }
    let first = head::read(stream, head, limits).await;
    begun(&first, head)
}

fn begun(first: &std::io::Result<First>, head: &[u8]) -> Result<(), Ending> {
    match first {
        Ok(First::Ready) => Ok(()),
        Ok(First::Left) if head.is_empty() => Err(Ending::Done),
        Ok(First::Left) | Err(_) => Err(Ending::Broken),
    }
}

/// The connection as requests come over it, and whether its client has a certificate that was verified; `None` where the TLS
/// handshake fails.
async fn secured(
    stream: Box<dyn Stream>,
    peer: Peer,
    terms: &Terms,
) -> Option<(Box<dyn Stream>, bool)> {
    let protection = terms.keeper.current();
    let Some(tls) = &protection.tls else {
        return Some((stream, false));
    };
    // Boxed: connections without TLS have no place for it.
    Box::pin(encrypted(stream, peer, tls, &terms.limits)).await
}

/// The same where TLS is spoken. A client that begins with text is told so in plain HTTP, once its head is there: it has no
/// longer for that than for a handshake.
async fn encrypted(
    mut stream: Box<dyn Stream>,
    peer: Peer,
    tls: &Tls,
    limits: &Limits,
) -> Option<(Box<dyn Stream>, bool)> {
    let mut first = Vec::new();
    head::more(&mut stream, &mut first).await.ok()?;
    if let Some(refusal) = Refusal::of_tls(&first) {
        // It is counted, whether it arrives or not.
        let _ = head::read(&mut stream, &mut first, limits).await;
        let _ = refusal.send(&mut stream, &first).await;
        return None;
    }
    let stream = Replayed::new(stream, first);
    tls.accept(Box::new(stream), peer).await
}

/// What ended it; `None` is that it was cut off at its deadline.
fn ending(outcome: Option<&Result<(), hyper::Error>>, progress: &Progress) -> Ending {
    match outcome {
        None => Ending::Deadline,
        Some(Ok(())) if progress.ending() == Ending::Malformed => Ending::Malformed,
        Some(Ok(())) if progress.is_closing() => Ending::Deadline,
        Some(Ok(())) => Ending::Done,
        Some(Err(error)) if error.is_timeout() && progress.stage() == Stage::Waiting => {
            Ending::HeaderTimeout
        }
        Some(Err(error)) if error.is_timeout() => Ending::Idle,
        Some(Err(error)) if error.is_parse() => Ending::Malformed,
        Some(Err(_)) => Ending::Broken,
    }
}

/// HTTP/1 alone: with version detection the header timeout would not run until the version is known, so that a silent
/// peer could stay for ever.
fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout((!limits.header_timeout.is_zero()).then_some(limits.header_timeout))
        // A client may say that it will ask for nothing more while it waits for its answer.
        .half_close(true)
        .max_buf_size(limits.max_header_bytes)
        .max_headers(limits.max_headers);
    builder
}

/// Returns when the server stops, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn expiry(timeout: Duration) {
    if timeout.is_zero() {
        std::future::pending::<()>().await;
    } else {
        tokio::time::sleep(timeout).await;
    }
}

/// Hands a request to the routes, with its client in the extensions, and tracks the answer.
async fn answer<S, B>(
    service: &S,
    mut request: Request<Incoming>,
    peer: Peer,
    is_certified: bool,
    progress: &Arc<Progress>,
) -> Result<Response<TrackedBody<B>>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    progress.asked();
    let client = Client::new(peer, request.uri(), is_certified);
    let has_path = client.has_path;
    request.extensions_mut().insert(client);
    // No route reads a body, and a connection is not worth reading one away for.
    let has_body = !request.body().is_end_stream();
    let mut response = service.call(request).await?;
    if !has_path {
        progress.ends(Ending::Malformed);
    }
    if has_body || !has_path || progress.is_closing() {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| TrackedBody {
        body,
        progress: Arc::clone(progress),
    }))
}

/// An answer's body that says when the HTTP library has taken all of it.
struct TrackedBody<B> {
    body: B,
    progress: Arc<Progress>,
}

impl<B> Drop for TrackedBody<B> {
    fn drop(&mut self) {
        self.progress.answered();
    }
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
