//! Closures that are unsized inside of a vector, and inside of a `Result`.
//@ shape: Vec of boxed closures (nested unsize coercion)
//@ records: closures = ok 1
//@ records: in_result = ok 1
//@ records: in_result_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};

/// A step.
pub type Step = Box<dyn Fn(u32) -> u32 + Send>;

#[monitored]
fn closures() -> Vec<Box<dyn Fn(u32) -> u32>> {
    vec![Box::new(|x| x + 1), Box::new(|x| x * 2)]
}

#[monitored]
fn in_result(twice: bool) -> Result<Step, String> {
    if twice {
        return Ok(Box::new(|x| x * 2));
    }
    Ok(Box::new(|x| x + 1))
}

#[monitored]
async fn in_result_later(twice: bool) -> Result<Step, String> {
    yield_now().await;
    if twice {
        return Ok(Box::new(|x| x * 2));
    }
    Ok(Box::new(|x| x + 1))
}

/// Runs it.
pub fn run() -> String {
    let steps: Vec<u32> = closures().iter().map(|step| step(4)).collect();
    let now = in_result(true).map(|step| step(4));
    let later = block_on(send(in_result_later(false))).map(|step| step(4));
    format!("{:?} {:?} {:?}", steps, now, later)
}
