//! The program of `axum_first.rs` without us, for the count of lines.

use std::error::Error;
use std::io;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use tokio::{fs, net::TcpListener};

#[derive(Debug, thiserror::Error)]
enum WordError {
    #[error("no such word")]
    Unknown,
    #[error("the dictionary cannot be read")]
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

async fn define(Path(word): Path<String>) -> Result<String, WordError> {
    let text = fs::read_to_string("words.txt").await?;
    let line = text.lines().find(|line| line.starts_with(&word));
    line.map(str::to_owned).ok_or(WordError::Unknown)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new().route("/words/{word}", get(define));
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("service at http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
