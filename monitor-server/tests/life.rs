//! The life of a server: start, refusals, drain, stop, and start again.

mod served;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use monitor_core::Monitor;
use monitor_server::{Limits, MetricServer, MonitorServer, RunError, run};
use served::{
    Slow, ask, connect, eventually, large_registry, local, page, read_all, send, send_get,
    server_threads, started, status, status_of, turn,
};
use tokio::runtime::Builder;

/// Threads of a stopped server may take a moment to leave the process's list.
fn assert_no_server_threads() {
    let begin = Instant::now();
    let mut last_seen = server_threads();
    while !last_seen.is_empty() && begin.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(1));
        last_seen = server_threads();
    }
    assert_eq!(last_seen, Vec::<String>::new());
}

#[test]
fn it_listens_when_run_returns_and_is_gone_after_shutdown() {
    let _turn = turn();
    assert!(MonitorServer::instance().is_none());
    let server = run(local()).expect("a server");
    let address = server.local_addr();
    assert_ne!(address.port(), 0);
    assert_eq!(
        MonitorServer::instance().map(|server| server.local_addr()),
        Some(address)
    );
    assert_eq!(status(address, "/livez"), "200");
    assert!(server_threads().contains(&"monitor-server".to_owned()));
    drop(server);
    assert_eq!(status(address, "/livez"), "200");
    let server = MonitorServer::instance().expect("it runs on");
    server.shutdown();
    assert!(MonitorServer::instance().is_none());
    assert!(TcpStream::connect(address).is_err());
    assert_no_server_threads();
    server.shutdown();
}

#[test]
fn a_taken_port_is_an_error_that_names_the_address() {
    let _turn = turn();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = run(local().port(address.port())).expect_err("taken");
    assert!(
        matches!(&error, RunError::Bind { address: named, .. } if *named == address),
        "{error:?}"
    );
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    assert!(MonitorServer::instance().is_none());
    assert_no_server_threads();
}

#[test]
fn self_time_is_sampled_where_it_is_set_until_the_server_stops() {
    let _turn = turn();
    let is_sampling = || server_threads().contains(&"monitor-sampler".to_owned());
    let server = run(local()).expect("a server");
    assert!(!is_sampling());
    server.shutdown();
    // The thread is there before the port is known to be taken.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let error = run(local().port(port).sampler(1000)).expect_err("taken");
    assert!(matches!(error, RunError::Bind { .. }), "{error:?}");
    assert_no_server_threads();

    let server = run(local().sampler(1000)).expect("a server");
    let method = server.method("Sampled").expect("a good name");
    method.start().run(|| {
        let is_seen = || {
            let page = page(server.local_addr());
            let line = |name: &str| {
                page.lines()
                    .find_map(|line| line.strip_prefix(name)?.parse().ok())
            };
            let seconds: Option<f64> = line("monitor_self_seconds_total{method=\"Sampled\"} ");
            let samples: Option<f64> = line("monitor_samples_total ");
            seconds > Some(0.0) && samples > Some(0.0)
        };
        eventually(is_seen);
    });
    assert!(is_sampling());
    let samples = || {
        let snapshot = Monitor::global().snapshot();
        snapshot.self_time.map(|times| times.samples)
    };
    server.shutdown();
    let at_the_end = samples();
    assert_no_server_threads();
    assert!(at_the_end > Some(0));
    assert_eq!(samples(), at_the_end);
}

#[test]
fn a_second_run_is_refused_and_leaves_the_first_alone() {
    let _turn = turn();
    let server = run(local()).expect("a server");
    let error = run(local()).expect_err("one runs");
    assert!(
        matches!(&error, RunError::AlreadyRunning { address } if *address == server.local_addr()),
        "{error:?}"
    );
    assert_eq!(status(server.local_addr(), "/livez"), "200");
    server.shutdown();
}

#[test]
fn a_wrong_setting_changes_and_leaves_nothing() {
    let _turn = turn();
    let error = run(local().max_workers(77).errors("FATAL", [""], 1)).expect_err("a blank word");
    assert!(matches!(error, RunError::Config(_)), "{error:?}");
    assert_ne!(Monitor::global().config().max_workers, 77);
    assert!(MonitorServer::instance().is_none());
    assert_no_server_threads();
    run(local().max_workers(78)).expect("a server").shutdown();
    assert_eq!(Monitor::global().config().max_workers, 78);
}

