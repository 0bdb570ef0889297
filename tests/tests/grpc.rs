//! Health over gRPC, as the example does it, seen by a real client.

#[allow(
    dead_code,
    reason = "its `main` runs as a program: see `fixtures/argument_examples.rs`"
)]
#[path = "../../examples/examples/grpc_health.rs"]
mod grpc_health;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitor_core::TaskStatus;
use monitor_server::{Check, MonitorConfig, MonitorServer};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// How long an immediate step may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

async fn serve(monitor: &MonitorServer) -> HealthClient<Channel> {
    let service = grpc_health::health_service(monitor).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = Server::builder()
        .add_service(service)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    let endpoint = Endpoint::new(format!("http://{address}")).expect("an address");
    HealthClient::new(endpoint.connect().await.expect("it listens"))
}

/// Waits until a service, by name, has this status.
async fn wait_for(client: &mut HealthClient<Channel>, service: &str, status: ServingStatus) {
    let waiting = async {
        loop {
            let service = service.to_owned();
            let answer = client.check(HealthCheckRequest { service }).await;
            if answer.is_ok_and(|answer| answer.into_inner().status() == status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "`{service}` never was {status:?}");
}

/// There is one server a process.
static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_grpc_client_sees_what_the_probes_say() {
    use ServingStatus::{NotServing, Serving};
    let _turn = TURN.lock().await;
    let well = Arc::new(AtomicBool::new(true));
    let often = Check::every(Duration::from_millis(20)).timeout(PATIENCE);
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        .wait_for_started(true)
        .drain_pause(Duration::ZERO)
        .errors("FATAL", ["oom"], 1)
        .readiness(["db", "loader"])
        .health_group("storage", ["db"])
        .check("db", often, Arc::clone(&well), |well| async move {
            let is_well = well.load(Ordering::SeqCst);
            is_well.then_some(()).ok_or("refused")
        });
    let monitor = monitor_server::run(config).expect("a server");
    let mut client = serve(&monitor).await;
    // The first status sent is already the right one.
    let whole = HealthCheckRequest::default();
    let changes = client.watch(whole).await.expect("the empty name");
    let first = changes.into_inner().message().await.expect("an answer");
    assert_eq!(first.map(|first| first.status()), Some(NotServing));
    monitor.started();
    wait_for(&mut client, "", Serving).await;
    wait_for(&mut client, "storage", Serving).await;

    well.store(false, Ordering::SeqCst);
    wait_for(&mut client, "", NotServing).await;
    wait_for(&mut client, "storage", NotServing).await;
    wait_for(&mut client, "liveness", Serving).await;
    well.store(true, Ordering::SeqCst);
    wait_for(&mut client, "", Serving).await;

    monitor.set_task_status(TaskStatus::Fatal, "loader");
    wait_for(&mut client, "readiness", NotServing).await;
    wait_for(&mut client, "storage", Serving).await;
    monitor.set_task_status(TaskStatus::Ok, "loader");
    wait_for(&mut client, "", Serving).await;

    monitor.begin_drain();
    wait_for(&mut client, "", NotServing).await;
    wait_for(&mut client, "liveness", Serving).await;
    monitor.drain(PATIENCE).await.expect("no tasks");
    wait_for(&mut client, "liveness", NotServing).await;
    let unknown = HealthCheckRequest {
        service: "nobody".to_owned(),
    };
    let refused = client.check(unknown).await.expect_err("unknown");
    assert_eq!(refused.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_grpc_server_stops_when_the_service_is_to_end() {
    let _turn = TURN.lock().await;
    let config = MonitorConfig::default().listen([127, 0, 0, 1]).port(0);
    let monitor = monitor_server::run(config).expect("a server");
    let service = grpc_health::health_service(&monitor).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let incoming = TcpListenerStream::new(listener);
    let serving = Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, monitor.stopping());
    let served = tokio::spawn(monitor.serve_until_stopped(PATIENCE, serving));
    let endpoint = Endpoint::new(format!("http://{address}")).expect("an address");
    let mut client = HealthClient::new(endpoint.connect().await.expect("it listens"));
    wait_for(&mut client, "", ServingStatus::Serving).await;
    // A client that watches for ever.
    let watching = client.watch(HealthCheckRequest::default()).await;
    let mut changes = watching.expect("a stream").into_inner();
    monitor.begin_drain();
    while let Ok(Some(_)) = changes.message().await {}
    let served = served.await.expect("no panic");
    served.expect("nothing is left").expect("tonic serves");
    assert!(MonitorServer::instance().is_none());
}
