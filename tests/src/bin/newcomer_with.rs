//! A dictionary over HTTP, with this project: routes, error types, health and a graceful stop.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use monitor_core::{MonitorError, monitored};
use monitor_server::{Check, MonitorConfig};
use tokio::net::TcpListener;

#[derive(Debug, thiserror::Error, MonitorError)]
enum DictionaryError {
    #[error("no such word")]
    #[monitor(expected)]
    UnknownWord,
    #[error("the dictionary cannot be read: {0}")]
    #[monitor(error_type = "dictionary_io", status = CONNECTION_ERROR)]
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

    #[monitored(method = "Dictionary::meaning")]
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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().ok_or("usage: ADDRESS FILE")?;
    let file = args.next().ok_or("usage: ADDRESS FILE")?.into();
    let dictionary = Dictionary { file };
    let every = Check::every(Duration::from_secs(1)).timeout(Duration::from_secs(2));
    let config = MonitorConfig::from_env()?.check(
        "dictionary",
        every.ready(),
        dictionary.clone(),
        |dictionary| async move { dictionary.text().await.map(drop) },
    );
    let monitor = monitor_server::run(config)?;
    println!("metrics on {}", monitor.local_addr());
    let app = Router::new()
        .route("/words", get(words))
        .route("/words/{word}", get(word))
        .with_state(dictionary)
        .layer(monitor_tower::http());
    let listener = TcpListener::bind(address).await?;
    println!("listens on {}", listener.local_addr()?);
    let serving = axum::serve(listener, app).with_graceful_shutdown(monitor.stopping());
    monitor
        .serve_until_stopped(Duration::from_secs(15), serving)
        .await??;
    Ok(())
}
