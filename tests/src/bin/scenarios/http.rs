//! An HTTP service: axum, or hyper alone, under `monitor_tower::http()`, and the clients of it.

use std::convert::Infallible;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use futures_util::stream::{self, StreamExt};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use monitor_core::monitored;
use monitor_server::MonitorConfig;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_http::timeout::TimeoutLayer;

use crate::clients::{self, Clients};
use crate::{
    BASE, LIMIT, Result, run_clients, say_address, service_runtime, wait_for_input,
    wait_until_counted,
};

/// A status is forgotten after a second without calls, a share of failures after two.
pub(crate) const BRIEF: &str = "health: { status_ttl: 1 }\nunhealthy: { window: 2 }\n";

const CANCELLED_COUNT: &str = "unhealthy: { cancelled: true }\n";

/// Requests that the service takes at a time, where it limits them.
pub(crate) const PERMITS: usize = 2;

/// An address that refuses connections: the port has belonged to a service that is not in use any more.
pub(crate) const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// Bytes of the largest body that the service takes, where it limits them.
const BODY_LIMIT: usize = 16;

/// Runs the service until its input ends.
pub(crate) fn run(name: &str) -> Result<()> {
    let runtime = service_runtime()?;
    let server = monitor_server::run(config(name, &runtime)?)?;
    let release = Arc::new(Semaphore::new(0));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let mut clients = Clients {
        scenario: name,
        service: listener.local_addr()?,
        server: &server,
        release: &release,
        open: Vec::new(),
    };
    if name == "time limit 100 %, tower's, an error" {
        runtime.spawn(serve_hyper(listener));
    } else {
        let router = router(name, Arc::clone(&release))?.layer(monitor_tower::http());
        runtime.spawn(async { axum::serve(listener, router).await });
    }
    let _clients = run_clients(clients.make_requests())?;
    if name == "worker dies" {
        let _context = runtime.enter();
        server.spawn("mailer", async { panic!("the queue is gone") })?;
    }
    wait_until_counted();
    say_address(&server)?;
    wait_for_input()?;
    // It may be blocked.
    runtime.shutdown_background();
    Ok(())
}

fn config(name: &str, runtime: &Runtime) -> Result<MonitorConfig> {
    let marks = match name {
        "dependency comes back without traffic" => BRIEF,
        "overload without permits, cancelled calls count" => CANCELLED_COUNT,
        _ => "",
    };
    let config = MonitorConfig::from_yaml(&format!("{BASE}{marks}"))?;
    Ok(match name {
        "runtime blocked" => config
            .runtime("main", runtime.handle())
            .runtime_timeout(Duration::from_secs(1)),
        _ => config,
    })
}

/// The routes of a scenario, without the layer that records them.
fn router(name: &str, release: Arc<Semaphore>) -> Result<Router> {
    let pay = |route: MethodRouter| Router::new().route("/pay", route);
    Ok(match name {
        "all well" | "worker dies" | "unknown route" | "wrong verb" => pay(get(answer)),
        "dependency down" | "dependency comes back without traffic" => pay(get(ask_dictionary)),
        "half failing" => pay(get(fail_each_second)),
        "time limit 100 %, tower's, a response" => {
            pay(get(hang)).layer(time_limit(StatusCode::GATEWAY_TIMEOUT))
        }
        "time limit 100 %, tower's, an error made a response" => {
            let limit = tower::timeout::TimeoutLayer::new(LIMIT);
            let limit = ServiceBuilder::new()
                .layer(HandleErrorLayer::new(unavailable))
                .layer(limit);
            pay(get(hang)).layer(limit)
        }
        "overload with permits, the others are refused" => {
            let limits = ServiceBuilder::new()
                .layer(HandleErrorLayer::new(unavailable))
                .layer(LoadShedLayer::new())
                .layer(GlobalConcurrencyLimitLayer::new(PERMITS));
            pay(get(async move || wait_for(release).await)).layer(limits)
        }
        "overload with permits, the others wait" => {
            pay(get(pay_with_permit)).layer(time_limit(StatusCode::SERVICE_UNAVAILABLE))
        }
        "overload without permits"
        | "overload without permits, cancelled calls count"
        | "no request ends"
        | "clients leave before the head" => pay(get(hang)),
        "clients leave within the body" => pay(get(begin_body)),
        "handler panics" => pay(get(panics)),
        "runtime blocked" | "runtime blocked, no handle given" => pay(get(block)),
        "extractor refuses" => Router::new().route("/pay/{amount}", get(take_amount)),
        "body too large" => pay(post(take_body)).layer(DefaultBodyLimit::max(BODY_LIMIT)),
        "clients leave within their own body" => pay(post(take_body)),
        "stream breaks after the head" => pay(get(break_body)),
        _ => return Err(format!("no scenario `{name}`").into()),
    })
}

fn time_limit(status: StatusCode) -> TimeoutLayer {
    TimeoutLayer::with_status_code(status, LIMIT)
}

/// The response to a request that a `tower` layer refused by an error.
async fn unavailable(_error: BoxError) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

async fn answer() -> &'static str {
    "paid"
}

async fn take_amount(Path(_amount): Path<u32>) -> &'static str {
    answer().await
}

async fn take_body(_body: Bytes) -> &'static str {
    answer().await
}

async fn fail_each_second() -> Result<&'static str, StatusCode> {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    if number.is_multiple_of(2) {
        Ok(answer().await)
    } else {
        Err(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Answers by a dependency that does not listen.
async fn ask_dictionary() -> Result<&'static str, StatusCode> {
    let request = clients::request(NOWHERE, "GET", "/words", "");
    let request = request.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let dictionary = monitor_tower::client("dictionary").layer(clients::http_client());
    let answer = dictionary.oneshot(request).await;
    answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok("the word")
}

async fn hang() {
    pending::<()>().await;
}

async fn wait_for(release: Arc<Semaphore>) {
    // An error is a semaphore that was closed: no reason to wait.
    let _ = release.acquire().await;
}

/// Two requests at a time hold a permit, for ever.
#[monitored(method = "Pay", max_concurrency = 2)]
async fn pay_with_permit() {
    pending::<()>().await;
}

async fn panics() -> StatusCode {
    panic!("no such account")
}

/// Code that blocks the runtime's thread.
async fn block() {
    loop {
        std::thread::park();
    }
}

/// A body that begins and does not end.
async fn begin_body() -> Body {
    let parts = stream::iter([Ok::<_, Infallible>("begun")]);
    Body::from_stream(parts.chain(stream::pending()))
}

/// A body that begins and breaks, after its head and its beginning were sent.
async fn break_body() -> Body {
    let breaks = async {
        tokio::task::yield_now().await;
        Err("the disk is gone")
    };
    Body::from_stream(stream::iter([Ok("begun")]).chain(stream::once(breaks)))
}

/// hyper without a router, whose time limit is an error of the service.
async fn serve_hyper(listener: TcpListener) {
    let service = ServiceBuilder::new()
        .layer(monitor_tower::http().route(|_| Some("/pay".into())))
        .layer(tower::timeout::TimeoutLayer::new(LIMIT))
        .service(service_fn(async |_request: Request<Incoming>| {
            pending::<Result<Response, Infallible>>().await
        }));
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(service.clone());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}
