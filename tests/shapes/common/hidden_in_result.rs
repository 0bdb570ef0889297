//! `impl Trait` inside of a `Result`.
//@ shape: `Result<impl ToString, E>`
//@ records: hidden = ok 1, other 1
//@ records: hidden_later = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// Why not.
#[derive(Debug)]
pub struct Refused;

#[monitored]
fn hidden(fail: bool) -> Result<impl ToString, Refused> {
    if fail {
        return Err(Refused);
    }
    Ok(1_u8)
}

#[monitored]
async fn hidden_later(fail: bool) -> Result<impl ToString, Refused> {
    yield_now().await;
    if fail {
        return Err(Refused);
    }
    Ok(1_u8)
}

/// Runs it.
pub fn run() -> String {
    let text = |result: Result<String, Refused>| format!("{:?}", result);
    let now = [hidden(true), hidden(false)].map(|result| text(result.map(|hidden| hidden.to_string())));
    let later = block_on(async {
        let first = hidden_later(true).await.map(|hidden| hidden.to_string());
        [text(first), text(hidden_later(false).await.map(|hidden| hidden.to_string()))]
    });
    format!("{:?} {:?}", now, later)
}
