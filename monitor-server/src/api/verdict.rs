//! `verdict`: what is wrong, since when, and the evidence; with the identity of the service.

use monitor_core::verdict::{Counts, ServiceIdentity, TextColor, VerdictRow};
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::query::{Query, Refusal};
use super::{Api, json};
use crate::health::HealthService;

/// The width of the text.
const COLUMNS: usize = 80;

/// Answers a request; always whole.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["since"])?;
    let readiness = api.health.readiness().is_ready();
    let probes = [readiness, api.health.is_live()];
    api.look(&query, |look| answer_of(api, look, probes))
}

/// The object, for a service that is ready and live or not.
pub(super) fn answer_of(api: &Api, look: &Look<'_>, [ready, live]: [bool; 2]) -> Value {
    let verdict = look.watch.verdict();
    let mut object = Map::new();
    object.insert("state".into(), verdict.state.name().into());
    object.insert("level".into(), verdict.state.level().name().into());
    object.insert("since".into(), json::time(verdict.since));
    object.insert("at".into(), json::time(verdict.at));
    object.insert("phase".into(), phase(&api.health).into());
    object.insert("ready".into(), ready.into());
    object.insert("live".into(), live.into());
    object.insert("service".into(), service(&verdict.service));
    object.insert("previous".into(), previous(look));
    object.insert("sentence".into(), verdict.sentence.as_str().into());
    object.insert("counts".into(), counts(&verdict.counts));
    object.insert("rows".into(), json::collected(verdict.rows.iter().map(row)));
    object.insert(
        "text".into(),
        verdict.text(COLUMNS, TextColor::Plain).into(),
    );
    look.sealed(true, object)
}

/// The service's own lifecycle: that of the last look may be 2 s old.
fn phase(health: &HealthService) -> &'static str {
    use monitor_core::history::Phase;

    let lifecycle = &health.lifecycle;
    let phase = if lifecycle.is_draining() {
        Phase::Draining
    } else if lifecycle.has_started() {
        Phase::Ready
    } else {
        Phase::Starting
    };
    phase.name()
}

/// The process before this one, where its start was written down.
fn previous(look: &Look<'_>) -> Value {
    let Some((before, is_clean)) = look.watch.previous_boot() else {
        return Value::Null;
    };
    json!({
        "started": json::time(look.unix(before.at)),
        "version": json::optional_text(before.version.as_deref()),
        "clean": is_clean,
    })
}

fn service(service: &ServiceIdentity) -> Value {
    json!({
        "name": json::text(&service.name),
        "version": json::optional_text(service.version.as_deref()),
        "revision": json::optional_text(service.revision.as_deref()),
        "instance": json::optional_text(service.instance.as_deref()),
        "pid": service.pid,
        "started": service.started.map(json::time),
    })
}

fn counts(counts: &Counts) -> Value {
    let all = [
        ("methods", counts.methods),
        ("changed", counts.changed),
        ("stuck", counts.stuck),
        ("unhealthy", counts.unhealthy),
        ("over", counts.over),
    ];
    let all = all.map(|(name, (count, level))| (name.to_owned(), json!([count, level.name()])));
    json::collected(all)
}

fn row(row: &VerdictRow) -> Value {
    json!({
        "label": row.label,
        "level": row.level.name(),
        "rule": row.rule,
        "since": row.since.map(json::time),
        "text": row.text,
        "link": row.link,
        "method": json::optional_text(row.method.as_deref()),
        "type": json::optional_text(row.error_type.as_deref()),
        "value": json::optional(row.value),
        "usual": row.usual.map(json::pair),
        "promql": row.promql,
        "next": row.next,
    })
}
