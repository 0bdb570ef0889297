//! Access of the fuzz targets in `fuzz/` to this crate's parsers. There only with `--cfg monitor_fuzzing`: no part of
//! its API.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Empty;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use monitor_core::exposition::Format;
use monitor_core::{Monitor, StorageConfig};
use prometheus::Registry;
use tokio::runtime::{Builder, Runtime};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::access::Client;
use crate::routes::Context;
use crate::{MonitorConfig, mount, negotiate, routes};

/// The token that `answers` takes for right.
pub const TOKEN: &str = "the-token-of-the-scraper";

/// The server's routes, and those that are mounted in an application: at its root and under the prefix `/monitor`.
static FILTERS: LazyLock<[BoxedFilter<(Response,)>; 3]> = LazyLock::new(|| {
    let config = MonitorConfig::default()
        .registry(Registry::new())
        .bearer_token(TOKEN);
    let monitor = Monitor::new(StorageConfig::default());
    let context = Arc::new(Context::new(monitor, &config));
    let mounted = mount::open(Arc::clone(&context));
    let prefixed = warp::path("monitor").and(mounted.clone()).boxed();
    [routes::all(context), mounted, prefixed]
});

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime without threads or sockets")
});

/// The answers to a request from another address: by the server, and by an application whose routes are the open ones
/// alone, at its root and under the prefix `/monitor`.
pub fn answers(request: &Request<()>) -> [StatusCode; 3] {
    let [all, mounted, prefixed] = &*FILTERS;
    let peer = SocketAddr::from(([10, 0, 0, 7], 5)).into();
    let client = Client::new(peer, request.uri(), false);
    [
        answered(all, request, Some(client)),
        answered(mounted, request, None),
        answered(prefixed, request, None),
    ]
}

fn answered(
    filter: &BoxedFilter<(Response,)>,
    request: &Request<()>,
    client: Option<Client>,
) -> StatusCode {
    let mut request = request.clone().map(|()| Empty::<Bytes>::new());
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    let service = TowerToHyperService::new(warp::service(filter.clone()));
    let answer = RUNTIME.block_on(service.call(request));
    answer.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status())
}

/// The answer to a scrape with these headers, where native histograms are offered or are not: format, `Content-Type`, and
/// whether it may be gzip.
pub fn negotiated(headers: &HeaderMap, native_histograms: bool) -> (Format, &'static str, bool) {
    let selection = negotiate::Selection::of(headers, native_histograms);
    (selection.format, selection.content_type, selection.gzip)
}

/// The values of `name[]` in a query, none without it; `None` where it asks for more than it may.
pub fn names(query: &str) -> Option<Vec<String>> {
    let names = routes::metrics::names(query).ok()?;
    Some(names.map_or_else(Vec::new, |names| names.to_vec()))
}
