//! Probes and health. What they say is design section 5: liveness hears of nothing but the process, readiness of start
//! and drain, `/health` of the task types.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use monitor_core::DEFAULT_TASK;
use monitor_core::health::Component;
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

/// What `/health` says. A struct rather than a map: its order does not depend on the features another crate switches
/// on in `serde_json`. Components and reasons are for those who may see them.
#[derive(Debug, Serialize)]
struct Overview<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<BTreeMap<&'a str, Judged>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<String>>,
}

/// One task type, in the shape of Spring's health answers, which tools know to read.
#[derive(Debug, Serialize)]
struct Judged {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Debug, Serialize)]
struct Details {
    status: &'static str,
    run: u64,
    unhealthy_from: Option<u64>,
}

impl Judged {
    fn of(component: &Component, details: bool) -> Self {
        Self {
            status: word(component.healthy),
            details: details.then(|| Details {
                status: component.status.name(),
                run: component.run,
                unhealthy_from: component.threshold,
            }),
        }
    }
}

/// `/health`
pub(super) fn health(context: &Context, inbound: &Inbound) -> Response {
    let health = context.monitor.health();
    let details = may_see_details(inbound.client.as_ref(), &inbound.headers);
    let components = health.components.iter();
    let components = components.map(|one| (&*one.task, Judged::of(one, true)));
    let body = Overview {
        status: word(health.healthy),
        components: details.then(|| components.collect()),
        reasons: details.then(|| health.reasons()),
    };
    json_reply(health.healthy, &body)
}

/// `/health/<task>`: one task type. One that exists and was never set is well.
pub(super) fn task(context: &Context, inbound: &Inbound, path: &str) -> Response {
    let task = percent_decoded(path);
    let health = context.monitor.health();
    let details = may_see_details(inbound.client.as_ref(), &inbound.headers);
    if let Some(found) = health.component(&task) {
        return json_reply(found.healthy, &Judged::of(found, details));
    }
    if !is_known(context, &task) {
        return text(StatusCode::NOT_FOUND, "not found");
    }
    let never_set = Judged {
        status: word(true),
        details: None,
    };
    json_reply(true, &never_set)
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

fn word(healthy: bool) -> &'static str {
    if healthy { "UP" } else { "DOWN" }
}

/// Numbers and texts always make JSON; should they not, the answer still says how the service is.
fn json_reply(healthy: bool, body: &impl Serialize) -> Response {
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::to_string(body);
    let body = body.unwrap_or_else(|_| format!(r#"{{"status":"{}"}}"#, word(healthy)));
    reply(status, "application/json", body.into())
}
