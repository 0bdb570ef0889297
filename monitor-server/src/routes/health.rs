//! Probes and health. Liveness hears of nothing but the process, readiness of start
//! and drain, `/health` of the task types.

use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use monitor_core::health::{Component, Thresholds, verdict};
use monitor_core::snapshot::StatusSnapshot;
use monitor_core::{DEFAULT_TASK, TaskStatus};
use serde::Serialize;
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

/// What those see who may not see details.
#[derive(Debug, Serialize)]
struct Verdict {
    status: &'static str,
}

impl Verdict {
    fn of(healthy: bool) -> Self {
        Self {
            status: if healthy { "UP" } else { "DOWN" },
        }
    }
}

/// `/health`
pub(super) fn health(context: &Context, inbound: &Inbound) -> Response {
    let health = context.monitor.health();
    if may_see_details(inbound.client.as_ref(), &inbound.headers) {
        json_reply(health.healthy, &health)
    } else {
        json_reply(health.healthy, &Verdict::of(health.healthy))
    }
}

/// `/health/<task>`: one task type. One that exists and was never set is well: OK, for no call yet.
pub(super) fn task(context: &Context, inbound: &Inbound, path: &str) -> Response {
    let Some(found) = component(context, &percent_decoded(path)) else {
        return text(StatusCode::NOT_FOUND, "not found");
    };
    if may_see_details(inbound.client.as_ref(), &inbound.headers) {
        json_reply(found.healthy, &found)
    } else {
        json_reply(found.healthy, &Verdict::of(found.healthy))
    }
}

fn component(context: &Context, task: &str) -> Option<Component> {
    let monitor = context.monitor;
    let mut health = monitor.health();
    if health.component(task).is_none() {
        if task != DEFAULT_TASK && !monitor.has_method(task) {
            return None;
        }
        // No threshold is above a run of none.
        let never_set = StatusSnapshot {
            task: task.into(),
            status: TaskStatus::Ok,
            run: 0,
            age: None,
        };
        health = verdict(&Thresholds::default(), &[never_set]);
    }
    health.component(task).cloned()
}

/// Numbers and texts always make JSON, so the empty body is never sent.
fn json_reply(healthy: bool, body: &impl Serialize) -> Response {
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::to_string(body).unwrap_or_default();
    reply(status, "application/json", body.into())
}
