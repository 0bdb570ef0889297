//! Routes in memory: method x path -> status, headers, body.

use std::net::SocketAddr;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use monitor_core::{ErrorRules, Monitor, StatusRule, StorageConfig, TaskStatus};
use prometheus::Registry;

use super::*;
use crate::MonitorConfig;
use crate::mount::{ServiceBody, open};

mod matrix;
mod page;
mod scrapes;

fn context(config: StorageConfig) -> Arc<Context> {
    let server = MonitorConfig::default().registry(Registry::new());
    Arc::new(Context::new(Monitor::new(config), &server))
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    /// Bytes of the body.
    length: usize,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

async fn ask(
    filter: BoxedFilter<(warp::reply::Response,)>,
    request: Request<Empty<Bytes>>,
) -> Answer {
    asked_of(warp::service(filter), request).await
}

/// The same of a `tower` service.
async fn asked_of<S, B>(service: S, request: Request<Empty<Bytes>>) -> Answer
where
    S: tower_service::Service<Request<Empty<Bytes>>, Response = http::Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: hyper::body::Body<Error: std::fmt::Debug>,
{
    let service = TowerToHyperService::new(service);
    let response = service.call(request).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body in memory").to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        length: body.len(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// A request from this machine.
fn request(method: &str, target: &str) -> Request<Empty<Bytes>> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 5)).into();
    let client = Client::new(peer, &target.parse().expect("a target"), false);
    Request::builder()
        .method(method)
        .uri(target)
        .header("host", "localhost")
        .extension(client)
        .body(Empty::new())
        .expect("a request")
}

/// One that asks for another host.
fn foreign(method: &str, target: &str) -> Request<Empty<Bytes>> {
    let mut request = request(method, target);
    let host = HeaderValue::from_static("evil.example");
    request.headers_mut().insert("host", host);
    request
}

async fn get(context: &Arc<Context>, target: &str) -> Answer {
    ask(all(Arc::clone(context)), request("GET", target)).await
}

#[tokio::test]
async fn a_mounted_server_is_ready_from_its_start_to_its_drain() {
    let monitor = Monitor::new(StorageConfig::default());
    let config = MonitorConfig::default()
        .registry(Registry::new())
        .wait_for_started(true);
    let server = crate::MetricServer::with_config(&config, monitor);
    let said = async |code, word| {
        for path in ["/readyz", "/-/ready"] {
            let answer = ask(server.filter(), request("GET", path)).await;
            assert_eq!((answer.status, answer.body.as_str()), (code, word));
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        }
        for path in ["/livez", "/-/healthy"] {
            let alive = ask(server.filter(), request("GET", path)).await;
            assert_eq!((alive.status, alive.body.as_str()), (200, "ok"));
        }
    };
    said(503, "starting").await;
    server.started();
    said(200, "ready").await;
    server.begin_drain();
    said(503, "draining").await;
}

const PATHS: [&str; 13] = [
    "/",
    "/verdict",
    "/top",
    "/metrics",
    "/livez",
    "/readyz",
    "/-/healthy",
    "/-/ready",
    "/startupz",
    "/health",
    "/health/default",
    "/health/readiness",
    "/health/liveness",
];

/// More of them are in the access matrix.
const UNKNOWN: [&str; 13] = [
    "//",
    "/x/../metrics",
    "/%6Detrics",
    "/metricsx",
    "/-",
    "/-/",
    "/-/healthy/",
    "/health/",
    "/health/nobody",
    "/health/default/",
    "/healthz",
    "/favicon.ico",
    "/api/v1/x",
];

#[tokio::test]
async fn each_method_on_each_path() {
    let context = context(StorageConfig::default());
    for path in PATHS.into_iter().chain(UNKNOWN) {
        // No other method asks which task types there are.
        let has_task = path.len() > "/health/".len() && path.starts_with("/health/");
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW",
        ] {
            let answer = ask(all(Arc::clone(&context)), request(method, path)).await;
            let is_read = ["GET", "HEAD"].contains(&method);
            let expected = match (PATHS.contains(&path), is_read) {
                (true, true) => 200,
                (true, false) => 405,
                (false, false) if has_task || path.starts_with("/api/v1/") => 405,
                (false, _) => 404,
            };
            let cell = format!("{method} {path}");
            assert_eq!(answer.status, expected, "{cell}");
            let allow = if expected == 405 { "GET, HEAD" } else { "" };
            assert_eq!(answer.header("allow"), allow, "{cell}");
            assert_eq!(answer.header("cache-control"), "no-store", "{cell}");
            let length = answer.header("content-length");
            assert_ne!(length, "0", "{cell}");
            if method == "HEAD" {
                assert_eq!(answer.body, "", "{cell}");
            } else {
                assert_eq!(length, answer.length.to_string(), "{cell}");
            }
        }
    }
}

