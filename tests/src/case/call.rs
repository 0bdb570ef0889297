//! A call of a case: its input, its observations and its end.

use serde::Deserialize;
use serde_json::Value;

use crate::value::Val;

/// A call of a method.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Names a call that stays in flight.
    #[serde(default)]
    pub id: String,
    /// The method.
    pub method: String,
    /// Bytes of the request; absent: no request.
    pub request_size: Option<u64>,
    /// The kind of object that the request is.
    #[serde(default)]
    pub request_kind: Payload,
    /// Bytes of the response; absent: none.
    pub response_size: Option<u64>,
    /// The kind of object that the response is.
    #[serde(default)]
    pub response_kind: Payload,
    /// How long the handler takes, seconds.
    #[serde(default)]
    pub sleep: f64,
    /// The metrics that the handler sets.
    #[serde(default)]
    pub metrics: serde_json::Map<String, Value>,
    /// The context that the handler receives.
    #[serde(default)]
    pub context: Context,
    /// Seconds left, where the context has a deadline.
    #[serde(default = "five")]
    pub deadline: f64,
    /// How it ends.
    #[serde(default)]
    pub outcome: Outcome,
    /// How often it is called.
    #[serde(default = "one")]
    pub times: u64,
}

/// The kind of object that a message is, which decides how its size is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// An object with a method that returns its size.
    #[default]
    Bytesize,
    /// It can be serialised.
    Serialize,
    /// Asking for its size fails.
    Bad,
    /// It has no size.
    Plain,
}

/// The context that a handler receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// A real one, without a deadline.
    #[default]
    Recording,
    /// A real one with a deadline.
    Deadline,
    /// A stand-in.
    Fake,
    /// None.
    None,
    /// None, by keyword.
    Keyword,
}

impl Context {
    /// Whether it is a real one: it can abort the call.
    pub fn is_real(self) -> bool {
        matches!(self, Self::Recording | Self::Deadline)
    }
}

/// How a handler ends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It returns.
    #[default]
    Ok,
    /// It raises.
    Raise(Raised),
    /// It aborts the call on purpose.
    Abort {
        /// The status code.
        code: String,
        /// The text for the client.
        #[serde(default)]
        details: String,
    },
    /// It is cancelled.
    Cancel,
}

/// An exception.
#[derive(Debug, Clone, Deserialize)]
pub struct Raised {
    /// Its class.
    pub class: String,
    /// Its message.
    pub message: Option<String>,
    /// The status code of an RPC error.
    pub code: Option<String>,
    /// The error it was raised from.
    pub cause: Option<Box<Raised>>,
    /// The error that was being handled when it was raised.
    pub during: Option<Box<Raised>>,
}

impl Raised {
    /// The result of `str()`: the message, or for an RPC error its full description.
    pub fn display(&self) -> String {
        let message = self.message.as_deref().unwrap_or_default();
        match (self.class.as_str(), &self.code) {
            ("AioRpcError", Some(code)) => format!(
                "<AioRpcError of RPC that terminated with:\n\tstatus = StatusCode.{code}\n\tdetails = \"{message}\"\n\t\
                 debug_error_string = \"\"\n>"
            ),
            _ => message.to_owned(),
        }
    }
}

impl Call {
    /// The handler's metrics at a moment.
    pub fn metrics_at(&self, now: f64) -> Vec<(String, Val)> {
        match Val::of_case(&Value::Object(self.metrics.clone()), now) {
            Val::Map(map) => map,
            _ => Vec::new(),
        }
    }
}

fn five() -> f64 {
    5.0
}
fn one() -> u64 {
    1
}
