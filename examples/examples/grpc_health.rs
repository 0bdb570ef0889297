//! Health over gRPC: the monitor server's state as `grpc.health.v1`, which Kubernetes' gRPC probes and clients' load
//! balancers ask for. To use it, copy [`health_service`] and the functions it calls.
//!
//! The service below is ready while its dependency is; the dependency goes away and comes back.
//!
//! Prints:
//!
//! ```text
//! the service is Serving
//! the service is NotServing
//! the service is Serving
//! group storage is Serving
//! ```

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitor_core::HealthStatus;
use monitor_server::{Check, HealthState, MonitorConfig, MonitorServer, Readiness};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

/// A gRPC health service with this service's state, until the monitor server has stopped: the empty name has the status of
/// `/readyz`, and each group has its own.
///
/// `tonic-health` begins with an empty name that is serving. So the first state is set before the first request can arrive.
/// A client that watches has no reason to leave, and tonic waits for open streams. So they end when the listener stops.
pub(crate) async fn health_service(server: &MonitorServer) -> HealthServer<impl Health + use<>> {
    let (mut reporter, service) = tonic_health::server::health_reporter();
    let (mut health, stopping) = (server.watch_health(), server.stopping());
    tell(&mut health, &reporter).await;
    tokio::spawn(async move {
        let mut stopping = pin!(stopping);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                changed = health.changed() => if changed.is_err() { return },
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    tell(&mut health, &reporter).await;
                    end_streams(&health, &mut reporter).await;
                }
            }
            tell(&mut health, &reporter).await;
        }
    });
    service
}

/// Takes all names out: the streams of their watchers end. `tell` brings the names back for those that ask once.
async fn end_streams(health: &watch::Receiver<HealthState>, reporter: &mut HealthReporter) {
    let groups = health.borrow().groups.keys().cloned().collect::<Vec<_>>();
    reporter.clear_service_status("").await;
    for group in groups {
        reporter.clear_service_status(&group).await;
    }
}

async fn tell(health: &mut watch::Receiver<HealthState>, reporter: &HealthReporter) {
    let state = health.borrow_and_update().clone();
    let ready = serving(state.readiness.is_ready());
    reporter.set_service_status("", ready).await;
    for (group, status) in &state.groups {
        let is_down = *status == HealthStatus::Down || state.readiness == Readiness::Stopped;
        reporter.set_service_status(group, serving(!is_down)).await;
    }
}

fn serving(yes: bool) -> ServingStatus {
    if yes {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dependency = Arc::new(AtomicBool::new(true));
    let often = Check::every(Duration::from_millis(50)).ready();
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        .health_group("storage", ["dependency"])
        .check(
            "dependency",
            often,
            Arc::clone(&dependency),
            |there| async move {
                let is_there = there.load(Ordering::Relaxed);
                is_there.then_some(()).ok_or("gone")
            },
        );
    let monitor = monitor_server::run(config)?;
    let mut health = monitor.watch_health();
    // The check's first result.
    health.wait_for(|state| state.readiness.is_ready()).await?;

    let service = health_service(&monitor).await;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::builder()
        .add_service(service)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);

    let channel = Endpoint::new(format!("http://{address}"))?
        .connect()
        .await?;
    let mut client = HealthClient::new(channel);
    let whole = HealthCheckRequest::default();
    let mut changes = client.watch(whole).await?.into_inner();
    for is_there in [false, true, true] {
        let Some(change) = changes.message().await? else {
            break;
        };
        println!("the service is {:?}", change.status());
        dependency.store(is_there, Ordering::Relaxed);
    }
    let storage = HealthCheckRequest {
        service: "storage".to_owned(),
    };
    let answer = client.check(storage).await?.into_inner();
    println!("group storage is {:?}", answer.status());
    monitor.shutdown();
    Ok(())
}
