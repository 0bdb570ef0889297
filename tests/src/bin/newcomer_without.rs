//! A dictionary over HTTP, without this project: routes, error types, a health page and a graceful stop.

use std::error::Error;
use std::path::PathBuf;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, thiserror::Error)]
enum DictionaryError {
    #[error("no such word")]
    UnknownWord,
    #[error("the dictionary cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
}

impl IntoResponse for DictionaryError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownWord => StatusCode::NOT_FOUND,
            Self::Unreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, self.to_string()).into_response()
    }
}

/// A file with a word and its meaning in each line, with a tab between them.
#[derive(Clone)]
struct Dictionary {
    file: PathBuf,
}

impl Dictionary {
    async fn text(&self) -> Result<String, DictionaryError> {
        Ok(tokio::fs::read_to_string(&self.file).await?)
    }

    async fn meaning(&self, word: &str) -> Result<String, DictionaryError> {
        let text = self.text().await?;
        let mut entries = text.lines().filter_map(|line| line.split_once('\t'));
        let entry = entries.find(|(known, _)| *known == word);
        let meaning = entry.map(|(_, meaning)| meaning.to_owned());
        meaning.ok_or(DictionaryError::UnknownWord)
    }
}

async fn words(State(dictionary): State<Dictionary>) -> Result<String, DictionaryError> {
    let text = dictionary.text().await?;
    Ok(format!("{} words\n", text.lines().count()))
}

async fn word(
    State(dictionary): State<Dictionary>,
    Path(word): Path<String>,
) -> Result<String, DictionaryError> {
    dictionary.meaning(&word).await
}

async fn health(State(dictionary): State<Dictionary>) -> Result<&'static str, DictionaryError> {
    dictionary.text().await?;
    Ok("ok")
}

/// Returns at SIGTERM or Ctrl-C.
async fn stopping() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler of signals");
    tokio::select! {
        _ = terminate.recv() => (),
        _ = tokio::signal::ctrl_c() => (),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().ok_or("usage: ADDRESS FILE")?;
    let file = args.next().ok_or("usage: ADDRESS FILE")?.into();
    let dictionary = Dictionary { file };
    let app = Router::new()
        .route("/words", get(words))
        .route("/words/{word}", get(word))
        .route("/health", get(health))
        .with_state(dictionary);
    let listener = TcpListener::bind(address).await?;
    println!("listens on {}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(stopping())
        .await?;
    Ok(())
}
