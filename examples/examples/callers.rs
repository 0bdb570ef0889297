//! Callers of calls: entry calls, `here` for a spawned task and a thread, `root`, calls by hand with `within`, and the tree
//! of calls in flight.
//!
//! Prints:
//!
//! ```text
//! Request on main
//!   Step on main
//!     Show on main
//! 1 of CleanUp by none
//! 1 of Drive by none
//! 2 of Load by none
//! 1 of Load by Request
//! 2 of Load by Serve
//! 1 of Load by Step
//! 6 of Query by Load
//! 1 of Query by Serve
//! 1 of Request by none
//! 1 of Serve by none
//! 1 of Show by Step
//! 2 of Step by Request
//! 6 entry calls
//! ```

use std::error::Error;
use std::thread;

use monitor_core::{Monitor, Outcome, here, monitored, root};
use tokio::runtime::{Builder, Runtime};

#[monitored(method = "Query")]
fn query() {}

#[monitored(method = "Load")]
async fn load() {
    tokio::task::yield_now().await;
    query();
}

/// Each call has the call in whose body it begins as its caller; on tasks and threads of their own, where `here` is
/// taken along.
#[monitored(method = "Serve")]
async fn serve() {
    load().await;
    let task = tokio::spawn(here().within(load()));
    let call = here();
    let thread = thread::spawn(move || call.run(query));
    let entry = tokio::spawn(load());
    assert!(task.await.is_ok() && entry.await.is_ok());
    assert!(thread.join().is_ok());
}

/// A call by hand is the caller of the calls inside of its `within` and `run`, and of no others.
#[monitored(method = "Request")]
async fn request() -> Result<(), Box<dyn Error>> {
    let method = Monitor::global().method("Step")?;
    let step = method.start();
    load().await;
    step.finish(Outcome::Success);
    let step = method.start();
    step.within(load()).await;
    step.run(show_calls_in_flight);
    step.finish(Outcome::Success);
    Ok(())
}

#[monitored(method = "Show")]
fn show_calls_in_flight() {
    for call in Monitor::global().running(100) {
        let indent = 2 * call.depth;
        let thread = call.thread.unwrap_or_default();
        println!("{:indent$}{} on {thread}", "", call.name);
    }
}

#[monitored(method = "CleanUp", root)]
async fn clean_up() {
    tokio::task::yield_now().await;
}

/// Drives a runtime inside of a call. What it polls is not the call's work, so `root` leaves the call behind.
#[monitored(method = "Drive")]
fn drive(runtime: &Runtime) {
    runtime.block_on(async {
        clean_up().await;
        root(load()).await;
    });
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(serve());
    runtime.block_on(request())?;
    drive(&runtime);
    let snapshot = Monitor::global().snapshot();
    for method in &snapshot.methods {
        for of in method.callers.iter().filter(|of| of.calls > 0) {
            let caller = of.caller.as_deref().unwrap_or("none");
            println!("{} of {} by {caller}", of.calls, method.name);
        }
    }
    println!("{} entry calls", snapshot.tasks.started);
    Ok(())
}
