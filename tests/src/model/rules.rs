//! The configuration as the original reads it: statuses, error words, thresholds, and what an error's type is.

use serde_json::{Map, Value};

use super::registry::Raised;
use crate::case::{Case, Raised as Exception};
use crate::kinds::{Id, Ours};
use crate::value::Val;

/// Statuses with thresholds, in the order of the original.
const STATUSES: [&str; 5] = [
    "CONNECTION_ERROR",
    "FATAL",
    "INTERNAL",
    "OTHER_EXCEPTION",
    "UNKNOWN",
];
const OTHER: &str = "other";
const OTHER_EXCEPTION: &str = "OTHER_EXCEPTION";

/// What every traceback in the runner of the cases holds, paths and line numbers aside (defect E2).
const TRACEBACK: &str = "traceback (most recent call last): file \"\", line 1, in one raise_chain(ev) in raise_chain _ns[\"raise_plain\"](e) \
    file \"<h>\", line 2, in raise_plain run_case.py";
const CALL_TRACEBACK: &str = "/redup_servicekit/grpc/decorators.py\", line 104, in run_with_metrics handler_result = await func(*args, **kwargs) \
    ^^^^ in handler raise_chain(out)";
const CAUSE: &str = "the above exception was the direct cause of the following exception: _ns[\"raise_from\"](e, spec[\"cause\"]) in raise_from";
const DURING: &str = "during handling of the above exception, another exception occurred: _ns[\"raise_during\"](e, spec[\"during\"]) in raise_during";

/// Exceptions of Python itself: their module is not written in a traceback.
const BUILT_IN: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "EOFError",
    "EnvironmentError",
    "Exception",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "IOError",
    "ImportError",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "ProcessLookupError",
    "RecursionError",
    "ReferenceError",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SystemError",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeError",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
];

/// Where an error was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// In the runner itself.
    Runner,
    /// In an instrumented call.
    Call,
}

/// Error words by status, and thresholds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    statuses: Vec<(String, Vec<String>)>,
    /// All words in matching order.
    pub(crate) types: Vec<String>,
    /// Thresholds by status.
    pub(crate) thresholds: Vec<(String, Val)>,
    /// From which run on a status is unhealthy; names that are none share `OTHER_EXCEPTION`'s.
    unhealthy_from: Vec<(String, i128)>,
    e1: bool,
    e2: bool,
    e4: bool,
}

impl Rules {
    /// Reads a case's configuration.
    ///
    /// # Errors
    ///
    /// If the service would not start.
    pub(crate) fn read(case: &Case, ours: &Ours) -> Result<Self, Raised> {
        let mut entries: Vec<(String, Value)> = STATUSES
            .iter()
            .map(|status| ((*status).to_owned(), default_entry(status)))
            .collect();
        let given = case
            .server_config
            .get("errors")
            .map_or(Ok(Map::new()), |errors| {
                errors.as_object().cloned().ok_or(Raised)
            })?;
        for (status, entry) in given {
            match entries.iter_mut().find(|(known, _)| *known == status) {
                Some((_, known)) => *known = entry,
                None => entries.push((status, entry)),
            }
        }
        let mut rules = Self {
            e1: ours.has(Id::E1),
            e2: ours.has(Id::E2),
            e4: ours.has(Id::E4),
            ..Self::default()
        };
        for (status, entry) in entries {
            let known = STATUSES.contains(&status.as_str()) || status == "OK";
            let counts_as = if known {
                status.clone()
            } else {
                OTHER_EXCEPTION.to_owned()
            };
            let from = threshold(&entry, ours).unwrap_or(-1);
            rules.unhealthy_from.push((counts_as, from));
            if STATUSES.contains(&status.as_str()) {
                rules
                    .thresholds
                    .push((status.clone(), Val::Int(threshold(&entry, ours)?)));
            }
            if case.methods.is_some() || case.error_parser_init || ours.has(Id::E11) {
                let words = words(&entry, ours)?;
                rules.types.extend(words.iter().cloned());
                rules.statuses.push((status, words));
            }
        }
        rules.close(ours);
        Ok(rules)
    }

    /// The set of types as ours has it: each once, the built-in ones included.
    fn close(&mut self, ours: &Ours) {
        let builtin: &[(Id, &str)] = &[
            (Id::E4, OTHER),
            (Id::Types, "panic"),
            (Id::Types, "cancelled"),
        ];
        let more = builtin
            .iter()
            .filter(|(id, _)| ours.has(*id))
            .map(|(_, name)| (*name).to_owned());
        let all = std::mem::take(&mut self.types).into_iter().chain(more);
        for name in all {
            let repeated = self.types.contains(&name);
            if !repeated
                || (!ours.has(Id::E5)
                    && !builtin
                        .iter()
                        .any(|(id, known)| ours.has(*id) && *known == name))
            {
                self.types.push(name);
            }
        }
    }