#[test]
fn it_starts_a_hundred_times_on_one_port() {
    let _turn = turn();
    let first = run(local()).expect("a server");
    let address = first.local_addr();
    first.shutdown();
    for round in 0..100 {
        let server = run(local().port(address.port()))
            .unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert_eq!(status(address, "/livez"), "200", "round {round}");
        server.shutdown();
    }
    assert_no_server_threads();
}

#[test]
fn half_sent_requests_do_not_hold_the_stop() {
    let server = started(local());
    let mut idle = connect(server.local_addr());
    send_get(&mut idle, "/livez");
    idle.read_exact(&mut [0; 12]).expect("an answer");
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = connect(server.local_addr());
            send(&mut stream, "GET /metrics HTTP/1.1\r\nHost:");
            stream
        })
        .collect();
    let silent = connect(server.local_addr());
    let begin = Instant::now();
    server.shutdown();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    drop((idle, clients, silent));
}

#[test]
fn a_running_request_is_answered_before_the_stop() {
    let server = started(local().collector(Slow::by(Duration::from_millis(500))));
    let address = server.local_addr();
    let scrape = std::thread::spawn(move || page(address));
    std::thread::sleep(Duration::from_millis(150));
    let begin = Instant::now();
    server.shutdown();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let page = scrape.join().expect("no panic");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
}

#[test]
fn a_request_that_outlasts_the_grace_is_cut_off() {
    for grace in [Duration::ZERO, Duration::from_millis(300)] {
        let slow = Slow::held();
        let limits = Limits::default()
            .stop_grace(grace)
            .gather_timeout(Duration::ZERO);
        let server = started(local().collector(slow.clone()).limits(limits));
        let mut stream = connect(server.local_addr());
        send_get(&mut stream, "/metrics");
        eventually(|| slow.begun.load(Ordering::SeqCst));
        let begin = Instant::now();
        server.shutdown();
        // By default it would be waited for, five seconds.
        let took = begin.elapsed();
        assert!(
            took >= grace && took < grace + Duration::from_secs(1),
            "{took:?}"
        );
        assert_eq!(read_all(&mut stream), "");
        slow.held.store(false, Ordering::SeqCst);
        assert_no_server_threads();
    }
}

#[test]
fn a_registry_that_hangs_leaves_the_page_and_does_not_hold_the_stop() {
    let slow = Slow::held();
    let limits = Limits::default().gather_timeout(Duration::from_millis(100));
    let config = local().collector(slow.clone()).limits(limits);
    let server = started(config);
    let begin = Instant::now();
    let page = page(server.local_addr());
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(
        page.contains("monitor_scrape_errors_total{cause=\"overrun\"} 1\n"),
        "{page}"
    );
    server.shutdown();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(server_threads().contains(&"monitor-pool".to_owned()));
    // Nothing of it may be left when the next test looks.
    slow.held.store(false, Ordering::SeqCst);
    assert_no_server_threads();
}

#[test]
fn a_page_that_is_read_slowly_is_read_to_its_end_before_the_stop() {
    let _turn = turn();
    let bytes = 24 << 20;
    let server = run(local().registry(large_registry(bytes))).expect("a server");
    let mut stream = connect(server.local_addr());
    send_get(&mut stream, "/metrics");
    stream.read_exact(&mut [0; 12]).expect("a status");
    let stopping = std::thread::spawn(move || server.shutdown());
    std::thread::sleep(Duration::from_millis(400));
    assert!(!stopping.is_finished());
    assert!(read_all(&mut stream).len() > bytes);
    stopping.join().expect("no panic");
}

#[test]
fn it_may_be_started_and_stopped_in_async_code() {
    let _turn = turn();
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = run(local()).expect("a server");
            assert!(server.wait_for_ending_tasks(Duration::ZERO).await.is_ok());
            server.shutdown();
            let server = run(local()).expect("a server");
            server
                .drain(Duration::from_secs(1))
                .await
                .expect("no tasks");
            assert!(MonitorServer::instance().is_none());
        });
    }
    assert_no_server_threads();
}

