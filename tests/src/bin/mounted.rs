//! A monitor in each way that it is served: the server, and the filter in a warp application, at its root and under a prefix,
//! for the tests of the effects of a request.
//!
//! `mounted`: prints the three addresses, and ends with its input. The application's other filter answers `others`.

use std::error::Error;
use std::net::SocketAddr;

use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig};
use prometheus::Registry;
use tokio::net::TcpListener;
use warp::Filter;

fn main() -> Result<(), Box<dyn Error>> {
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        .bearer_token("the-token-of-the-scraper")
        .registry(Registry::new());
    let mounted = MetricServer::with_config(&config, Monitor::global());
    let server = monitor_server::run(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let others = warp::any().map(|| "others");
    let root = runtime.block_on(listening())?;
    let prefixed = runtime.block_on(listening())?;
    println!("{}", server.local_addr());
    println!("{}", root.0);
    println!("{}", prefixed.0);
    let at_root = mounted.filter().or(others);
    let under_prefix = warp::path("monitor").and(mounted.filter()).or(others);
    runtime.spawn(warp::serve(at_root).incoming(root.1).run());
    runtime.spawn(warp::serve(under_prefix).incoming(prefixed.1).run());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

async fn listening() -> Result<(SocketAddr, TcpListener), std::io::Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener.local_addr()?, listener))
}
