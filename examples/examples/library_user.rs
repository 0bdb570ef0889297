//! A service that uses a library which instruments itself: the library's crate is `examples/library`, and this service has
//! chosen its feature `monitored`. Nothing else is to do: its calls and numbers are on the service's page.
//!
//! ```sh
//! cargo run -p monitor-examples --example library_user
//! curl -s localhost:9999/metrics
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use example_cache::{Cache, LoadError};
use monitor_core::monitored;
use monitor_server::MonitorConfig;

/// The slow source: it knows words that are not too long.
fn source(word: &str) -> Result<String, LoadError> {
    if word.len() > 20 {
        return Err(LoadError::Missing);
    }
    Ok(word.to_uppercase())
}

/// The service's own call, which the library's calls are a part of.
#[monitored(method = "LookUp")]
fn look_up<S>(word: &str, cache: &Cache<S>) -> Result<String, LoadError>
where
    S: Fn(&str) -> Result<String, LoadError>,
{
    let value = cache.get(word)?;
    Ok(value.to_string())
}

/// Answers each line of a client with its value.
fn serve<S>(mut client: TcpStream, cache: &Cache<S>) -> std::io::Result<()>
where
    S: Fn(&str) -> Result<String, LoadError>,
{
    for word in BufReader::new(client.try_clone()?).lines() {
        match look_up(&word?, cache) {
            Ok(value) => writeln!(client, "{value}")?,
            Err(error) => writeln!(client, "error: {error}")?,
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = monitor_server::run(MonitorConfig::from_env()?)?;
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7070"))?;
    println!("words at {}", listener.local_addr()?);
    println!("metrics at http://{}/metrics", server.local_addr());
    std::thread::spawn(move || {
        let cache = Cache::new(source);
        for client in listener.incoming().flatten() {
            // One client at a time. An error is one that has gone.
            let _ = serve(client, &cache);
        }
    });
    server.drain_on_signal_blocking(Duration::from_secs(20))?;
    Ok(())
}
