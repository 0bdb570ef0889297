//! A service in one of the situations of `docs/truth.md`, for the test that asserts that page: `scenarios NAME`.
//!
//! Prints its address once it is in that situation, and ends when its input does.

use std::error::Error;
use std::future::pending;
use std::io::{Read, Write};
use std::time::Duration;

use monitor_core::health::SLOT;
use monitor_core::{TimeoutError, monitored, timeout};
use monitor_server::MonitorConfig;

const CALLS: u32 = 20;

/// Short, as the calls that have it wait for ever.
const LIMIT: Duration = Duration::from_millis(5);

const BASE: &str = "listen: 127.0.0.1\nport: 0\n";

/// Five failures in a row are unhealthy.
const RULES: &str = "errors: { CONNECTION_ERROR: { service_errors: [refused, declined, timeout], unhealthy: 5 } }\n";

/// The method and all requests together count for readiness.
const MARKED: &str = "health: { readiness: [Pay, default] }\n";

/// A status is forgotten after a second without calls, a share of failures after two.
const BRIEF: &str = "health: { status_ttl: 1 }\nunhealthy: { window: 2 }\n";

/// After the calls: the server counts them for the shares of failures each two seconds, and looks each second.
const COUNTED: Duration = SLOT.saturating_add(Duration::from_millis(1500));

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

/// One call of the scenario, the first with the number 0.
async fn call(name: &str, number: u32) -> Result<(), Box<dyn Error>> {
    let unless = |is_ok: bool| pay(if is_ok { Ok(()) } else { Err("refused") });
    match name {
        "all well" => pay(Ok(()))?,
        "half failing" => {
            let _ = unless(number.is_multiple_of(2));
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

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("a scenario")?;
    let marks = match &*name {
        "all failing, marked for readiness" => MARKED,
        "dependency comes back without traffic" => BRIEF,
        _ => "",
    };
    let config = MonitorConfig::from_yaml(&format!("{BASE}{RULES}{marks}"))?;
    let server = monitor_server::run(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    for number in 0..CALLS {
        runtime.block_on(call(&name, number))?;
    }
    std::thread::sleep(COUNTED);
    writeln!(std::io::stdout(), "listens on {}", server.local_addr())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
