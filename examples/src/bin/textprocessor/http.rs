//! The routes: HTTP in, JSON out.

use std::str::FromStr;
use std::sync::Arc;

use monitor_core::Monitor;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::StatusCode;
use warp::hyper::body::Bytes;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use crate::corpus::TEXTS;
use crate::dependency::Dictionary;
use crate::error::TextError;
use crate::incident::{Faults, Incident};
use crate::service::{MAX_TEXT, Service};

/// Longest body read, bytes: room for a text that is too long, so that the service itself refuses (and counts) it.
const MAX_BODY: u64 = 4 * MAX_TEXT as u64;

/// The state that the routes share.
#[derive(Debug)]
pub(crate) struct App {
    pub service: Service,
    pub dictionary: Dictionary,
    pub faults: Faults,
    pub monitor: Monitor,
}

/// The routes that take a text.
#[derive(Debug, Clone, Copy)]
enum TextRoute {
    Statistics,
    Keywords,
    Similarity,
    Neighbours,
    Spelling,
    Analyse,
}

impl TextRoute {
    const ALL: [(&'static str, Self); 6] = [
        ("statistics", Self::Statistics),
        ("keywords", Self::Keywords),
        ("similarity", Self::Similarity),
        ("neighbours", Self::Neighbours),
        ("spelling", Self::Spelling),
        ("analyse", Self::Analyse),
    ];

    fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

impl FromStr for TextRoute {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, route)| route)
            .ok_or(())
    }
}

/// Query parameters.
#[derive(Debug, Deserialize)]
struct Parameters {
    /// Most keywords to answer.
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    10
}

/// All routes.
pub(crate) fn routes(
    app: Arc<App>,
) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone + Send + Sync {
    let app = warp::any().map(move || Arc::clone(&app));
    let overview = warp::path::end().and(warp::get()).map(overview);
    let texts = warp::path!("texts").and(warp::get()).map(list);
    let text = warp::path!("texts" / String).and(warp::get()).map(show);
    let process = warp::path!(TextRoute)
        .and(warp::post())
        .and(warp::query())
        .and(warp::body::content_length_limit(MAX_BODY))
        .and(warp::body::bytes())
        .and(app.clone())
        .then(process);
    let dictionary = warp::path!("dictionary" / Switch)
        .and(warp::post())
        .and(app.clone())
        .then(switch);
    let incident = warp::path!("incident" / IncidentSwitch)
        .and(warp::post())
        .and(app)
        .map(make_incident);
    overview
        .or(texts)
        .or(text)
        .or(process)
        .or(dictionary)
        .or(incident)
}

async fn process(route: TextRoute, parameters: Parameters, body: Bytes, app: Arc<App>) -> Response {
    count_bytes(app.monitor, route, body.len());
    let service = &app.service;
    match route {
        TextRoute::Statistics => answer(service.statistics(&body)),
        TextRoute::Keywords => answer(service.keywords(&body, parameters.limit)),
        TextRoute::Similarity => answer(service.similarity(&body)),
        TextRoute::Neighbours => answer(service.neighbours(&body)),
        TextRoute::Spelling => answer(service.spelling(&body).await),
        TextRoute::Analyse => answer(service.analyse(&body).await),
    }
}

/// A metric by key: exported as `stats_body_bytes{route="..."}`.
fn count_bytes(monitor: Monitor, route: TextRoute, bytes: usize) {
    let key = format!("body_bytes___route__{}", route.name());
    if let Err(error) = monitor.inc_stats(&key, bytes) {
        eprintln!("textprocessor: cannot count {key}: {error}");
    }
}

fn answer<T: Serialize>(result: Result<T, TextError>) -> Response {
    match result {
        Ok(value) => warp::reply::json(&value).into_response(),
        Err(error) => refuse(&error),
    }
}

/// The answer with an error's message; causes (addresses, system errors) are left out.
fn refuse(error: &TextError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = warp::reply::json(&json!({ "error": error.to_string() }));
    warp::reply::with_status(body, status).into_response()
}

fn overview() -> Response {
    let routes: Vec<_> = TextRoute::ALL
        .iter()
        .map(|(name, _)| format!("POST /{name}"))
        .collect();
    warp::reply::json(&json!({
        "routes": routes,
        "texts": "GET /texts, GET /texts/NAME",
        "dictionary": "POST /dictionary/stop, POST /dictionary/start",
        "incident": "POST /incident/KIND, POST /incident/end",
    }))
    .into_response()
}

fn list() -> Response {
    warp::reply::json(&TEXTS.map(|text| text.name)).into_response()
}

#[expect(clippy::needless_pass_by_value, reason = "warp hands parameters over")]
fn show(name: String) -> Response {
    match Service::show(&name) {
        Ok(body) => body.into_response(),
        Err(error) => refuse(&error),
    }
}

/// A command to the dictionary.
#[derive(Debug, Clone, Copy)]
enum Switch {
    Start,
    Stop,
}

impl FromStr for Switch {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "start" => Ok(Self::Start),
            "stop" => Ok(Self::Stop),
            _ => Err(()),
        }
    }
}

async fn switch(switch: Switch, app: Arc<App>) -> Response {
    let result = match switch {
        Switch::Start => app.dictionary.start().await,
        Switch::Stop => {
            app.dictionary.stop();
            Ok(())
        }
    };
    match result {
        Ok(()) => {
            warp::reply::json(&json!({ "running": app.dictionary.is_running() })).into_response()
        }
        Err(error) => {
            eprintln!("textprocessor: cannot start the dictionary: {error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Begins an incident, or ends it.
#[derive(Debug, Clone, Copy)]
enum IncidentSwitch {
    Begin(Incident),
    End,
}

impl FromStr for IncidentSwitch {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        if name == "end" {
            return Ok(Self::End);
        }
        name.parse().map(Self::Begin)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "warp hands parameters over")]
fn make_incident(switch: IncidentSwitch, app: Arc<App>) -> Response {
    match switch {
        IncidentSwitch::Begin(incident) => app.faults.begin(incident),
        IncidentSwitch::End => app.faults.end(),
    }
    StatusCode::NO_CONTENT.into_response()
}
