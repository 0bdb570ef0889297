//! The axum service of the README. Tests compare the two, run it, and count the lines that it has more than the same program
//! without us.

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use monitor_core::{MonitorError, monitored};
use monitor_server::{Check, MonitorConfig};
use tokio::{fs, net::TcpListener, runtime::Handle};

#[derive(Debug, thiserror::Error, MonitorError)]
enum WordError {
    #[error("no such word")]
    #[monitor(error_type = "unknown_word", expected)] // counted, does not affect health
    Unknown,
    #[error("the dictionary cannot be read")]
    #[monitor(error_type = "dictionary")]
    Dictionary(#[from] io::Error),
}

impl IntoResponse for WordError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Dictionary(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, self.to_string()).into_response()
    }
}

#[monitored(method = "Define")] // the function; the layer counts the requests
async fn define(Path(word): Path<String>) -> Result<String, WordError> {
    let text = fs::read_to_string("words.txt").await?;
    let line = text.lines().find(|line| line.starts_with(&word));
    line.map(str::to_owned).ok_or(WordError::Unknown)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let every = Check::every(Duration::from_secs(2)).ready(); // `/readyz` is 503 without it
    let config = MonitorConfig::from_env()?
        .runtime("main", &Handle::current()) // `/livez` is 503 while it is blocked
        .runtime_timeout(Duration::from_secs(10))
        .check("dictionary", every, (), |()| async {
            fs::metadata("words.txt").await.map(drop)
        });
    let server = monitor_server::run(config)?;
    println!("metrics at http://{}/metrics", server.local_addr());

    let app = Router::new()
        .route("/words/{word}", get(define))
        .layer(monitor_tower::http()); // added last, so that it sees all that happens inside
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("service at http://{}", listener.local_addr()?);
    // SIGTERM or Ctrl-C: `/readyz` is 503, a pause of 5 s, then requests have 15 s to end.
    let serving = axum::serve(listener, app).with_graceful_shutdown(server.stopping());
    server
        .serve_until_stopped(Duration::from_secs(15), serving)
        .await??;
    Ok(())
}
