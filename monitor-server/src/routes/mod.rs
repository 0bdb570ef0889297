//! The complete route table: which exact paths exist, and the answer to all else.
//!
//! [`answer`] is the one mapping of a request ([`Inbound`]) to an answer, whose body is in memory. Around it are the
//! server's own listener ([`all`]), which answers every path, and the routes that are mounted in an application
//! (`mount.rs`): the open ones alone, as a warp filter or as a `tower` service.

pub(crate) mod frames;
pub(crate) mod health;
pub(crate) mod metrics;
mod plain;
mod text_query;
mod top;
mod verdict;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, StatusCode};
use warp::Filter;
use warp::filters::BoxedFilter;

use crate::access::{Access, Client, RejectReason, RouteAccess};
use crate::api::Api;
use crate::health::HealthService;
use crate::kept_history::KeptHistory;
use crate::negotiate::prefers_html;
use crate::observer::Observer;
use crate::page::PageFile;
use crate::process::Service;
use crate::render::Renderer;
use crate::runtime::log::log;
use crate::runtime::pool::Pool;
use crate::self_metrics::{Cause, SelfMetrics};
use crate::web::AccessControl;

/// An answer with its body in memory; one that goes on after that has [`Frames`](frames::Frames) among its extensions.
pub(crate) type Response = http::Response<Bytes>;

/// The parts of a server that handlers work on.
#[derive(Debug)]
pub(crate) struct Context {
    /// Runs all that may block, or is the service's own code.
    pub(crate) pool: Pool,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) metrics: Arc<SelfMetrics>,
    pub(crate) health: Arc<HealthService>,
    /// What the history was told of the server so far.
    pub(crate) observer: Arc<Observer>,
    pub(crate) kept: KeptHistory,
    /// Which service it is, where that is configured.
    pub(crate) service: Option<Service>,
    pub(crate) api: Arc<Api>,
    pub(crate) access_control: Arc<AccessControl>,
    pub(crate) disable_compression: bool,
    /// Whether pages may be protobuf.
    pub(crate) native_histograms: bool,
    /// How long a scrape may take; zero is no limit.
    pub(crate) scrape_timeout: Duration,
}

/// A known path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'p> {
    /// The list of paths.
    Index,
    Metrics,
    Live,
    Ready,
    Startup,
    /// Of all, or of the group, check or task type as the path has it, percent-encoded.
    Health(Option<&'p str>),
    /// What is wrong, in words.
    Verdict,
    /// Methods, checks and calls in flight as tables.
    Top,
    /// History and verdict as JSON: the path below `/api/v1/`, percent-encoded.
    Api(&'p str),
    /// A file of the live page.
    Page(PageFile),
}

impl<'p> Route<'p> {
    /// Looks up a path without its first slash, exactly as it was sent: no decoding, no normalising, no trailing slash.
    pub(crate) fn find(path: &'p str) -> Option<Self> {
        match path {
            "metrics" => Some(Self::Metrics),
            "livez" | "-/healthy" => Some(Self::Live),
            "readyz" | "-/ready" => Some(Self::Ready),
            "startupz" => Some(Self::Startup),
            "health" => Some(Self::Health(None)),
            "verdict" => Some(Self::Verdict),
            "top" => Some(Self::Top),
            "" => Some(Self::Index),
            "page.css" => Some(Self::Page(PageFile::Style)),
            "page.js" => Some(Self::Page(PageFile::Script)),
            "icon.svg" => Some(Self::Page(PageFile::Icon)),
            _ => match path.strip_prefix("api/v1/") {
                Some(path) => Some(Self::Api(path)),
                None => path
                    .strip_prefix("health/")
                    .filter(|name| !name.is_empty())
                    .map(|name| Self::Health(Some(name))),
            },
        }
    }

    /// The route for this request: `/` is the live page where a browser asks for it. A mounted server has no page: its
    /// clients are not known, and so may see no data.
    fn wanted(self, inbound: &Inbound) -> Self {
        let is_page = self == Self::Index && inbound.client.is_some();
        if is_page && prefers_html(&inbound.headers) {
            Self::Page(PageFile::Shell)
        } else {
            self
        }
    }

    /// The access that it requires. A route that is not listed here does not compile; a path that is no route is
    /// denied.
    fn demand(self) -> RouteAccess {
        match self {
            Self::Index | Self::Live | Self::Ready | Self::Startup => RouteAccess::Nothing,
            Self::Metrics => RouteAccess::Metrics,
            Self::Health(_) => RouteAccess::Details,
            Self::Verdict | Self::Top | Self::Api(_) => RouteAccess::Protected,
            Self::Page(_) => RouteAccess::Shell,
        }
    }

    /// Whether the route may be served where the peer is not known.
    pub(crate) fn is_open(self) -> bool {
        matches!(self.demand(), RouteAccess::Nothing | RouteAccess::Metrics)
    }
}

/// A request, as far as handlers need it.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) client: Option<Client>,
}

