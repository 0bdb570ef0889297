//! Health over a socket: checks, marks, heartbeat, groups, both shapes, metrics, the watch channel.

mod served;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use monitor_core::names::Profile;
use monitor_core::{ErrorText, ErrorView, HealthStatus, Monitor, Outcome, ShareParts, TaskStatus};
use monitor_server::{Check, MetricServer, MonitorConfig, MonitorServer, Readiness, RunError, run};
use serde_json::Value;
use served::{Served, eventually, local, started, turn};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

/// The limit for an event that happens at once on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Answer {
    code: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("json")
    }
}

fn ask(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let answer = served::ask(address, "GET", path, headers);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    Answer {
        code: served::status_of(&answer).parse().expect("a status"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, path, "Host: localhost\r\n")
}

/// The status and the word of a probe.
fn probe(address: SocketAddr, path: &str) -> String {
    let answer = get(address, path);
    format!("{} {}", answer.code, answer.body)
}

/// A server with a check `db` that is well while the flag says so.
fn with_check(config: MonitorConfig, check: Check) -> (Served, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let config = config.check("db", check, Arc::clone(&well), |well| async move {
        let is_well = well.load(Ordering::SeqCst);
        is_well.then_some(()).ok_or("connection refused")
    });
    (started(config), well)
}

/// Runs a test with each runtime that async checks may run on: one whose handle is given, the one in which the server is
/// started, and one that the server makes.
fn in_each_way(test: impl Fn(&Runtime, &str, &dyn Fn(MonitorConfig) -> MonitorServer)) {
    let _turn = turn();
    for way in ["given", "ambient", "own"] {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(2)
            .thread_name("service")
            .enable_all();
        let service = builder.build().expect("a runtime");
        test(&service, way, &|config| {
            let config = match way {
                "given" => config.check_runtime(service.handle()),
                _ => config,
            };
            let _ambient = (way == "ambient").then(|| service.enter());
            run(config).expect("a server")
        });
    }
}

#[test]
fn a_check_that_blocks_inside_async_code_leaves_the_probes_the_page_and_the_other_checks_on_time() {
    in_each_way(|_, way, start| {
        let blocks = Arc::new(AtomicBool::new(true));
        let runs = Arc::new(AtomicU32::new(0));
        let once = Check::every(PATIENCE * 100).timeout(Duration::from_millis(50));
        let config = local()
            .check("blocks", once, Arc::clone(&blocks), |blocks| async move {
                while blocks.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok::<(), String>(())
            })
            .check("well", often(), Arc::clone(&runs), |runs| async move {
                runs.fetch_add(1, Ordering::SeqCst);
                Ok::<(), String>(())
            });
        let server = start(config);
        let address = server.local_addr();
        eventually(|| {
            get(address, "/health/blocks").json()["details"]["output"] == "no answer within 50ms"
        });
        let before = runs.load(Ordering::SeqCst);
        let begin = Instant::now();
        for path in ["/livez", "/metrics", "/readyz"] {
            assert_eq!(get(address, path).code, 200, "{path}, {way}");
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "{way}");
        eventually(|| runs.load(Ordering::SeqCst) > before + 10);
        assert_eq!(get(address, "/health/well").code, 200, "{way}");
        let begin = Instant::now();
        server.shutdown();
        assert!(begin.elapsed() < Duration::from_secs(2), "{way}");
        blocks.store(false, Ordering::SeqCst);
    });
}

#[test]
fn a_check_runs_on_the_service_s_runtime_and_what_it_opens_lives_on_there() {
    type Connection = mpsc::UnboundedSender<oneshot::Sender<()>>;
    in_each_way(|service, way, start| {
        let opened: Arc<Mutex<Option<Connection>>> = Arc::default();
        // A pool as services have them: the first use opens the connection, whose task belongs to the runtime of that
        // moment.
        let check = local().check("db", often(), Arc::clone(&opened), |pool| async move {
            let connection = {
                let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
                let open = || {
                    let (connection, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
                    tokio::spawn(async move {
                        while let Some(answer) = asked.recv().await {
                            let _ = answer.send(());
                        }
                    });
                    connection
                };
                pool.get_or_insert_with(open).clone()
            };
            let (answer, answered) = oneshot::channel();
            connection.send(answer).map_err(|_| "closed")?;
            answered.await.map_err(|_| "closed")
        });
        let server = start(check);
        let address = server.local_addr();
        eventually(|| get(address, "/health/db").json()["status"] == "UP");
        server.shutdown();
        let pool = opened.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = pool.as_ref().expect("it was opened");
        let lives = service.block_on(async {
            let (answer, answered) = oneshot::channel();
            connection.send(answer).is_ok() && answered.await.is_ok()
        });
        assert_eq!(lives, way != "own", "{way}");
    });
}

#[test]
fn the_checks_of_a_mounted_server_run_until_it_is_dropped() {
    let _turn = turn();
    let state = Arc::new(());
    let runs = Arc::new(AtomicU32::new(0));
    let counted = (Arc::clone(&state), Arc::clone(&runs));
    let config = MonitorConfig::default()
        .check("db", often().ready(), counted, |(_, runs)| async move {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok::<(), String>(())
        })
        .blocking_check("disk", often(), || Err("full"));
    let metrics = MetricServer::with_config(&config, Monitor::global());
    drop(config);
    let server = metrics
        .run_in_thread(([127, 0, 0, 1], 0))
        .expect("a server");
    let address = server.local_addr();
    eventually(|| probe(address, "/readyz") == "200 ready");
    eventually(|| {
        let page = get(address, "/metrics").body;
        page.contains("monitor_check_up{check=\"db\"} 1\n")
            && page.contains("monitor_check_up{check=\"disk\"} 0\n")
    });
    server.shutdown();
    let before = runs.load(Ordering::SeqCst);
    eventually(|| runs.load(Ordering::SeqCst) > before);
    drop((metrics, server));
    eventually(|| Arc::strong_count(&state) == 1);
}

fn often() -> Check {
    Check::every(Duration::from_millis(10)).timeout(PATIENCE)
}

#[test]
fn start_up_is_over_once_the_service_says_so() {
    let server = started(local().wait_for_started(true));
    let address = server.local_addr();
    for path in ["/startupz", "/readyz"] {
        assert_eq!(probe(address, path), "503 starting");
    }
    server.started();
    assert_eq!(probe(address, "/startupz"), "200 started");
    assert_eq!(probe(address, "/readyz"), "200 ready");
}

#[test]
fn a_marked_check_turns_readiness_off_and_on_and_never_liveness() {
    let (server, well) = with_check(local(), often().ready());
    let address = server.local_addr();
    eventually(|| probe(address, "/readyz") == "200 ready");
    assert_eq!(probe(address, "/startupz"), "200 started");
    well.store(false, Ordering::SeqCst);
    eventually(|| probe(address, "/readyz") == "503 unhealthy");
    assert_eq!(probe(address, "/-/ready"), "503 unhealthy");
    for path in ["/livez", "/-/healthy"] {
        assert_eq!(probe(address, path), "200 ok");
    }
    let health = get(address, "/health");
    assert_eq!(health.code, 503);
    assert_eq!(health.json()["status"], "DOWN");
    let db = get(address, "/health/db");
    assert_eq!(db.code, 503);
    assert_eq!(db.json()["details"]["output"], "connection refused");
    assert!(db.json()["details"]["age_seconds"].as_f64() < Some(60.0));
    well.store(true, Ordering::SeqCst);
    eventually(|| probe(address, "/readyz") == "200 ready");
    assert_eq!(get(address, "/health/db").code, 200);
}

#[test]
fn only_a_late_pulse_fails_liveness() {
    let timeout = Duration::from_millis(300);
    let server = started(local().heartbeat_timeout(timeout));
    let address = server.local_addr();
    std::thread::sleep(timeout * 2);
    assert_eq!(probe(address, "/livez"), "200 ok", "before the first pulse");
    let heartbeat = server.heartbeat();
    heartbeat.pulse();
    eventually(|| probe(address, "/livez") == "503 stalled");
    assert_eq!(probe(address, "/-/healthy"), "503 stalled");
    assert_eq!(probe(address, "/readyz"), "200 ready");
    assert_eq!(get(address, "/health").code, 200);
    let group = get(address, "/health/liveness");
    assert_eq!(group.code, 503);
    assert_eq!(group.json()["reasons"][0], "the heartbeat is too old");
    eventually(|| {
        heartbeat.pulse();
        probe(address, "/livez") == "200 ok"
    });
}

#[test]
fn groups_names_and_both_shapes() {
    let config = local()
        .errors("FATAL", ["oom"], 1)
        .service(monitor_server::Service::new("text", "2.1.0"))
        .health_group("storage", ["db", "shape loader"]);
    let (server, well) = with_check(config, often());
    let address = server.local_addr();
    server.set_task_status(TaskStatus::Fatal, "shape loader");
    eventually(|| get(address, "/health/db").json()["status"] == "UP");
    let group = get(address, "/health/storage");
    assert_eq!(group.code, 503);
    let group = group.json();
    assert_eq!(group["components"]["db"]["status"], "UP");
    assert_eq!(group["components"]["shape loader"]["status"], "DOWN");
    assert_eq!(get(address, "/health/shape%20loader").code, 503);
    assert_eq!(get(address, "/health/nobody").code, 404);
    let health = get(address, "/health");
    let groups = serde_json::json!(["liveness", "readiness", "storage"]);
    assert_eq!(health.json()["groups"], groups);

    let accept = "Host: localhost\r\nAccept: application/health+json\r\n";
    let draft = ask(address, "/health", accept);
    assert_eq!(draft.code, 503);
    let media = |answer: &Answer, media: &str| {
        let header = format!("content-type: application/{media}\r\n");
        answer.head.contains(&header)
    };
    assert!(media(&draft, "health+json") && media(&health, "json"));
    assert!(draft.head.contains("vary: accept"));
    assert_eq!(draft.json()["serviceId"], "text");
    assert_eq!(draft.json()["checks"]["db:check"][0]["status"], "pass");

    // Under another host the status is shown alone.
    well.store(false, Ordering::SeqCst);
    eventually(|| get(address, "/health/db").code == 503);
    for (path, accept, body) in [
        ("/health", "", r#"{"status":"DOWN"}"#),
        ("/health/db", "", r#"{"status":"DOWN"}"#),
        ("/health/storage", "", r#"{"status":"DOWN"}"#),
        (
            "/health",
            "Accept: application/health+json\r\n",
            r#"{"status":"fail"}"#,
        ),
    ] {
        let stranger = ask(address, path, &format!("Host: evil.example\r\n{accept}"));
        assert_eq!(
            (stranger.code, stranger.body.as_str()),
            (503, body),
            "{path}"
        );
    }
}

#[test]
fn the_same_state_is_on_the_pages_of_both_profiles() {
    for profile in Profile::ALL {
        let config = local()
            .profile(profile)
            .errors("FATAL", ["oom"], 1)
            .readiness(["metrics loader"]);
        let (server, well) = with_check(config, often());
        let address = server.local_addr();
        well.store(false, Ordering::SeqCst);
        server.set_task_status(TaskStatus::Fatal, "metrics loader");
        server.heartbeat().pulse();
        eventually(|| get(address, "/health/db").code == 503);
        let page = get(address, "/metrics").body;
        for line in [
            "\nmonitor_ready 0\n",
            "\nmonitor_health{task=\"metrics loader\"} 0\n",
            "\nmonitor_check_up{check=\"db\"} 0\n",
            "\nmonitor_check_age_seconds{check=\"db\"} ",
            "\nmonitor_heartbeat_age_seconds ",
            "# TYPE monitor_check_up gauge\n",
        ] {
            assert_eq!(page.matches(line).count(), 1, "{line} in {profile}");
        }
        well.store(true, Ordering::SeqCst);
        eventually(|| get(address, "/health/db").code == 200);
        let page = get(address, "/metrics").body;
        assert!(
            page.contains("\nmonitor_check_up{check=\"db\"} 1\n"),
            "{page}"
        );
        assert!(server.remove_check("db"));
        server.set_task_status(TaskStatus::Ok, "metrics loader");
        let page = get(address, "/metrics").body;
        assert!(page.contains("monitor_ready 1\n") && !page.contains("monitor_check_"));
        assert!(page.contains("monitor_health{task=\"metrics loader\"} 1\n"));
        server.shutdown();
    }
}

#[test]
fn ages_on_a_page_are_those_of_the_last_result_and_the_last_pulse() {
    let begin = Instant::now();
    let once = Check::every(PATIENCE * 100).timeout(PATIENCE);
    let (server, _) = with_check(local(), once);
    let address = server.local_addr();
    eventually(|| get(address, "/health/db").json()["status"] == "UP");
    server.heartbeat().pulse();
    let seen = Instant::now();
    std::thread::sleep(Duration::from_millis(120));
    let page = get(address, "/metrics").body;
    for series in [
        "monitor_check_age_seconds{check=\"db\"} ",
        "monitor_heartbeat_age_seconds ",
    ] {
        let age = page.lines().find_map(|line| line.strip_prefix(series));
        let age: f64 = age.and_then(|age| age.parse().ok()).expect("an age");
        assert!(
            (0.12..=begin.elapsed().as_secs_f64()).contains(&age),
            "{series}{age}, {:?} after it was seen",
            seen.elapsed()
        );
    }
}

#[test]
fn checks_come_and_go_while_it_runs() {
    let server = started(local());
    let address = server.local_addr();
    let well = |()| async { Ok::<(), String>(()) };
    for name in ["", "default", "liveness"] {
        let refused = server.add_check(name, often(), (), well);
        assert!(matches!(refused, Err(RunError::Config(_))), "{name}");
    }
    assert_eq!(get(address, "/health/db").code, 404);
    server
        .add_check("db", often(), (), well)
        .expect("a good check");
    eventually(|| get(address, "/health/db").json()["status"] == "UP");
    let panics = || -> Result<(), String> { panic!("a broken check") };
    server
        .add_blocking_check("db", often(), panics)
        .expect("a good check");
    eventually(|| get(address, "/health/db").code == 503);
    assert!(server.remove_check("db") && !server.remove_check("db"));
    assert_eq!(get(address, "/health/db").code, 404);
    server.shutdown();
    server
        .add_check("db", often(), (), well)
        .expect("nothing to do");
    assert!(!server.remove_check("db"));
}

#[test]
fn who_watches_sees_each_state_and_the_end() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let (server, well) = with_check(local().wait_for_started(true), often().ready());
    let mut health = server.watch_health();
    let mut wait_for = |readiness: Readiness| {
        let seen = async {
            health
                .wait_for(|state| state.readiness == readiness)
                .await
                .map(|state| state.clone())
        };
        let seen = runtime.block_on(async { tokio::time::timeout(PATIENCE, seen).await });
        seen.unwrap_or_else(|_| panic!("it never was {readiness}"))
            .expect("the channel is open")
    };
    wait_for(Readiness::Starting);
    server.started();
    let ready = wait_for(Readiness::Ready);
    assert_eq!(ready.components["db"], HealthStatus::Up);
    well.store(false, Ordering::SeqCst);
    let ill = wait_for(Readiness::Unhealthy);
    assert_eq!(
        (ill.status, ill.groups["readiness"]),
        (HealthStatus::Down, HealthStatus::Down)
    );
    assert!(ill.live);
    server.begin_drain();
    wait_for(Readiness::Draining);
    server.shutdown();
    wait_for(Readiness::Stopped);
    assert!(runtime.block_on(health.changed()).is_err());
}

#[test]
fn a_drain_pauses_before_it_waits_and_only_once() {
    let pause = Duration::from_millis(1500);
    let server = started(local().drain_pause(pause));
    let address = server.local_addr();
    let begin = Instant::now();
    let draining = {
        let server = server.clone();
        std::thread::spawn(move || server.drain_blocking(PATIENCE))
    };
    eventually(|| probe(address, "/readyz") == "503 draining");
    assert_eq!(probe(address, "/startupz"), "200 started");
    draining.join().expect("no panic").expect("no tasks");
    assert!(begin.elapsed() >= pause, "{:?}", begin.elapsed());
    assert!(MonitorServer::instance().is_none());

    drop(server);
    let server = started(local().drain_pause(PATIENCE * 10));
    server.begin_drain();
    server.shutdown();
    // Where the server has stopped, a drain does not pause.
    let begin = Instant::now();
    server.drain_blocking(PATIENCE).expect("no tasks");
    assert!(begin.elapsed() < PATIENCE);
}

/// Calls of the method, each with this outcome.
fn call(monitor: Monitor, method: &str, calls: u32, outcome: Outcome<'_>) {
    let method = monitor.method(method).expect("a name");
    for _ in 0..calls {
        method.start().finish(outcome);
    }
}

#[test]
fn a_dependency_that_comes_back_without_traffic_is_no_illness_for_ever() {
    let ttl = Duration::from_millis(500);
    let server = started(local().errors("TTL", ["ttl"], 3).status_ttl(ttl));
    let address = server.local_addr();
    call(server.monitor(), "Ttl", 3, Outcome::ErrorType("ttl"));
    // Slower than the time to live, a machine has no answer to be asserted.
    let first = get(address, "/health/Ttl");
    assert!(
        first.code == 503 || first.json()["status"] == "UNKNOWN",
        "{}",
        first.body
    );
    eventually(|| get(address, "/health/Ttl").code == 200);
    assert_eq!(get(address, "/health/Ttl").json()["status"], "UNKNOWN");
    assert_eq!(probe(address, "/livez"), "200 ok");
    assert_eq!(probe(address, "/readyz"), "200 ready");
}

/// The value of `monitor_health` of this task type on the page.
fn health_on_page(address: SocketAddr, task: &str) -> Option<String> {
    let page = get(address, "/metrics").body;
    let series = format!("monitor_health{{task=\"{task}\"}} ");
    let value = page.lines().find_map(|line| line.strip_prefix(&series));
    value.map(str::to_owned)
}

/// Makes the method healthy again: the monitor is the one of all tests.
fn recover(server: &Served, method: &str) {
    call(server.monitor(), method, 100, Outcome::Success);
    let path = format!("/health/{method}");
    eventually(|| get(server.local_addr(), &path).code == 200);
}

#[test]
fn half_failing_is_unhealthy_by_itself_and_keeps_no_replica_out_unless_marked() {
    let server = started(local());
    let address = server.local_addr();
    for _ in 0..10 {
        call(server.monitor(), "Half", 1, Outcome::ErrorType("other"));
        call(server.monitor(), "Half", 1, Outcome::Success);
    }
    eventually(|| get(address, "/health/Half").code == 503);
    let details = &get(address, "/health/Half").json()["details"];
    assert_eq!(details["failure_share"]["share"], 0.5);
    assert_eq!(details["failure_share"]["calls"], 20);
    assert!(details["failure_share"]["window_seconds"].is_f64());
    assert!(details["failure_share"]["since_seconds"].is_f64());
    let all = get(address, "/health");
    assert_eq!(all.code, 503);
    let reasons = &all.json()["reasons"];
    let reason = reasons[0].as_str().expect("a reason");
    let begin = "task type `Half`: 50 % of 20 calls failed in ";
    assert!(reason.starts_with(begin), "{reason}");
    assert_eq!(health_on_page(address, "Half").as_deref(), Some("0"));
    assert_eq!(probe(address, "/livez"), "200 ok");
    assert_eq!(probe(address, "/readyz"), "200 ready");
    recover(&server, "Half");
}

#[test]
fn four_of_five_failing_is_unhealthy_however_short_the_runs_and_marked_is_not_ready() {
    let config = local().errors("RARE", ["rare"], 5).readiness(["Most"]);
    let server = started(config.unhealthy(ShareParts::NONE.window(Duration::from_secs(4))));
    let address = server.local_addr();
    assert_eq!(probe(address, "/readyz"), "200 ready");
    for _ in 0..10 {
        call(server.monitor(), "Most", 4, Outcome::ErrorType("rare"));
        call(server.monitor(), "Most", 1, Outcome::Success);
    }
    eventually(|| get(address, "/readyz").code == 503);
    assert_eq!(get(address, "/health/Most").code, 503);
    assert_eq!(probe(address, "/livez"), "200 ok");
    // No call comes to an instance that is not ready: the window passes.
    eventually(|| get(address, "/readyz").code == 200);
    assert_eq!(get(address, "/health/Most").code, 200);
    assert_eq!(health_on_page(address, "Most").as_deref(), Some("1"));
}

#[test]
fn calls_that_are_all_cancelled_are_unhealthy_where_that_is_asked_for() {
    let server = started(local().unhealthy_method("Late", ShareParts::NONE.cancelled(true)));
    let address = server.local_addr();
    call(server.monitor(), "Late", 20, Outcome::Cancelled);
    eventually(|| get(address, "/health/Late").code == 503);
    let details = &get(address, "/health/Late").json()["details"];
    assert_eq!(details["failure_share"]["share"].as_f64(), Some(1.0));
    assert_eq!(details["failure_share"]["cancelled"], 20);
    assert_eq!(health_on_page(address, "Late").as_deref(), Some("0"));
    recover(&server, "Late");
}

/// Ends a call of a method with an error of this text and of one cause.
fn fail(server: &MonitorServer, method: &str, text: &str) {
    let error = std::io::Error::other(std::fmt::Error);
    let view = ErrorView {
        type_name: "",
        text: ErrorText::Display(&format_args!("{text}: {error}")),
    };
    let call = server.method(method).expect("a name").start();
    call.finish(Outcome::Error(view));
}

#[test]
fn health_says_why_calls_fail_to_those_who_may_see_details() {
    let server = started(local().errors("FATAL", ["refused"], 1));
    let address = server.local_addr();
    fail(&server, "Why", "slow");
    fail(&server, "Why", "refused");
    fail(&server, "Why", "refused");
    let errors = |answer: &Answer, at: &str| answer.json().pointer(at).cloned();

    let by_name = get(address, "/health/Why");
    let all = errors(&by_name, "/details/errors").expect("errors");
    let cause = std::fmt::Error.to_string();
    assert_eq!(all[0]["text"], format!("refused: {cause}"));
    assert_eq!(
        (&all[0]["method"], &all[0]["error_type"]),
        (&"Why".into(), &"refused".into())
    );
    assert_eq!((&all[0]["count"], &all[1]["count"]), (&2.into(), &1.into()));
    assert_eq!(all[1]["text"], format!("slow: {cause}"));
    assert!(
        all[0]["last"]
            .as_str()
            .is_some_and(|last| last.ends_with('Z'))
    );

    // Beside all other parts, and as what `default` is about: the newest.
    let whole = get(address, "/health");
    for part in ["Why", "default"] {
        let newest = errors(&whole, &format!("/components/{part}/details/errors"));
        assert_eq!(
            newest.map(|newest| (newest.as_array().map(Vec::len), newest[0]["count"].clone())),
            Some((Some(1), 2.into()))
        );
    }
    let draft = ask(
        address,
        "/health",
        "Host: localhost\r\nAccept: application/health+json\r\n",
    );
    assert!(
        draft.body.contains("\"text\":\"refused: "),
        "{}",
        draft.body
    );
    for stranger in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nX-Forwarded-For: 10.0.0.7\r\n",
    ] {
        for path in ["/health", "/health/Why"] {
            assert_eq!(ask(address, path, stranger).body, "{\"status\":\"DOWN\"}");
        }
    }
}

#[test]
fn no_error_text_is_kept_or_shown_where_that_is_off() {
    let server = started(local().errors("FATAL", ["refused"], 1).error_texts(false));
    fail(&server, "WhyNot", "refused");
    let answer = get(server.local_addr(), "/health/WhyNot");
    assert_eq!(answer.code, 503);
    assert!(!answer.body.contains("errors"), "{}", answer.body);
    assert_eq!(server.last_errors(Duration::MAX), []);
}

#[test]
fn of_thousands_of_error_texts_the_newest_are_kept_and_the_page_is_bounded() {
    let server = started(local().errors("FATAL", ["refused"], 1));
    let long = "x".repeat(2000);
    for number in 0..5000 {
        fail(&server, "Many", &format!("refused {number} {long}"));
    }
    // A text is read each millisecond, once there were many.
    std::thread::sleep(Duration::from_millis(20));
    fail(&server, "Many", "refused at last");
    let answer = get(server.local_addr(), "/health/Many");
    let errors = &answer.json()["details"]["errors"];
    let texts: Vec<_> = errors.as_array().expect("errors").iter().collect();
    assert_eq!(texts.len(), 20);
    let text = |error: &Value| error["text"].as_str().expect("a text").to_owned();
    assert!(text(texts[0]).starts_with("refused at last: "));
    assert!(texts.iter().all(|error| text(error).len() <= 512));
    assert!(answer.body.len() < 20 * 800, "{}", answer.body.len());
    let failed = get(server.local_addr(), "/metrics").body;
    let failed = failed.lines().find_map(|line| {
        line.strip_prefix("service_request_errors_total{method=\"Many\",type=\"refused\"} ")
    });
    assert_eq!(failed, Some("5001"), "each failure is counted");
}