/// The smallest executor there is: waits work on any.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn waiting_ends_with_the_tasks_or_with_the_limit() {
    let server = started(local());
    let method = server.method("waited for").expect("a method");
    let guard = method.start();
    let limit = Duration::from_millis(50);
    let left = block_on(server.wait_for_ending_tasks(limit)).expect_err("one runs");
    assert_eq!((left.left, left.limit), (1, limit));
    assert_eq!(left.to_string(), "1 calls still run after 50ms");
    let left = server.wait_for_ending_tasks_blocking(limit);
    assert_eq!(left.expect_err("one runs").left, 1);

    let ending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        guard.finish(monitor_core::Outcome::Success);
    });
    let begin = Instant::now();
    block_on(server.wait_for_ending_tasks(Duration::from_secs(10))).expect("it ended");
    assert!(begin.elapsed() < Duration::from_secs(5));
    ending.join().expect("no panic");
    server
        .wait_for_ending_tasks_blocking(Duration::ZERO)
        .expect("none runs");

    let guard = method.start();
    server.shutdown();
    let left = block_on(server.wait_for_ending_tasks(limit));
    assert_eq!(left.expect_err("one runs").left, 1);
    guard.finish(monitor_core::Outcome::Success);
}

#[test]
fn draining_turns_readiness_off_waits_and_stops() {
    let server = started(local());
    let address = server.local_addr();
    let guard = server.method("drained").expect("a method").start();
    let draining = {
        let server = server.clone();
        std::thread::spawn(move || block_on(server.drain(Duration::from_secs(10))))
    };
    eventually(|| status(address, "/readyz") == "503");
    for path in ["/metrics", "/livez", "/health"] {
        assert_eq!(status(address, path), "200", "{path}");
    }
    assert!(!draining.is_finished());
    guard.finish(monitor_core::Outcome::Success);
    draining.join().expect("no panic").expect("the task ended");
    assert!(MonitorServer::instance().is_none());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_metric_server_runs_beside_it() {
    let _turn = turn();
    let monitor = Monitor::new(monitor_core::StorageConfig::default());
    let metrics = MetricServer::new(prometheus::Registry::new(), false, monitor);
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let (one, two) = (
        metrics.run_in_thread(loopback).expect("a server"),
        metrics.run_in_thread(loopback).expect("another"),
    );
    let server = run(local()).expect("the process's");
    for address in [one.local_addr(), two.local_addr(), server.local_addr()] {
        assert_eq!(status(address, "/metrics"), "200");
        assert_eq!(status(address, "/health"), "200");
    }
    assert!(matches!(
        metrics.run_in_thread(one.local_addr()),
        Err(RunError::Bind { .. })
    ));
    one.shutdown();
    assert!(TcpStream::connect(one.local_addr()).is_err());
    assert_eq!(status(two.local_addr(), "/livez"), "200");
    two.shutdown();
    server.shutdown();
    // It keeps threads that idle for a while: it may be served again.
    drop(metrics);
    assert_no_server_threads();
}

#[test]
fn stalled_clients_are_cut_off_and_do_not_lock_others_out() {
    let limits = Limits::default()
        .max_connections(8)
        .header_timeout(Duration::from_millis(700))
        .connection_timeout(Duration::from_millis(1500));
    let server = started(local().limits(limits));
    let address = server.local_addr();
    let stalls: [&[u8]; 4] = [
        b"",
        b"G",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n",
        b"PRI * HTTP/2.0\r\n",
    ];
    for stall in stalls {
        let mut stream = connect(address);
        stream.write_all(stall).expect("sent");
        let begin = Instant::now();
        read_all(&mut stream);
        assert!(
            begin.elapsed() < Duration::from_millis(1700),
            "{stall:?}: {:?}",
            begin.elapsed()
        );
    }
    // A body that never comes: the answer is sent, and the connection closed.
    let mut stream = connect(address);
    send(
        &mut stream,
        "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    );
    let begin = Instant::now();
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 200 OK"));
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(2500), "{took:?}");
}

#[test]
fn heads_beyond_the_limits_are_431() {
    let server = started(local());
    let ask = |headers: &str| {
        let headers = format!("Host: x\r\n{headers}");
        status_of(&ask(server.local_addr(), "GET", "/livez", &headers)).to_owned()
    };
    assert_eq!(ask(""), "200");
    assert_eq!(ask(&format!("X: {}\r\n", "a".repeat(8000))), "200");
    assert_eq!(ask(&format!("X: {}\r\n", "a".repeat(17_000))), "431");
    assert_eq!(ask(&"X: a\r\n".repeat(60)), "200");
    assert_eq!(ask(&"X: a\r\n".repeat(70)), "431");
}
