//! A service of functions: its calls are made here, one after the other.

use std::future::pending;
use std::time::Duration;

use monitor_core::{TimeoutError, monitored, timeout};
use monitor_server::{MonitorConfig, MonitorServer};
use tokio::runtime::Runtime;

use crate::{
    BASE, CALLS, LIMIT, Result, say_address, service_runtime, wait_for_input, wait_until_counted,
};

/// Five failures in a row are unhealthy.
const RULES: &str = "errors: { CONNECTION_ERROR: { service_errors: [refused, declined, timeout], unhealthy: 5 } }\n";

/// The method and all requests together count for readiness.
const MARKED: &str = "health: { readiness: [Pay, default] }\n";

/// A status is forgotten after a second without calls, a share of failures after two.
const BRIEF: &str = "health: { status_ttl: 1 }\nunhealthy: { window: 2 }\n";

#[monitored(method = "Pay")]
fn pay(answer: Result<(), &'static str>) -> Result<(), &'static str> {
    answer
}

#[monitored(method = "Pay", expected("declined"))]
fn pay_or_decline(answer: Result<(), &'static str>) -> Result<(), &'static str> {
    answer
}

#[monitored(method = "Pay")]
async fn pay_too_late() {
    pending::<()>().await;
}

/// Its own limit, whose error it returns.
#[monitored(method = "Pay")]
async fn pay_in_time() -> Result<(), TimeoutError> {
    timeout(LIMIT, pending::<()>()).await
}

/// Runs the service until its input ends.
pub(crate) fn run(name: &str) -> Result<()> {
    let runtime = service_runtime()?;
    let server = monitor_server::run(config(name, &runtime)?)?;
    for number in 0..calls(name) {
        runtime.block_on(call(name, number))?;
    }
    wait_until_counted();
    enter(name, &server, &runtime)?;
    say_address(&server)?;
    wait_for_input()?;
    // It may be blocked.
    runtime.shutdown_background();
    Ok(())
}

/// Fewer than a share of failures needs, in one scenario.
fn calls(name: &str) -> u32 {
    if name == "9 of 9 failing" { 9 } else { CALLS }
}

fn config(name: &str, runtime: &Runtime) -> Result<MonitorConfig> {
    let marks = match name {
        "all failing, marked for readiness" => MARKED,
        "dependency comes back without traffic" => BRIEF,
        _ => "",
    };
    let config = MonitorConfig::from_yaml(&format!("{BASE}{RULES}{marks}"))?;
    Ok(match name {
        "runtime blocked" => config
            .runtime("main", runtime.handle())
            .runtime_timeout(Duration::from_secs(1)),
        _ => config,
    })
}

/// One call of the scenario, the first with the number 0.
async fn call(name: &str, number: u32) -> Result<()> {
    let unless = |is_ok: bool| pay(if is_ok { Ok(()) } else { Err("refused") });
    match name {
        "all well"
        | "worker dies"
        | "worker dies, not spawned by the server"
        | "runtime blocked"
        | "runtime blocked, no handle given" => pay(Ok(()))?,
        "half failing" => {
            let _ = unless(number.is_multiple_of(2));
        }
        "45 % failing" => {
            let _ = unless(number == 1 || number.is_multiple_of(2));
        }
        "9 of 9 failing" => {
            let _ = pay(Err("of a type without a rule"));
        }
        "80 % failing, never five in a row" => {
            let _ = unless(number.is_multiple_of(5));
        }
        "all failing"
        | "all failing, marked for readiness"
        | "dependency comes back without traffic" => {
            let _ = pay(Err("refused"));
        }
        "all failing as expected" => {
            let _ = pay_or_decline(Err("declined"));
        }
        "time limit 100 %, `timeout` within" => {
            let _ = pay_in_time().await;
        }
        "time limit 100 %, `timeout` outside" => {
            let _ = timeout(LIMIT, pay_too_late()).await;
        }
        "time limit 100 %, another one outside" => {
            let _ = tokio::time::timeout(LIMIT, pay_too_late()).await;
        }
        _ => return Err(format!("no scenario `{name}`").into()),
    }
    Ok(())
}

/// The situations that calls alone do not make.
fn enter(name: &str, server: &MonitorServer, runtime: &Runtime) -> Result<()> {
    match name {
        "worker dies" => {
            let _context = runtime.enter();
            server.spawn("mailer", async { panic!("the queue is gone") })?;
        }
        "worker dies, not spawned by the server" => {
            runtime.spawn(async { panic!("the queue is gone") });
        }
        "runtime blocked" | "runtime blocked, no handle given" => {
            runtime.spawn(async {
                loop {
                    std::thread::park();
                }
            });
        }
        _ => {}
    }
    Ok(())
}
