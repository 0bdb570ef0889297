//! A service that comes from the Python toolkit `redup_servicekit`: its section of the configuration, and one more
//! line.
//!
//! Prints:
//!
//! ```text
//! # TYPE stats_request gauge
//! stats_request{method="Answer"} 1
//! stats_processed{method="Answer",status="success"} 1
//! stats_hist_time_full_count{method="Answer"} 1
//! ```

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use monitor_core::monitored;
use monitor_server::MonitorConfig;

/// The section as it was, and the names as they were: dashboards, alerts and autoscaling rules need no change.
const SECTION: &str = "
profile: servicekit
errors:
  CONNECTION_ERROR: {service_errors: [timeout, refused], unhealthy: 3}
max_workers: 4
";

#[monitored(method = "Answer")]
fn answer() -> u32 {
    42
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = MonitorConfig::from_yaml(SECTION)?
        .listen(Ipv4Addr::LOCALHOST)
        .port(0);
    let server = monitor_server::run(config)?;
    answer();
    let mut stream = TcpStream::connect(server.local_addr())?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let shown = [
        "# TYPE stats_request ",
        "stats_request{",
        "stats_hist_time_full_count",
    ];
    let is_shown = |line: &&str| {
        shown.iter().any(|start| line.starts_with(start))
            || line.starts_with("stats_processed{") && line.contains("success")
    };
    for line in page.lines().filter(is_shown) {
        println!("{line}");
    }
    server.shutdown();
    Ok(())
}
