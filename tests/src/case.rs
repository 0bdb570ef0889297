//! A recorded case: the service's configuration, its events, and the requests at the end.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

mod call;

pub use call::{Call, Context, Outcome, Payload, Raised};

/// A case as its file has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The configuration section; the port in it means nothing.
    #[serde(default)]
    pub server_config: serde_json::Map<String, Value>,
    /// Permits a method.
    pub max_workers: Option<i64>,
    /// The value of `service_threads`, which replaces it.
    pub hpa_max_workers: Option<i64>,
    /// Public callables of the servicer; absent: no servicer.
    pub methods: Option<Vec<String>>,
    /// Whether the error parser is initialised where there is no servicer.
    #[serde(default = "yes")]
    pub error_parser_init: bool,
    #[serde(default)]
    events: Vec<Value>,
    /// The names that `name[]` requests.
    #[serde(default = "started_total")]
    pub name_filter: Vec<String>,
    /// A path that is not `/metrics`.
    #[serde(default = "root")]
    pub other_path: String,
    /// Further requests.
    #[serde(default)]
    pub requests: Vec<Request>,
    /// Whether the `OpenMetrics` text is part of the result.
    #[serde(default)]
    pub full_openmetrics: bool,
}

/// A request over HTTP.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The request target, as sent.
    #[serde(default = "metrics")]
    pub target: String,
    /// Headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// Something that happens in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "the verbs of the original, described in its own words"
)]
pub enum Event {
    IncStats {
        key: String,
        #[serde(default, deserialize_with = "present")]
        value: Option<Value>,
    },
    SetStats {
        key: String,
        value: Value,
    },
    SetStatSync {
        key: String,
        value: Value,
    },
    AppendStats {
        key: String,
        value: Value,
        #[serde(default = "minus_one")]
        max_count: i64,
    },
    AddKeyValue {
        section: String,
        key: String,
        value: Value,
    },
    DelKeyValue {
        section: String,
        key: String,
    },
    SetTaskStatus {
        status: String,
        #[serde(default = "default_task")]
        task_type: String,
    },
    ErrorParse(Raised),
    ErrorSetStatus {
        r#type: Option<String>,
    },
    StatusParse {
        #[serde(default)]
        error: bool,
    },
    Call(Call),
    StartCall(Call),
    FinishCall {
        id: String,
    },
    Advance {
        seconds: f64,
    },
    Scrape {},
    GetStats {},
    WaitForEndingTasks {},
}

/// An event and where in the case it stands.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its index, and inside repeats: index, round, index, ..
    pub at: String,
    /// The event.
    pub event: Event,
}

impl Case {
    /// The requests at the end, by name: a plain scrape, `OpenMetrics`, gzip, `name[]`, another path, and the case's own.
    pub fn all_requests(&self) -> Vec<(String, Request)> {
        let names: Vec<_> = self
            .name_filter
            .iter()
            .map(|name| format!("name[]={name}"))
            .collect();
        let get = |target: &str, headers: &[(&str, &str)]| Request {
            method: get(),
            target: target.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let mut all = vec![
            ("plain".to_owned(), get("/metrics", &[])),
            (
                "openmetrics".to_owned(),
                get("/metrics", &[("Accept", "application/openmetrics-text")]),
            ),
            (
                "gzip".to_owned(),
                get("/metrics", &[("Accept-Encoding", "gzip")]),
            ),
            (
                "name_filter".to_owned(),
                get(&format!("/metrics?{}", names.join("&")), &[]),
            ),
            ("other_path".to_owned(), get(&self.other_path, &[])),
        ];
        all.extend(
            self.requests
                .iter()
                .enumerate()
                .map(|(at, request)| (format!("extra {at}"), request.clone())),
        );
        all
    }

    /// The events in the order they happen, repeats unrolled.
    ///
    /// # Errors
    ///
    /// An event that is none of the known ones.
    pub fn steps(&self) -> Result<Vec<Step>, serde_json::Error> {
        let mut steps = Vec::new();
        unroll(&self.events, "", &mut steps)?;
        Ok(steps)
    }
}

fn unroll(events: &[Value], within: &str, steps: &mut Vec<Step>) -> Result<(), serde_json::Error> {
    for (index, event) in events.iter().enumerate() {
        let at = format!("{within}{index}");
        if event["op"] == "repeat" {
            let inner = event["events"].as_array().map_or(&[][..], Vec::as_slice);
            for round in 0..event["times"].as_u64().unwrap_or(0) {
                let inner: Vec<_> = inner
                    .iter()
                    .map(|event| substituted(event, &round.to_string()))
                    .collect();
                unroll(&inner, &format!("{at}.{round}."), steps)?;
            }
        } else {
            steps.push(Step {
                at,
                event: Event::deserialize(event)?,
            });
        }
    }
    Ok(())
}

/// Puts the round for `$i` in every text and key.
fn substituted(json: &Value, round: &str) -> Value {
    let put = |text: &str| text.replace("$i", round);
    match json {
        Value::String(text) => Value::String(put(text)),
        Value::Array(list) => list.iter().map(|item| substituted(item, round)).collect(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (put(k), substituted(v, round)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A field that is present, `null` included.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(field).map(Some)
}

fn yes() -> bool {
    true
}
fn started_total() -> Vec<String> {
    vec!["started_total".to_owned()]
}
fn root() -> String {
    "/".to_owned()
}
fn get() -> String {
    "GET".to_owned()
}
fn metrics() -> String {
    "/metrics".to_owned()
}
fn default_task() -> String {
    "default".to_owned()
}
fn minus_one() -> i64 {
    -1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_repeats_are_unrolled_and_the_outer_round_is_put_in_first() {
        let case: Case = serde_json::from_value(json!({"name": "x", "events": [
            {"op": "repeat", "times": 2, "events": [
                {"op": "repeat", "times": 2, "events": [{"op": "inc_stats", "key": "k$i"}]},
                {"op": "scrape"}]}]}))
        .unwrap();
        let steps = case.steps().unwrap();
        let at: Vec<_> = steps.iter().map(|step| step.at.as_str()).collect();
        assert_eq!(
            at,
            [
                "0.0.0.0.0",
                "0.0.0.1.0",
                "0.0.1",
                "0.1.0.0.0",
                "0.1.0.1.0",
                "0.1.1"
            ]
        );
        assert!(matches!(&steps[3].event, Event::IncStats { key, value: None } if key == "k1"));
    }

    #[test]
    fn a_value_of_null_is_a_value() {
        let event = |json| serde_json::from_value::<Event>(json).unwrap();
        assert!(matches!(
            event(json!({"op": "inc_stats", "key": "k", "value": null})),
            Event::IncStats { value: Some(_), .. }
        ));
        assert!(serde_json::from_value::<Event>(json!({"op": "frobnicate"})).is_err());
    }
}
