//! Sizes and deadlines: `request_size`, `response_size`, `deadline`.
//!
//! Prints:
//!
//! ```text
//! 1 x Resize success
//! 1 x Resize failure other
//! Resize observed request_size [4, 6]
//! Resize observed response_size [2]
//! Resize observed time_remaining_after_time [0.5, 1.5]
//! Resize observed time_remaining_time [2, 3]
//! ```

use std::time::Duration;

use monitor_core::monitored;
use monitor_core::testing::Recorder;

/// The request's size and the deadline are read before the body, from the arguments; the response's size afterwards,
/// from the value of `Ok`. The time left until the deadline is noted at the end, too.
#[monitored(
    method = "Resize",
    request_size = image.len(),
    response_size = Vec::len,
    deadline = left
)]
fn resize(image: &[u8], left: Option<Duration>, recorder: &Recorder) -> Result<Vec<u8>, String> {
    recorder.advance(Duration::from_millis(1_500));
    match image {
        [first, _, .., last] if first == last => Err("nothing to see".to_owned()),
        _ => Ok(image.iter().copied().step_by(3).collect()),
    }
}

fn main() {
    let recorder = Recorder::new();
    recorder.scope_sync(|| {
        let small = resize(&[1, 2, 3, 4, 5, 6], Some(Duration::from_secs(3)), &recorder);
        assert_eq!(small, Ok(vec![1, 4]));
        let failed = resize(&[1, 2, 3, 1], Some(Duration::from_secs(2)), &recorder);
        assert!(failed.is_err());
    });
    print!("{}", recorder.recorded());
}