/// All routes, and an answer for everything else: the routes of the server's own listener.
pub(crate) fn all(context: Arc<Context>) -> BoxedFilter<(warp::reply::Response,)> {
    inbound()
        .then(move |inbound: Inbound| {
            let context = Arc::clone(&context);
            async move { answer(&context, inbound).await.map(Into::into) }
        })
        .boxed()
}

/// Takes the rest of the path after the part that earlier filters matched, so that a mounted filter may stand under a
/// prefix.
pub(crate) fn inbound()
-> impl Filter<Extract = (Inbound,), Error = Infallible> + Clone + Send + Sync + 'static {
    // Where nothing is left there may be no path at all (`CONNECT host:80`), and peeking at that panics.
    let nothing_left = warp::path::end().map(String::new);
    let rest = warp::path::peek().map(|path: warp::path::Peek| path.as_str().to_owned());
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(nothing_left.or(rest).unify())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional())
        .map(|method, path, query, headers, client| Inbound {
            method,
            path,
            query,
            headers,
            client,
        })
}

/// The answer to GET, for HEAD without its body but with all headers, `Content-Length` included.
///
/// A panic in a handler is a bug; it costs that request a 500, and others nothing.
pub(crate) async fn answer(context: &Context, mut inbound: Inbound) -> Response {
    let is_head = inbound.method == Method::HEAD;
    let mut response = caught(context, full_answer(context, &mut inbound)).await;
    for (name, value) in &context.access_control.current().headers {
        response.headers_mut().insert(name, value.clone());
    }
    if is_head {
        response.body_mut().clear();
        response.extensions_mut().clear();
    }
    response
}

/// The one mapping of path and method to an answer. Access is decided first.
async fn full_answer(context: &Context, inbound: &mut Inbound) -> Response {
    let client = inbound.client.as_ref();
    if client.is_some_and(|client| !client.has_path) {
        return text(StatusCode::BAD_REQUEST, "bad request");
    }
    let route = Route::find(&inbound.path).map(|route| route.wanted(inbound));
    let demand = route.map(Route::demand);
    let access_control = &context.access_control;
    let access = access_control
        .admit(demand, client, &inbound.headers, &context.metrics)
        .await;
    if let Access::Denied(denial) = access {
        return denied(context, inbound, denial);
    }
    if let Some(client) = &mut inbound.client {
        client.access = access;
    }
    context.kept.keep(context);
    let is_read = inbound.method == Method::GET || inbound.method == Method::HEAD;
    match route {
        None => denied(context, inbound, RejectReason::Path),
        Some(_) if !is_read => denied(context, inbound, RejectReason::Method),
        Some(Route::Index) => index(context, inbound),
        Some(Route::Metrics) => metrics::metrics(context, inbound).await,
        Some(Route::Live) => health::live(context),
        Some(Route::Ready) => health::ready(context),
        Some(Route::Startup) => health::startup(context),
        Some(Route::Health(name)) => health::health(context, inbound, name),
        Some(Route::Verdict) => verdict::verdict(context, inbound).await,
        Some(Route::Top) => top::top(context, inbound).await,
        Some(Route::Api(path)) => crate::api::answer(context, inbound, path).await,
        Some(Route::Page(file)) => crate::page::answer(context, inbound, file).await,
    }
}