/// To clients from everywhere, as a probe; a mounted server lists its own paths.
#[tokio::test]
async fn the_root_lists_the_paths_that_are_served() {
    let context = context(StorageConfig::default());
    let listed = |answer: &Answer| -> Vec<String> {
        let lines = answer.body.lines();
        let paths = lines.filter(|line| line.starts_with('/'));
        paths
            .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    };
    let all_paths = [
        "/",
        "/metrics",
        "/verdict",
        "/top",
        "/api/v1/verdict",
        "/health",
        "/livez",
        "/readyz",
        "/startupz",
    ];
    for request in [request("GET", "/"), foreign("GET", "/")] {
        let answer = ask(all(Arc::clone(&context)), request).await;
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("vary"), "Accept");
        assert_eq!(listed(&answer), all_paths);
        for path in listed(&answer) {
            assert_eq!(get(&context, &path).await.status, 200, "{path}");
        }
    }
    let mounted = |target: &str| {
        let mut request = request("GET", target);
        request.extensions_mut().clear();
        request
    };
    let open_paths = ["/metrics", "/livez", "/readyz", "/startupz"];
    let service = crate::MetricServer { context }.service();
    assert_eq!(listed(&asked_of(service, mounted("/")).await), open_paths);
}

#[tokio::test]
async fn a_query_does_not_change_the_route() {
    let context = context(StorageConfig::default());
    for target in [
        "/livez?verbose",
        "/readyz?",
        "/health?x=/metrics",
        "http://localhost/livez",
    ] {
        assert_eq!(get(&context, target).await.status, 200, "{target}");
    }
    let many = format!("/metrics?{}", vec!["name[]=a"; 1001].join("&"));
    assert_eq!(get(&context, &many).await.status, 400);
}

fn unhealthy_after_two() -> Arc<Context> {
    let mut config = StorageConfig::default();
    let rule = StatusRule {
        status: "FATAL".into(),
        service_errors: vec!["oom".into()],
        unhealthy: 2,
    };
    config.errors = ErrorRules::try_new([rule]).expect("valid rules");
    context(config)
}

/// Takes out the age, which is another each time.
fn take_age(details: &mut serde_json::Value) {
    let age = details
        .as_object_mut()
        .and_then(|map| map.remove("age_seconds"));
    assert!(age.is_some_and(|age| age.as_f64().is_some_and(|age| age < 60.0)));
}

#[tokio::test]
async fn health_is_503_once_a_run_reaches_its_threshold_and_probes_do_not_care() {
    let context = unhealthy_after_two();
    let monitor = context.health.monitor;
    let get = async |path: &str| get(&context, path).await;
    let json =
        |answer: &Answer| serde_json::from_str::<serde_json::Value>(&answer.body).expect("json");

    let healthy = get("/health").await;
    assert_eq!(healthy.status, 200);
    assert_eq!(healthy.header("content-type"), "application/json");
    assert_eq!(json(&healthy)["status"], "UP");

    monitor.set_task_status(TaskStatus::Fatal, "loader");
    assert_eq!(get("/health").await.status, 200);
    monitor.set_task_status(TaskStatus::Fatal, "loader");
    monitor.set_task_status(TaskStatus::Ok, "default");
    let ill = get("/health").await;
    assert_eq!(ill.status, 503);
    let mut body = json(&ill);
    assert_eq!(body["status"], "DOWN");
    take_age(&mut body["components"]["loader"]["details"]);
    let details = serde_json::json!({"task_status": "FATAL", "run": 2, "threshold": 2});
    assert_eq!(
        body["components"]["loader"],
        serde_json::json!({"status": "DOWN", "details": details})
    );
    assert_eq!(body["components"]["default"]["status"], "UP");
    assert_eq!(body["reasons"].as_array().map(Vec::len), Some(1));

    let task = get("/health/loader").await;
    let mut found = json(&task)["details"].clone();
    take_age(&mut found);
    assert_eq!((task.status, found), (503, details));
    assert_eq!(get("/health/%6Coader").await.status, 503);
    assert_eq!(get("/health/default").await.status, 200);
    for probe in ["/livez", "/readyz"] {
        assert_eq!(get(probe).await.status, 200, "{probe}");
    }
}

