//! Probes and health. What they say is design section 5: liveness hears of nothing but the process, readiness of start
//! and drain, `/health` of the task types.

use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use monitor_core::DEFAULT_TASK;
use monitor_core::health::{Component, Health};
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::metrics::percent_decoded;
use super::{Context, Inbound, reply, text};
use crate::access::may_see_details;

/// Whether the service wants requests. `Relaxed` throughout: the flags stand for themselves and publish nothing.
#[derive(Debug)]
pub(crate) struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
}

impl Readiness {
    /// Ready from the beginning, unless the service says when it has started.
    pub(crate) fn new(wait_for_started: bool) -> Self {
        Self {
            started: AtomicBool::new(!wait_for_started),
            draining: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> (StatusCode, &'static str) {
        if self.draining.load(Ordering::Relaxed) {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if self.started.load(Ordering::Relaxed) {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "starting")
        }
    }
}

/// `/livez`: that this is sent at all is the answer.
pub(super) fn live() -> Response {
    text(StatusCode::OK, "ok")
}

/// `/readyz`
pub(super) fn ready(context: &Context) -> Response {
    let (status, word) = context.readiness.state();
    text(status, word)
}

/// `/health`
pub(super) fn health(context: &Context, inbound: &Inbound) -> Response {
    let health = context.monitor.health();
    let mut body = status(health.healthy);
    if may_see_details(inbound.client.as_ref(), &inbound.headers) {
        let components: Map<_, _> = health
            .components
            .iter()
            .map(|c| (c.task.to_string(), component(c)))
            .collect();
        body.insert("components".to_owned(), components.into());
        body.insert("reasons".to_owned(), json!(health.reasons()));
    }
    json_reply(health.healthy, body)
}

/// `/health/<task>`: one task type. One that exists and was never set is well.
pub(super) fn task(context: &Context, inbound: &Inbound, path: &str) -> Response {
    let task = percent_decoded(path);
    let Health { components, .. } = context.monitor.health();
    let Some(found) = components.iter().find(|component| *component.task == task) else {
        return if is_known(context, &task) {
            json_reply(true, status(true))
        } else {
            text(StatusCode::NOT_FOUND, "not found")
        };
    };
    let body = if may_see_details(inbound.client.as_ref(), &inbound.headers) {
        match component(found) {
            Value::Object(body) => body,
            _ => status(found.healthy),
        }
    } else {
        status(found.healthy)
    };
    json_reply(found.healthy, body)
}

fn is_known(context: &Context, task: &str) -> bool {
    task == DEFAULT_TASK
        || context
            .monitor
            .snapshot()
            .methods
            .iter()
            .any(|method| *method.name == *task)
}

/// A component in the shape of Spring's health answers, which tools know to read.
fn component(component: &Component) -> Value {
    let mut body = status(component.healthy);
    let details = json!({
        "status": component.status.name(),
        "run": component.run,
        "unhealthy_from": component.threshold,
    });
    body.insert("details".to_owned(), details);
    body.into()
}

fn status(healthy: bool) -> Map<String, Value> {
    let word = if healthy { "UP" } else { "DOWN" };
    Map::from_iter([("status".to_owned(), word.into())])
}

fn json_reply(healthy: bool, body: Map<String, Value>) -> Response {
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    reply(
        status,
        "application/json",
        Value::Object(body).to_string().into(),
    )
}