/// The paths that [`index`] lists, each with one phrase.
const INDEX: [(Route<'static>, &str); 9] = [
    (
        Route::Page(PageFile::Shell),
        "/           in a browser: the live page of all that follows",
    ),
    (
        Route::Metrics,
        "/metrics    metrics, in the text format of Prometheus or OpenMetrics",
    ),
    (
        Route::Verdict,
        "/verdict    what is wrong, since when, which method, against which normal",
    ),
    (
        Route::Top,
        "/top        methods, checks and the oldest calls in flight",
    ),
    (
        Route::Api("verdict"),
        "/api/v1/verdict   history and verdict as JSON: docs/api.md",
    ),
    (
        Route::Health(None),
        "/health     the health of the service as JSON",
    ),
    (Route::Live, "/livez      200 while the service is alive"),
    (
        Route::Ready,
        "/readyz     200 while the service takes requests",
    ),
    (
        Route::Startup,
        "/startupz   200 once the service has started",
    ),
];

/// `/`: the list of the paths that are served here. A mounted server, whose clients are not known, has only the open
/// ones.
fn index(context: &Context, inbound: &Inbound) -> Response {
    let is_own = inbound.client.is_some();
    let served = INDEX.iter().filter(|(route, _)| is_own || route.is_open());
    let line = |(route, line): &(Route<'_>, &str)| match route {
        Route::Metrics if context.native_histograms => format!("{line}, or in protobuf"),
        _ => (*line).to_owned(),
    };
    let lines: Vec<_> = served.map(line).collect();
    let lines = lines.join("\n");
    let body = format!("The monitor of this service answers, below this path:\n\n{lines}\n");
    let mut response = reply(StatusCode::OK, TEXT, body.into());
    if is_own {
        let vary = HeaderValue::from_static("Accept");
        response.headers_mut().insert(VARY, vary);
    }
    response
}

/// A refusal: the fault of the request, and nothing of the server.
fn denied(context: &Context, inbound: &Inbound, denial: RejectReason) -> Response {
    context.metrics.access.refused(denial);
    let (status, body) = denial.answer();
    let mut response = match denial {
        RejectReason::Host => match local_address(context, inbound) {
            Some(address) => reply(status, TEXT, format!("Open it as {address}.\n").into()),
            None => text(status, body),
        },
        RejectReason::Credentials | RejectReason::Elsewhere if prefers_html(&inbound.headers) => {
            context.access_control.door(status).answer(inbound)
        }
        _ => text(status, body),
    };
    let headers = response.headers_mut();
    match denial {
        RejectReason::Method => drop(headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"))),
        RejectReason::Busy => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
        RejectReason::Credentials => {
            for challenge in context.access_control.challenges() {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        RejectReason::Path | RejectReason::Elsewhere | RejectReason::Host => {}
    }
    response
}

/// The address that a client on this machine is to use.
fn local_address(context: &Context, inbound: &Inbound) -> Option<String> {
    let client = inbound.client.as_ref()?;
    let (port, ip) = (client.port?, client.peer.ip()?);
    let host = if ip.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    let is_tls = context.access_control.current().tls.is_some();
    let scheme = if is_tls { "https" } else { "http" };
    Some(format!("{scheme}://{host}:{port}/"))
}

async fn caught(context: &Context, answer: impl Future<Output = Response>) -> Response {
    let mut answer = Box::pin(answer);
    let polled = std::future::poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| answer.as_mut().poll(cx));
        std::panic::catch_unwind(poll).map_or(Poll::Ready(None), |poll| poll.map(Some))
    });
    polled.await.unwrap_or_else(|| {
        context.metrics.count(Cause::Internal, 1);
        log(|| tracing::error!("a handler of the monitor server panicked"));
        internal_error()
    })
}

/// Says nothing of why: the log does.
pub(crate) fn internal_error() -> Response {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
}

/// The type of answers that are no page.
const TEXT: &str = "text/plain; charset=utf-8";

/// A plain text answer.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Response {
    reply(status, TEXT, Bytes::from_static(body.as_bytes()))
}

/// An answer that no cache may keep and no browser may guess the type of.
pub(crate) fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_LENGTH, HeaderValue::from(body.len())),
    ];
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

#[cfg(test)]
mod tests;
