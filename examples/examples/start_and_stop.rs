//! A service with its own listener, from start to stop: a worker that is watched, a runtime that is probed, an end that the
//! listener and a thread see, and one limit for all that still runs then.
//!
//! Prints:
//!
//! ```text
//! serving: UP, with runtime:main, worker:indexer
//! the thread ends
//! the request is answered: whale
//! the listener has stopped, and no task is left
//! ```

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use monitor_core::{HealthStatus, monitored};
use monitor_server::{MonitorConfig, MonitorServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

#[monitored(method = "Word")]
async fn word() -> &'static str {
    tokio::time::sleep(Duration::from_millis(50)).await;
    "whale"
}

fn config() -> MonitorConfig {
    MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        // `/livez` is 503 while no new task of this runtime is polled for ten seconds.
        .runtime("main", &Handle::current())
        .runtime_timeout(Duration::from_secs(10))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let monitor = monitor_server::run(config())?;
    // Its end would be seen in `/health`. The handle is tokio's.
    drop(monitor.spawn("indexer", std::future::pending::<()>())?);
    let thread = start_thread(&monitor);
    tell_components(&monitor).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/word", get(word));
    let serving = axum::serve(listener, app).with_graceful_shutdown(monitor.stopping());
    let client = tokio::spawn(ask_and_stop(address, monitor.clone()));
    // SIGTERM and Ctrl-C end it, too. Kubernetes allows for 30 s.
    monitor
        .serve_until_stopped(Duration::from_secs(20), serving)
        .await??;
    thread.join().map_err(|_| "the thread panicked")?;
    println!("the request is answered: {}", client.await??);
    println!("the listener has stopped, and no task is left");
    Ok(())
}

/// A worker that blocks: it sees the drain in the pause between two jobs.
fn start_thread(monitor: &MonitorServer) -> JoinHandle<()> {
    let monitor = monitor.clone();
    std::thread::spawn(move || {
        while !monitor.wait_for_drain_blocking(Duration::from_millis(10)) {
            // A job.
        }
        println!("the thread ends");
    })
}

async fn tell_components(monitor: &MonitorServer) -> Result<(), Box<dyn Error>> {
    let mut health = monitor.watch_health();
    let names = ["runtime:main", "worker:indexer"];
    let up = Some(&HealthStatus::Up);
    let state = health
        .wait_for(|health| names.iter().all(|name| health.components.get(*name) == up))
        .await?;
    println!(
        "serving: {}, with {}",
        state.status.name(),
        names.join(", ")
    );
    Ok(())
}

/// A request that is under way when the service is told to end.
async fn ask_and_stop(address: SocketAddr, monitor: MonitorServer) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /word HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    while monitor.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    monitor.begin_drain();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.rsplit("\r\n").next().unwrap_or_default();
    Ok(body.to_owned())
}
