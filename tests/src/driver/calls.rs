//! Calls through the call API, with permits; waiting for one is polled by hand.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use monitor_core::errors::{ErrorText, ErrorView};
use monitor_core::{CallGuard, Outcome as Ended, Permit};

use super::error::CaseError;
use super::{Driver, Failure};
use crate::case::{Call, Context, Outcome, Payload, Raised};
use crate::observed::Gave;
use crate::value::{Val, get};

type Waiting = Pin<Box<dyn Future<Output = Permit<'static>>>>;

/// Calls in flight.
#[derive(Default)]
pub(crate) struct Calls {
    running: BTreeMap<String, Running>,
    /// Ids of the calls that wait for a permit, in the order they came.
    waiting: Vec<(String, Waiting)>,
    begun: u64,
}

struct Running {
    call: Call,
    guard: CallGuard,
    metrics: Vec<(String, Val)>,
    permit: Option<Permit<'static>>,
    task: String,
    start: f64,
}

impl Calls {
    /// Puts the case's task ids for ours: the tasks that are calls are known by when they started.
    pub(crate) fn with_case_ids(&self, tasks: Val) -> Val {
        let Val::Map(mut tasks) = tasks else {
            return tasks;
        };
        let mut calls: Vec<&Running> = self.running.values().collect();
        calls.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.task.cmp(&b.task)));
        for call in calls {
            let same = |(id, start): &&mut (String, Val)| {
                let apart = start.number().map(|start| (start - call.start).abs());
                id.contains('#') && apart.is_some_and(|apart| apart < 1e-6)
            };
            if let Some((id, _)) = tasks.iter_mut().find(same) {
                id.clone_from(&call.task);
            }
        }
        Val::Map(tasks)
    }
}

impl Driver<'_> {
    pub(crate) fn call(&mut self, call: &Call) -> Result<(), Failure> {
        for round in 0..call.times {
            let mut running = self.begin(call)?;
            let permit = self.monitor.method(&call.method)?.permits().try_acquire();
            running.permit = Some(permit.ok_or("a call that would wait for ever")?);
            self.handle(&mut running);
            let at = self.at.clone();
            if call.times > 1 {
                self.at = format!("{at} round {round}");
            }
            self.end("call", running);
            self.at = at;
        }
        Ok(())
    }

    pub(crate) fn start_call(&mut self, call: &Call) -> Result<(), Failure> {
        let running = self.begin(call)?;
        self.calls.running.insert(call.id.clone(), running);
        let permits = self.monitor.method(&call.method)?.permits();
        self.calls
            .waiting
            .push((call.id.clone(), Box::pin(permits.acquire())));
        self.grant();
        Ok(())
    }

    pub(crate) fn finish_call(&mut self, id: &str) {
        if let Some(running) = self.calls.running.remove(id) {
            self.end("finish_call", running);
            self.grant();
        }
    }

    /// Lets those run that get a permit now, first come, first served.
    fn grant(&mut self) {
        let mut context = TaskContext::from_waker(Waker::noop());
        let mut granted = Vec::new();
        self.calls
            .waiting
            .retain_mut(|(id, waiting)| match waiting.as_mut().poll(&mut context) {
                Poll::Ready(permit) => {
                    granted.push((id.clone(), permit));
                    false
                }
                Poll::Pending => true,
            });
        for (id, permit) in granted {
            if let Some(mut running) = self.calls.running.remove(&id) {
                running.permit = Some(permit);
                self.handle(&mut running);
                self.calls.running.insert(id, running);
            }
        }
    }

    fn begin(&mut self, call: &Call) -> Result<Running, Failure> {
        let mut guard = self.monitor.method(&call.method)?.start();
        let metrics = call.metrics_at(self.clock.unix());
        match (
            replacing(&metrics, "request_size"),
            size(call.request_kind, call.request_size),
        ) {
            (Some(number), _) => guard.observe("request_size", number),
            (None, Some(bytes)) => guard.request_size(bytes),
            (None, None) => {}
        }
        if call.context == Context::Deadline {
            guard.deadline(Some(Duration::from_secs_f64(call.deadline.max(0.0))));
        }
        self.calls.begun += 1;
        let task = format!("task-{}", self.calls.begun);
        Ok(Running {
            call: call.clone(),
            guard,
            metrics: Vec::new(),
            permit: None,
            task,
            start: self.clock.unix(),
        })
    }

    fn handle(&self, running: &mut Running) {
        running.metrics = running.call.metrics_at(self.clock.unix());
        self.advance(running.call.sleep);
    }

    fn end(&mut self, op: &str, running: Running) {
        let Running {
            call,
            mut guard,
            metrics,
            permit,
            ..
        } = running;
        let bytes = size(call.response_kind, call.response_size);
        let replaced = replacing(&metrics, "response_size").is_some();
        if let Some(bytes) = bytes.filter(|_| matches!(call.outcome, Outcome::Ok) && !replaced) {
            guard.response_size(bytes);
        }
        let own = |name: &str| match name {
            "time full" | "request_size" => true,
            name => name == "time_remaining_after_time" && call.context == Context::Deadline,
        };
        for (name, value) in metrics.iter().filter(|(name, _)| !own(name)) {
            if let Some(number) = value.number() {
                guard.observe(name, number);
            }
        }
        match &call.outcome {
            Outcome::Ok => return guard.finish(Ended::Success),
            Outcome::Raise(raised) => fail(guard, raised),
            Outcome::Abort { .. } if call.context.is_real() => {
                guard.finish(Ended::Expected("other"));
            }
            Outcome::Abort { .. } => fail(guard, &cannot_abort(call.context)),
            Outcome::Cancel => drop(guard),
        }
        drop(permit);
        self.note(op, Gave::Raised(false));
    }
}

fn fail(guard: CallGuard, raised: &Raised) {
    let error = CaseError::new(raised);
    guard.finish(Ended::Error(ErrorView {
        type_name: error.class(),
        text: ErrorText::Error(&error),
    }));
}

/// The error of aborting without a real context.
fn cannot_abort(context: Context) -> Raised {
    let class = if context == Context::Fake {
        "FakeContext"
    } else {
        "NoneType"
    };
    Raised {
        class: "AttributeError".to_owned(),
        message: Some(format!("'{class}' object has no attribute 'abort'")),
        code: None,
        cause: None,
        during: None,
    }
}

/// The number a handler puts in place of one of the call's own: of two entries of a dictionary the later one stays,
/// while two observations would both count.
fn replacing(metrics: &[(String, Val)], name: &str) -> Option<f64> {
    get(metrics, name)
        .and_then(Val::number)
        .filter(|number| number.is_finite())
}

/// Bytes of a message; `None` if they cannot be measured.
fn size(kind: Payload, bytes: Option<u64>) -> Option<u64> {
    match (kind, bytes) {
        (Payload::Bad, Some(_)) => None,
        (Payload::Plain, _) | (_, None) => Some(0),
        (_, bytes) => bytes,
    }
}
