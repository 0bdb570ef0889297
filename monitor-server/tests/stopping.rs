//! The end of a service as its own code sees it: `stopping` in axum, `is_draining` in a worker, and one limit for all;
//! and a worker that ends too early, and a runtime that is blocked.

mod served;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use monitor_core::Outcome;
use monitor_server::{DrainError, MonitorServer, RunError};
use served::{ask, connect, eventually, local, metric, send_get, started, status};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// An axum service with one route, whose requests are tasks that end when they are told to.
async fn serve(
    server: MonitorServer,
    limit: Duration,
    go_on: Arc<Notify>,
    begun: tokio::sync::oneshot::Sender<SocketAddr>,
) -> Result<std::io::Result<()>, DrainError> {
    let method = server.method("Slow").expect("a name");
    let slow = move || async move {
        let call = method.start();
        go_on.notified().await;
        call.finish(Outcome::Success);
        "done"
    };
    let app = Router::new().route("/", get(slow));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    begun
        .send(listener.local_addr().expect("an address"))
        .expect("it is waited for");
    let serving = axum::serve(listener, app).with_graceful_shutdown(server.stopping());
    server.serve_until_stopped(limit, serving).await
}

/// The end of a service that has a request of this method under way, which is told to end or not.
fn ended_with_a_request(limit: Duration, ends: bool) -> Result<(), DrainError> {
    let server = started(local());
    let runtime = runtime();
    let go_on = Arc::new(Notify::new());
    let (begun, address) = tokio::sync::oneshot::channel();
    let serving = runtime.spawn(serve(server.clone(), limit, Arc::clone(&go_on), begun));
    let address = address.blocking_recv().expect("it serves");
    let mut client = connect(address);
    send_get(&mut client, "/");
    eventually(|| server.in_flight() == 1);
    server.begin_drain();
    if ends {
        eventually(|| std::net::TcpStream::connect(address).is_err());
        assert_eq!(status(server.local_addr(), "/readyz"), "503");
        assert_eq!(status(server.local_addr(), "/livez"), "200");
        go_on.notify_one();
    }
    let ended = runtime.block_on(serving).expect("no panic");
    assert!(MonitorServer::instance().is_none());
    ended.map(|served| served.expect("axum serves"))
}

#[test]
fn one_limit_holds_for_requests_and_tasks() {
    let begin = Instant::now();
    ended_with_a_request(PATIENCE, true).expect("all has ended");
    assert!(begin.elapsed() < PATIENCE);

    // So long that a second limit behind it shows.
    let limit = Duration::from_secs(3);
    let begin = Instant::now();
    let error = ended_with_a_request(limit, false).expect_err("a request is left");
    assert!(
        matches!(error, DrainError::StillServing { left: 1, limit: told } if told == limit),
        "{error:?}"
    );
    assert!(begin.elapsed() < 2 * limit);
}

#[test]
fn a_service_that_ends_by_itself_is_drained_and_returns_its_output() {
    let server = started(local().drain_pause(PATIENCE * 10));
    let ended = runtime().block_on(server.serve_until_stopped(PATIENCE, async { 7 }));
    assert_eq!(ended.expect("no tasks"), 7);
    assert!(MonitorServer::instance().is_none());
    drop(server);

    let server = started(local());
    let task = server.method("Left").expect("a name").start();
    let serving = server.serve_until_stopped(Duration::from_millis(50), async {});
    let error = runtime().block_on(serving).expect_err("a task is left");
    assert!(matches!(error, DrainError::TasksLeft(left) if left.left == 1));
    task.finish(Outcome::Success);
}

#[test]
fn stopping_waits_out_the_pause_of_a_drain_that_code_begins() {
    let pause = Duration::from_millis(700);
    let server = started(local().drain_pause(pause));
    let runtime = runtime();
    let stopping = runtime.spawn(server.stopping());
    let drain = runtime.spawn(server.wait_for_drain());
    assert!(!server.is_draining() && !server.wait_for_drain_blocking(Duration::ZERO));
    assert!(!stopping.is_finished() && !drain.is_finished());
    let begin = Instant::now();
    server.begin_drain();
    assert!(server.is_draining() && server.wait_for_drain_blocking(PATIENCE));
    runtime.block_on(drain).expect("no panic");
    assert!(!stopping.is_finished(), "the pause goes on");
    runtime.block_on(stopping).expect("no panic");
    assert!(begin.elapsed() >= pause);
}

#[test]
fn a_server_that_has_stopped_ends_what_waits_for_its_drain() {
    let server = started(local());
    let runtime = runtime();
    let waiting = [
        runtime.spawn(server.stopping()),
        runtime.spawn(server.wait_for_drain()),
    ];
    let blocking = {
        let server = server.clone();
        std::thread::spawn(move || server.wait_for_drain_blocking(PATIENCE * 10))
    };
    server.shutdown();
    for waiting in waiting {
        runtime.block_on(waiting).expect("no panic");
    }
    assert!(blocking.join().expect("no panic"));
    assert!(server.is_draining());
}

