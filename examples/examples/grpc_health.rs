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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitor_core::HealthStatus;
use monitor_server::{Check, HealthState, MonitorConfig, Readiness};
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
pub(crate) async fn health_service(
    mut health: watch::Receiver<HealthState>,
) -> HealthServer<impl Health> {
    let (reporter, service) = tonic_health::server::health_reporter();
    tell(&mut health, &reporter).await;
    tokio::spawn(async move {
        while health.changed().await.is_ok() {
            tell(&mut health, &reporter).await;
        }
    });
    service
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

    let service = health_service(health).await;
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