#[tokio::test]
async fn a_known_task_that_was_never_set_is_ok_for_no_call_yet() {
    let context = unhealthy_after_two();
    context.health.monitor.method("Get").expect("a name");
    let details = r#"{"status":"UP","details":{"task_status":"OK","run":0}}"#;
    for path in ["/health/default", "/health/Get"] {
        let answer = get(&context, path).await;
        assert_eq!((answer.status, &*answer.body), (200, details), "{path}");
        let answer = ask(all(Arc::clone(&context)), foreign("GET", path)).await;
        assert_eq!(answer.body, r#"{"status":"UP"}"#, "{path}");
    }
    assert_eq!(get(&context, "/health/get").await.status, 404);
}

#[tokio::test]
async fn the_mounted_filter_has_metrics_and_probes_and_leaves_the_rest_to_others() {
    let context = context(StorageConfig::default());
    let mounted = || {
        let hello = warp::path("hello").map(|| text(StatusCode::OK, "hello").map(Into::into));
        open(Arc::clone(&context)).or(hello).unify().boxed()
    };
    let status = async |filter, method, target| ask(filter, request(method, target)).await.status;
    for (target, expected) in [
        ("/metrics", 200),
        ("/livez", 200),
        ("/readyz", 200),
        ("/-/healthy", 200),
        ("/-/ready", 200),
        ("/startupz", 200),
        ("/hello", 200),
        ("/health", 404),
        ("/health/default", 404),
        ("/", 404),
        ("/metrics/", 404),
    ] {
        assert_eq!(status(mounted(), "GET", target).await, expected, "{target}");
    }
    assert_eq!(status(mounted(), "POST", "/metrics").await, 405);
    let prefixed = warp::path("monitoring").and(open(context)).boxed();
    let inside = status(prefixed.clone(), "GET", "/monitoring/livez").await;
    assert_eq!(
        (inside, status(prefixed, "GET", "/livez").await),
        (200, 404)
    );
}

#[tokio::test]
async fn the_mounted_service_answers_as_the_filter_and_the_rest_with_404() {
    fn fits<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn fits_future<T: Future<Output = Result<http::Response<ServiceBody>, Infallible>> + Send>(
        future: T,
    ) -> T {
        future
    }
    fn fits_body<T: hyper::body::Body<Data = Bytes> + Send + Sync + 'static>(_: &T) {}

    let context = context(StorageConfig::default());
    let mut service = crate::MetricServer { context }.service();
    fits(&service);
    for (method, target, status, body) in [
        ("GET", "/livez", 200, "ok"),
        ("GET", "/readyz?x", 200, "ready"),
        ("HEAD", "/livez", 200, ""),
        ("POST", "/livez", 405, "method not allowed"),
        ("GET", "/health", 404, "not found"),
        ("POST", "/", 405, "method not allowed"),
        ("GET", "livez", 404, "not found"),
        ("CONNECT", "livez:80", 404, "not found"),
        ("OPTIONS", "*", 404, "not found"),
    ] {
        let answer = asked_of(service.clone(), request(method, target)).await;
        assert_eq!((answer.status, &*answer.body), (status, body), "{target}");
    }
    // Any body will do, also one that is no body at all.
    let scrape = Request::get("/metrics?name[]=service_tasks_started_total").body("not a body");
    let scrape = tower_service::Service::call(&mut service, scrape.expect("a request"));
    let answer = fits_future(scrape).await.expect("infallible");
    fits_body(answer.body());
    let page = answer.into_body().collect().await.expect("infallible");
    assert!(
        page.to_bytes()
            .ends_with(b"\nservice_tasks_started_total 0\n")
    );
}

#[tokio::test]
async fn a_panicking_handler_is_a_500() {
    let context = context(StorageConfig::default());
    let answer = caught(&context, async { panic!("a bug") }).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(context.metrics.errors(Cause::Internal), 1);
}
