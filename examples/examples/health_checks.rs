//! Health beside the outcomes of calls: named checks, marks for readiness, groups, a heartbeat.
//!
//! Prints:
//!
//! ```text
//! at first          /livez ok, /readyz ready, database UP, scratch UP
//! no database       /livez ok, /readyz unhealthy, database DOWN, scratch UP
//! again             /livez ok, /readyz ready, database UP, scratch UP
//! a thread hangs    /livez stalled, /readyz ready, database UP, scratch UP
//! told to end       /livez ok, /readyz draining, database UP, scratch UP
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitor_server::{Check, HealthState, Heartbeat, MonitorConfig};
use tokio::sync::watch::Receiver;

/// The same could stand in the file: see the keys under `health`.
fn config(database: &Arc<AtomicBool>) -> MonitorConfig {
    let often = Check::every(Duration::from_millis(20)).timeout(Duration::from_secs(10));
    let database = Arc::clone(database);
    // Runs on this program's runtime, with a clone of the database's client.
    let ask = |database: Arc<AtomicBool>| async move {
        let answers = database.load(Ordering::Relaxed);
        answers.then_some(()).ok_or("no route to host")
    };
    MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        // Without it no request can be answered: it is marked, and its instance leaves the load balancer.
        .check("database", often.clone().ready(), database, ask)
        // A check that blocks has a thread for its run. Not marked: without it the service only is slower.
        .blocking_check("scratch", often, || {
            std::fs::metadata(std::env::temp_dir()).map(drop)
        })
        .health_group("storage", ["database", "scratch"])
        .heartbeat_timeout(Duration::from_secs(2))
        // By default 5 s, as a check counts for readiness: senders of requests need some time to see that.
        .drain_pause(Duration::ZERO)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = Arc::new(AtomicBool::new(true));
    let monitor = monitor_server::run(config(&database))?;
    let mut health = monitor.watch_health();
    let works = Arc::new(AtomicBool::new(true));
    start_worker(monitor.heartbeat(), &works);

    let both = |state: &HealthState| state.components.values().all(|one| one.name() == "UP");
    tell("at first", &mut health, |state| {
        state.components.len() == 2 && both(state)
    })
    .await?;
    database.store(false, Ordering::Relaxed);
    tell("no database", &mut health, |state| {
        !state.readiness.is_ready()
    })
    .await?;
    database.store(true, Ordering::Relaxed);
    tell("again", &mut health, |state| state.live && both(state)).await?;
    // Without a pulse `/livez` fails, independently of the checks.
    works.store(false, Ordering::Relaxed);
    tell("a thread hangs", &mut health, |state| !state.live).await?;
    works.store(true, Ordering::Relaxed);
    monitor.begin_drain();
    tell("told to end", &mut health, |state| {
        state.live && !state.readiness.is_ready()
    })
    .await?;
    monitor.drain(Duration::from_secs(10)).await?;
    Ok(())
}

/// The thread without which the service would be none: it pulses each time around.
fn start_worker(heartbeat: Heartbeat, works: &Arc<AtomicBool>) {
    let works = Arc::clone(works);
    std::thread::spawn(move || {
        loop {
            if works.load(Ordering::Relaxed) {
                heartbeat.pulse();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

/// Waits until the state is so, and prints it.
async fn tell(
    when: &str,
    health: &mut Receiver<HealthState>,
    is_so: impl FnMut(&HealthState) -> bool,
) -> Result<(), Box<dyn Error>> {
    let state = health.wait_for(is_so).await?;
    let live = if state.live { "ok" } else { "stalled" };
    let parts = state.components.iter();
    let parts: Vec<String> = parts.map(|(name, one)| format!("{name} {one}")).collect();
    let ready = state.readiness;
    println!(
        "{when:<16}  /livez {live}, /readyz {ready}, {}",
        parts.join(", ")
    );
    Ok(())
}
