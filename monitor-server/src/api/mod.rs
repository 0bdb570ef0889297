//! `/api/v1/`: history, verdict and state of the service as JSON, for scripts and for the live page.
//!
//! `docs/api.md` has each endpoint with its fields and units, `docs/api.schema.json` the same for programs; the tests
//! hold every answer against both. [`answer`] is the way from a request to an answer: [`query`] reads the parameters,
//! one file an endpoint makes the object, [`look`] adds the envelope, and here it becomes bytes.
//!
//! # Where the work is done
//!
//! On the pool, as the sums of 5,000 methods take milliseconds, and only [`MOST_AT_ONCE`] answers are made at a time:
//! a further request waits for its turn without a thread. The history is locked while numbers are read from it and
//! added up, not while they are written as JSON; the longest answer, that of all methods, is written as bytes at once. Recording a call never waits for either.
//!
//! # Deltas
//!
//! An answer names the process (`boot`) and the slot (`tick`) that it is of, and a client that sends both back as
//! `since` is given what came after. Nothing is kept for a client. Series are cut at the slot. Of the table of
//! methods, hashes of its cells are kept for some slots that were asked for ([`table`]), which is the same for all
//! clients; where they are gone, the answer is whole.

mod compare;
mod envelope;
mod events;
mod figures;
mod health;
mod inflight;
mod json;
mod learned;
mod method;
mod methods;
mod query;
mod runtime;
mod series;
mod short;
mod snapshot;
mod table;
mod values;
mod verdict;

use std::sync::Arc;

use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue, VARY};
use monitor_core::Monitor;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::sync::Semaphore;

use self::query::Refusal;
use self::runtime::Readings;
use self::table::Tables;
use crate::health::HealthService;
use crate::negotiate::{Selection, gzipped};
use crate::process::Process;
use crate::routes::{Context, Inbound, Response, internal_error, reply};
use crate::self_metrics::{Cause, SelfMetrics};

/// Answers that are made at a time. They need a core each, and the service needs its cores for itself.
const MOST_AT_ONCE: usize = 2;

/// The fastest, as that of pages of metrics is.
const GZIP_LEVEL: u32 = 1;

const JSON: &str = "application/json";

/// The sources of all answers.
#[derive(Debug)]
pub(crate) struct Api {
    monitor: Monitor,
    health: Arc<HealthService>,
    process: Process,
    metrics: Arc<SelfMetrics>,
    tables: Tables,
    readings: Readings,
    turns: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(
        monitor: Monitor,
        health: Arc<HealthService>,
        process: Process,
        metrics: Arc<SelfMetrics>,
    ) -> Self {
        Self {
            monitor,
            health,
            process,
            metrics,
            tables: Tables::default(),
            readings: Readings::default(),
            turns: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        }
    }

    /// The answer of one endpoint, whose path is without `api/v1/`, as JSON.
    fn answer(&self, path: &str, query: &str) -> Result<Vec<u8>, Refusal> {
        match path {
            "methods" => methods::answer(self, query),
            _ => Ok(self.object(path, query)?.to_string().into_bytes()),
        }
    }

    /// The object of one of the endpoints that have few numbers.
    fn object(&self, path: &str, query: &str) -> Result<Value, Refusal> {
        match path {
            "verdict" => verdict::answer(self, query),
            "overview" => series::overview(self, query),
            "inflight" => inflight::answer(self, query),
            "health" => health::answer(self, query),
            "events" => events::answer(self, query),
            "history" => series::history(self, query),
            "compare" => compare::answer(self, query),
            "values" => values::answer(self, query),
            "runtime" => runtime::answer(self, query),
            "snapshot" => snapshot::answer(self, query),
            _ => match path.strip_prefix("methods/") {
                Some(name) => {
                    let name = percent_decode_str(name).decode_utf8_lossy();
                    method::answer(self, &name, query)
                }
                None => Err(Refusal::Missing(
                    format!("no endpoint `{path}`"),
                    ENDPOINTS.map(str::to_owned).to_vec(),
                )),
            },
        }
    }

    /// Status and body.
    fn bytes(&self, path: &str, query: &str) -> (StatusCode, Vec<u8>) {
        let (status, refusal) = match self.answer(path, query) {
            Ok(body) => return (StatusCode::OK, body),
            Err(refusal @ Refusal::Parameter(_)) => (StatusCode::BAD_REQUEST, refusal),
            Err(refusal) => (StatusCode::NOT_FOUND, refusal),
        };
        (status, refusal.body().to_string().into_bytes())
    }

    /// The whole snapshot as JSON, at most [`snapshot::MOST_BYTES`] bytes long; `None` without a history.
    pub(crate) fn snapshot(&self) -> Option<Vec<u8>> {
        let (status, body) = self.bytes("snapshot", "");
        (status == StatusCode::OK).then_some(body)
    }
}

/// All endpoints.
const ENDPOINTS: [&str; 12] = [
    "verdict",
    "overview",
    "methods",
    "methods/<name>",
    "inflight",
    "health",
    "events",
    "history",
    "compare",
    "values",
    "runtime",
    "snapshot",
];

/// The answer to a request for this path below `/api/v1/`.
pub(crate) async fn answer(context: &Context, inbound: &Inbound, path: &str) -> Response {
    let gzip = Selection::of(&inbound.headers, false).gzip && !context.disable_compression;
    let api = Arc::clone(&context.api);
    // It is never closed.
    let turn = Arc::clone(&api.turns).acquire_owned().await.ok();
    let (path, query) = (path.to_owned(), inbound.query.clone());
    let is_snapshot = path == "snapshot";
    let job = move || {
        // Held by the job: a client that goes away does not end it.
        let _turn = turn;
        let (status, body) = api.bytes(&path, &query);
        (
            status,
            if gzip {
                gzipped(&body, GZIP_LEVEL)
            } else {
                body
            },
        )
    };
    let Some((status, body)) = context.pool.call(job).await else {
        context.metrics.count(Cause::Internal, 1);
        return internal_error();
    };
    let mut response = reply(status, JSON, body.into());
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if is_snapshot && status == StatusCode::OK {
        let name = snapshot::file_name(context.service.as_ref());
        let value = format!("attachment; filename=\"{name}\"");
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(CONTENT_DISPOSITION, value);
        }
    }
    response
}

#[cfg(test)]
mod tests;