    /// The type of an error.
    pub(crate) fn parse(&self, error: &Exception, seen: Seen) -> String {
        let text = if self.e2 {
            texts(error, false).join("\n")
        } else {
            traceback(error, seen)
        };
        let text = text.to_lowercase();
        let found = self.types.iter().find(|word| {
            let word = if self.e1 {
                word.to_lowercase()
            } else {
                (*word).clone()
            };
            let searched = word != OTHER;
            searched && self.is_configured(&word) && text.contains(&word)
        });
        found.map_or(OTHER, String::as_str).to_owned()
    }

    /// Built-in types are no words.
    fn is_configured(&self, word: &str) -> bool {
        let same = |known: &String| {
            if self.e1 {
                known.to_lowercase() == word
            } else {
                known == word
            }
        };
        self.statuses
            .iter()
            .any(|(_, words)| words.iter().any(same))
    }

    /// Whether a run of a status is no illness yet.
    pub(crate) fn is_healthy(&self, status: &str, run: u64) -> bool {
        let of_status = self
            .unhealthy_from
            .iter()
            .filter(|(known, _)| known == status);
        let from = of_status
            .map(|(_, from)| *from)
            .filter(|from| *from > 0)
            .min();
        status == "OK" || from.is_none_or(|from| i128::from(run) < from)
    }

    /// The status a type sets.
    pub(crate) fn status_of(&self, error_type: Option<&str>) -> String {
        let Some(error_type) = error_type else {
            return "OK".to_owned();
        };
        let listed = self
            .statuses
            .iter()
            .find(|(_, words)| words.iter().any(|word| word == error_type));
        match listed {
            Some((status, _)) if status == "OK" || STATUSES.contains(&status.as_str()) => {
                status.clone()
            }
            Some(_) => OTHER_EXCEPTION.to_owned(),
            None if self.e4 && error_type == "panic" => "INTERNAL".to_owned(),
            None if self.e4 => OTHER_EXCEPTION.to_owned(),
            None => "OK".to_owned(),
        }
    }
}

fn default_entry(status: &str) -> Value {
    let words: &[&str] = if status == OTHER_EXCEPTION {
        &[OTHER]
    } else {
        &[]
    };
    serde_json::json!({"service_errors": words, "unhealthy": -1})
}

/// Python's `int(entry["unhealthy"])`.
fn threshold(entry: &Value, ours: &Ours) -> Result<i128, Raised> {
    let number = |number: &serde_json::Number| {
        #[allow(clippy::cast_possible_truncation, reason = "what `int` does")]
        number
            .as_i128()
            .or_else(|| number.as_f64().map(|float| float as i128))
    };
    match entry.as_object().ok_or(Raised)?.get("unhealthy") {
        None if ours.has(Id::E8) => Ok(-1),
        Some(Value::Number(n)) => number(n).ok_or(Raised),
        Some(Value::String(text)) => text.trim().parse().map_err(|_| Raised),
        Some(Value::Bool(yes)) => Ok(i128::from(*yes)),
        _ => Err(Raised),
    }
}

/// A status' words; of a text its letters.
fn words(entry: &Value, ours: &Ours) -> Result<Vec<String>, Raised> {
    let words: Vec<String> = match entry.as_object().ok_or(Raised)?.get("service_errors") {
        None if ours.has(Id::E8) => Vec::new(),
        Some(Value::Array(list)) => list
            .iter()
            .map(|word| word.as_str().map(str::to_owned).ok_or(Raised))
            .collect::<Result<_, _>>()?,
        Some(Value::String(_)) if ours.has(Id::E7) => return Err(Raised),
        Some(Value::String(text)) => text.chars().map(String::from).collect(),
        _ => return Err(Raised),
    };
    if ours.has(Id::E6) && words.iter().any(|word| word.trim().is_empty()) {
        return Err(Raised);
    }
    Ok(words)
}

/// Class and message of an error and of what led to it; with modules as a traceback writes them.
fn texts(error: &Exception, modules: bool) -> Vec<String> {
    let led_to_it = error.cause.as_deref().or(error.during.as_deref());
    let mut texts = led_to_it.map_or_else(Vec::new, |error| texts(error, modules));
    let module = match error.class.as_str() {
        "AioRpcError" => "grpc.aio._call.".to_owned(),
        class if BUILT_IN.contains(&class) => String::new(),
        _ => format!("{}.", error.module),
    };
    let module = if modules { module } else { String::new() };
    texts.push(format!("{module}{}: {}", error.class, error.display()));
    texts
}

fn traceback(error: &Exception, seen: Seen) -> String {
    let mut parts = texts(error, true);
    parts.push(TRACEBACK.to_owned());
    if seen == Seen::Call {
        parts.push(CALL_TRACEBACK.to_owned());
    }
    let mut next = Some(error);
    while let Some(error) = next {
        if error.cause.is_some() {
            parts.push(CAUSE.to_owned());
        } else if error.during.is_some() {
            parts.push(DURING.to_owned());
        }
        next = error.cause.as_deref().or(error.during.as_deref());
    }
    parts.join("\n")
}
