//! The call as a value in its body: `call`, to observe values that exist only in the body.
//!
//! Prints:
//!
//! ```text
//! 1 x Complete success
//! 1 x Complete failure other
//! Complete observed first_token_time [0.25, 0.25]
//! Complete observed tokens [12]
//! ```

use std::time::Duration;

use monitor_core::monitored;
use monitor_core::testing::Recorder;

/// Observed values are recorded however the call ends; a name with `time` or `size` in it has a histogram.
#[monitored(method = "Complete", call = call)]
async fn complete(prompt: &str, recorder: &Recorder) -> Result<String, String> {
    tokio::task::yield_now().await;
    recorder.advance(Duration::from_millis(250));
    call.observe("first_token_time", call.elapsed().as_secs_f64());
    if prompt.is_empty() {
        return Err("an empty prompt".to_owned());
    }
    call.observe("tokens", 12.0);
    Ok(prompt.to_uppercase())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let recorder = Recorder::new();
    let answers = recorder.scope(async {
        (
            complete("whale", &recorder).await,
            complete("", &recorder).await,
        )
    });
    let (answer, refused) = answers.await;
    assert_eq!(answer.as_deref(), Ok("WHALE"));
    assert!(refused.is_err());
    print!("{}", recorder.recorded());
}
