//! Probes and health: liveness depends on the process and its heartbeat alone, readiness on start, drain and the parts
//! that count for it, `/health` on all task types and checks.

use http::StatusCode;
use monitor_core::HealthStatus;
use percent_encoding::percent_decode_str;

use super::{Context, Inbound, Response, reply, text};
use crate::access::Access;
use crate::health::Shape;
use crate::negotiate::Selection;

/// `/livez`
pub(super) fn live(context: &Context) -> Response {
    let is_live = context.health.is_live();
    text(ok_if(is_live), if is_live { "ok" } else { "stalled" })
}

/// `/readyz`
pub(super) fn ready(context: &Context) -> Response {
    let readiness = context.health.readiness();
    text(ok_if(readiness.is_ready()), readiness.word())
}

/// `/startupz`: once the service has started, that stays so.
pub(super) fn startup(context: &Context) -> Response {
    let started = context.health.lifecycle.has_started();
    text(ok_if(started), if started { "started" } else { "starting" })
}

/// `/health`, and `/health/<name>` with the name as the path has it.
pub(super) fn health(context: &Context, inbound: &Inbound, name: Option<&str>) -> Response {
    let shape = if Selection::of(&inbound.headers, false).health_json {
        Shape::HealthJson
    } else {
        Shape::Spring
    };
    let name = name.map(|name| percent_decode_str(name).decode_utf8_lossy());
    // Without a client, whose origin is then not known, there are no details.
    let client = inbound.client.as_ref();
    let access = client.map_or(Access::Probe, |client| client.access);
    let service = context.service.as_ref();
    match context
        .health
        .answer(name.as_deref(), access, shape, service)
    {
        Some((status, body)) => {
            let status = ok_if(status != HealthStatus::Down);
            let mut response = reply(status, shape.content_type(), body.into());
            let headers = response.headers_mut();
            headers.insert(http::header::VARY, http::HeaderValue::from_static("Accept"));
            response
        }
        None => text(StatusCode::NOT_FOUND, "not found"),
    }
}

fn ok_if(well: bool) -> StatusCode {
    if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