#[test]
fn dropping_the_future_leaves_the_server_running() {
    let server = started(local());
    let runtime = runtime();
    let serving = server.serve_until_stopped(PATIENCE, pending::<()>());
    let serving = async { tokio::time::timeout(Duration::from_millis(50), serving).await };
    assert!(runtime.block_on(serving).is_err());
    assert_eq!(status(server.local_addr(), "/readyz"), "200");
}

/// Status and body of `/health` or a path below.
fn health(server: &MonitorServer, path: &str) -> (String, String) {
    let answer = ask(server.local_addr(), "GET", path, "Host: localhost\r\n");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (served::status_of(&answer).to_owned(), body.to_owned())
}

#[test]
fn a_worker_that_dies_is_a_component_that_is_down() {
    let config = local().readiness(["ready"]).drain_pause(Duration::ZERO);
    let server = started(config);
    let runtime = runtime();
    let die = Arc::new(Notify::new());
    let spawn = |name: &'static str| {
        let die = Arc::clone(&die);
        let _context = runtime.enter();
        let worker = server.spawn(name, async move {
            die.notified().await;
            assert!(name != "indexer", "the index is gone");
        });
        worker.expect("a runtime")
    };
    let (indexer, ready) = (spawn("indexer"), spawn("ready"));
    let address = server.local_addr();
    assert_eq!(health(&server, "/health").0, "200");
    assert_eq!(health(&server, "/health/indexer").0, "200");
    assert_eq!(status(address, "/readyz"), "200");
    assert!(metric(address, "monitor_worker_up{worker=\"indexer\"}") > 0.5);

    die.notify_waiters();
    eventually(|| indexer.is_finished() && ready.is_finished());
    let (code, body) = health(&server, "/health");
    assert_eq!(code, "503");
    assert!(
        body.contains("\"worker:indexer\":{\"status\":\"DOWN\""),
        "{body}"
    );
    assert!(
        body.contains("worker `indexer`: it panicked: the index is gone"),
        "{body}"
    );
    assert!(body.contains("worker `ready`: it has ended"), "{body}");
    assert_eq!(health(&server, "/health/indexer").0, "503");
    assert_eq!(status(address, "/readyz"), "503");
    assert_eq!(status(address, "/livez"), "200");
    assert!(metric(address, "monitor_worker_up{worker=\"indexer\"}") < 0.5);
    let panic = runtime.block_on(indexer).expect_err("it panicked");
    assert!(panic.is_panic());

    let again = [spawn("indexer"), spawn("ready")];
    assert_eq!(health(&server, "/health").0, "200");
    assert_eq!(status(address, "/readyz"), "200");
    again.iter().for_each(tokio::task::JoinHandle::abort);
    eventually(|| {
        health(&server, "/health")
            .1
            .contains("it was dropped before its end")
    });
}

#[test]
fn a_worker_needs_a_name_and_a_runtime() {
    let server = started(local());
    let error = server.spawn("consumer", async {}).expect_err("no runtime");
    assert!(matches!(&error, RunError::NoRuntime { name } if &**name == "consumer"));
    let runtime = runtime();
    let _context = runtime.enter();
    for name in ["", " ", "default", "readiness", &"x".repeat(121)] {
        let error = server.spawn(name, async {}).expect_err("no name");
        assert!(matches!(error, RunError::Config(_)), "{name}: {error}");
    }
}

#[test]
fn a_runtime_that_is_blocked_is_not_live_until_it_goes_on() {
    let runtime = runtime();
    let config = local()
        .runtime("main", runtime.handle())
        .runtime_timeout(Duration::from_millis(300));
    let server = started(config);
    let address = server.local_addr();
    let delay = || metric(address, "tokio_scheduling_delay_seconds{runtime=\"main\"}");
    let page = || served::page(address);
    eventually(|| page().contains("\ntokio_scheduling_delay_seconds"));
    eventually(|| status(address, "/livez") == "200" && status(address, "/health/main") == "200");

    // Both of its threads.
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    for _ in 0..2 {
        let blocked = Arc::clone(&blocked);
        runtime.spawn(async move {
            let _ = blocked.lock().map(|blocked| blocked.recv());
        });
    }
    eventually(|| status(address, "/livez") == "503");
    let (code, body) = health(&server, "/health");
    assert_eq!(code, "503");
    assert!(
        body.contains("runtime `main`: no task was polled for"),
        "{body}"
    );
    let (code, body) = health(&server, "/health/liveness");
    assert_eq!(code, "503");
    assert!(body.contains("a runtime is stuck"), "{body}");
    assert_eq!(status(address, "/readyz"), "200");
    assert!(delay() > 0.3);
    drop(release);
    eventually(|| status(address, "/livez") == "200");
    eventually(|| health(&server, "/health").0 == "200");
    assert!(delay() > 0.3, "that of the last minute");

    drop(runtime);
    eventually(|| !page().contains("\ntokio_scheduling_delay_seconds"));
    assert_eq!(status(address, "/livez"), "200");
}
