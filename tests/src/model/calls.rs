//! The original's `aio_grpc_method_wrapper`, step by step.

use std::collections::VecDeque;

use super::keys::{self, Source};
use super::points::WINDOW;
use super::registry::{Cell, Raised};
use super::rules::Seen;
use super::{Model, next_run};
use crate::case::{Call, Context, Outcome, Payload, Raised as Exception};
use crate::kinds::Id;
use crate::observed::Gave;
use crate::value::Val;

/// A call between its start and its end.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    call: Call,
    /// Its id in the section `tasks`.
    task: String,
    start: f64,
    /// The point it is going to append.
    point: Vec<(String, Val)>,
    deadline: Option<f64>,
    metrics: Vec<(String, Val)>,
    /// Whether it raised before it got to the handler.
    stuck: bool,
}

/// Permits of a method.
#[derive(Debug, Clone)]
pub(crate) struct Permits {
    free: i64,
    waiting: VecDeque<String>,
}

/// How a call ended.
struct End {
    raised: bool,
    /// Whether the client was told a code and a text.
    told: bool,
    failed: bool,
    /// The error type that is counted.
    error_type: Option<String>,
    /// The status that is set; `None`: it stays.
    status: Option<String>,
}

impl Model<'_> {
    pub(crate) fn call(&mut self, call: &Call) {
        for round in 0..call.times {
            let mut begun = self.begin(call);
            if !begun.stuck {
                self.handle(&mut begun);
            }
            let at = self.at.clone();
            if call.times > 1 {
                self.at = format!("{at} round {round}");
            }
            self.end_and_note("call", begun);
            self.at = at;
        }
    }

    pub(crate) fn start_call(&mut self, call: &Call) {
        let mut begun = self.begin(call);
        if !begun.stuck {
            let free = self.case.max_workers.unwrap_or(1);
            let free = if free == 0 { i64::MAX } else { free };
            let fresh = Permits {
                free,
                waiting: VecDeque::new(),
            };
            let permits = self.permits.entry(call.method.clone()).or_insert(fresh);
            if permits.free > 0 {
                permits.free -= 1;
                self.handle(&mut begun);
            } else {
                permits.waiting.push_back(call.id.clone());
            }
        }
        self.in_flight.insert(call.id.clone(), begun);
    }

    pub(crate) fn finish_call(&mut self, id: &str) {
        let Some(begun) = self.in_flight.remove(id) else {
            return;
        };
        let (method, stuck) = (begun.call.method.clone(), begun.stuck);
        self.end_and_note("finish_call", begun);
        if stuck {
            return;
        }
        let Some(permits) = self.permits.get_mut(&method) else {
            return;
        };
        let Some(next) = permits.waiting.pop_front() else {
            permits.free += 1;
            return;
        };
        if let Some(mut begun) = self.in_flight.remove(&next) {
            self.handle(&mut begun);
            self.in_flight.insert(next, begun);
        }
    }

    /// Steps 1 to 3: the call is in flight from here on.
    fn begin(&mut self, call: &Call) -> InFlight {
        let method = call.method.as_str();
        if self.ours(Id::Zero) {
            self.zero(method);
        }
        self.count(&keys::of_call("request", method), 1.0);
        self.tasks_begun += 1;
        let mut begun = InFlight {
            call: call.clone(),
            task: format!("task-{}", self.tasks_begun),
            start: self.now,
            point: Vec::new(),
            deadline: None,
            metrics: Vec::new(),
            stuck: false,
        };
        let entered = self.add_key_value("tasks", &begun.task.clone(), Val::Float(self.now));
        begun.stuck = entered.is_err() || self.measure_request(&mut begun).is_err();
        self.expect_values(&begun);
        if !begun.stuck {
            // Entering the timer makes its child.
            let _ = self
                .registry
                .get("stats_tasks_time_spent_quantile")
                .map(|family| family.child(Vec::new()));
        }
        begun
    }

    fn measure_request(&mut self, begun: &mut InFlight) -> Result<(), Raised> {
        let call = &begun.call;
        if call.context == Context::Keyword && !self.ours(Id::C5) {
            return Err(Raised);
        }
        match size(call.request_kind, call.request_size) {
            Some(bytes) => begun.point.push((
                keys::of_call("request_size", &call.method),
                Val::Int(bytes.into()),
            )),
            None if self.ours(Id::C6) => {}
            None => return Err(Raised),
        }
        if call.context == Context::Deadline {
            let left = self.not_past(call.deadline);
            begun.point.push((
                keys::of_call("time_remaining_time", &call.method),
                Val::Float(left),
            ));
            begun.deadline = Some(begun.start + call.deadline);
        }
        Ok(())
    }

    /// Time left to a deadline; ours says 0 where it is past.
    fn not_past(&self, left: f64) -> f64 {
        if self.ours(Id::W11) {
            left.max(0.0)
        } else {
            left
        }
    }

    /// Values a call is going to have are there, at zero, from when it is known that it has them.
    fn expect_values(&mut self, begun: &InFlight) {
        if !self.ours(Id::Zero) {
            return;
        }
        let method = &begun.call.method;
        let source = Source::Call(method.clone());
        let mut all: Vec<_> = begun.point.iter().map(|(key, _)| key.clone()).collect();
        if begun.deadline.is_some() {
            all.push(keys::of_call("time_remaining_after_time", method));
        }
        for key in all {
            self.windows.know(&source, &key);
            // Where the original cannot make it, it fails when it observes.
            let _ = self.make_histogram(&source, &key);
        }
    }

    /// What the handler does until it ends.
    fn handle(&mut self, begun: &mut InFlight) {
        begun.metrics = begun.call.metrics_at(self.now);
        self.advance(begun.call.sleep);
    }

    fn end_and_note(&mut self, op: &str, begun: InFlight) {
        if begun.stuck {
            return self.note(op, Gave::Raised(false));
        }
        let end = self.outcome(&begun);
        let told = end.told && op == "call";
        let raised = end.raised;
        if self.finally(begun, end).is_err() || raised {
            self.note(op, Gave::Raised(told && !self.ours(Id::C8)));
        }
    }

    fn outcome(&mut self, begun: &InFlight) -> End {
        let spent = (self.now - begun.start).max(0.0);
        if let Some(Cell::Histogram(counts)) = self
            .registry
            .get("stats_tasks_time_spent_quantile")
            .map(|family| family.child(Vec::new()))
        {
            counts.observe(spent);
        }
        let ok = End {
            raised: false,
            told: false,
            failed: false,
            error_type: None,
            status: Some("OK".to_owned()),
        };
        match &begun.call.outcome {
            Outcome::Ok => match size(begun.call.response_kind, begun.call.response_size) {
                None if !self.ours(Id::C7) => {
                    self.failed_with(&plain("RuntimeError", "cannot measure"), &begun.call)
                }
                _ => ok,
            },
            Outcome::Raise(error) => self.failed_with(error, &begun.call),
            Outcome::Abort { .. } if begun.call.context.is_real() => self.aborted(),
            Outcome::Abort { .. } => {
                self.failed_with(&cannot_abort(begun.call.context), &begun.call)
            }
            Outcome::Cancel if self.ours(Id::W14) => End {
                raised: true,
                failed: true,
                error_type: Some("cancelled".to_owned()),
                status: None,
                ..ok
            },
            Outcome::Cancel => End { raised: true, ..ok },
        }
    }

    fn failed_with(&self, error: &Exception, call: &Call) -> End {
        let error_type = self.rules.parse(error, Seen::Call);
        let status = Some(self.rules.status_of(Some(&error_type)));
        End {
            raised: true,
            told: call.context.is_real(),
            failed: true,
            error_type: Some(error_type),
            status,
        }
    }

    fn aborted(&self) -> End {
        let ours = self.ours(Id::W15);
        End {
            raised: true,
            told: true,
            failed: true,
            error_type: ours.then(|| "other".to_owned()),
            status: (!ours).then(|| "OK".to_owned()),
        }
    }

    /// Step 6.
    fn finally(&mut self, mut begun: InFlight, end: End) -> Result<(), Raised> {
        let method = begun.call.method.clone();
        if let Some(error_type) = &end.error_type {
            self.count(
                &format!("errors___method__{method}___type__{error_type}"),
                1.0,
            );
        }
        self.del_key_value("tasks", &begun.task)?;
        let mut point = std::mem::take(&mut begun.point);
        let returned = matches!(begun.call.outcome, Outcome::Ok) && (!end.failed);
        if let Some(bytes) =
            size(begun.call.response_kind, begun.call.response_size).filter(|_| returned)
        {
            put(
                &mut point,
                keys::of_call("response_size", &method),
                Val::Int(bytes.into()),
            );
        }
        for (name, value) in begun.metrics {
            if self.is_observable(&value) {
                put(&mut point, keys::of_call(&name, &method), value);
            }
        }
        put(
            &mut point,
            keys::of_call("time full", &method),
            Val::Float(self.now - begun.start),
        );
        if let Some(deadline) = begun.deadline {
            let left = self.not_past(deadline - self.now);
            put(
                &mut point,
                keys::of_call("time_remaining_after_time", &method),
                Val::Float(left),
            );
        }
        let status = if end.failed { "failure" } else { "success" };
        self.count(
            &format!("processed___method__{method}___status__{status}"),
            1.0,
        );
        self.append_point(&method, point)?;
        if let Some(status) = end.status {
            next_run(&mut self.method_statuses, &method, &status);
            self.set_status("default", &status);
        }
        Ok(())
    }

    /// Ours is given numbers alone, and leaves out those no mean survives.
    fn is_observable(&self, value: &Val) -> bool {
        match value.number() {
            None => !self.ours(Id::C1),
            Some(number) => number.is_finite() || !self.ours(Id::W10),
        }
    }

    fn append_point(&mut self, method: &str, point: Vec<(String, Val)>) -> Result<(), Raised> {
        let source = Source::Call(method.to_owned());
        let observed = point
            .iter()
            .filter(|(key, _)| keys::bucket_bounds(&source, key, self.ours).is_some());
        let observed: Vec<_> = observed.cloned().collect();
        if self.ours(Id::W5) {
            self.windows.by_call(method, self.now, point);
        } else {
            self.push("stats", Val::Map(point), WINDOW)?;
        }
        self.observe_items(&observed, &source)
    }
}

/// Bytes of a message; `None` if asking fails.
fn size(kind: Payload, bytes: Option<u64>) -> Option<u64> {
    match (kind, bytes) {
        (_, None) | (Payload::Plain, _) => Some(0),
        (Payload::Bad, _) => None,
        (Payload::Bytesize | Payload::Serialize, bytes) => bytes,
    }
}

fn put(point: &mut Vec<(String, Val)>, key: String, value: Val) {
    match point.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = value,
        None => point.push((key, value)),
    }
}

fn plain(class: &str, message: &str) -> Exception {
    Exception {
        class: class.to_owned(),
        message: Some(message.to_owned()),
        module: String::new(),
        code: None,
        cause: None,
        during: None,
    }
}

/// What aborting gives where the context is no real one.
pub(crate) fn cannot_abort(context: Context) -> Exception {
    let class = if context == Context::Fake {
        "FakeContext"
    } else {
        "NoneType"
    };
    plain(
        "AttributeError",
        &format!("'{class}' object has no attribute 'abort'"),
    )
}
