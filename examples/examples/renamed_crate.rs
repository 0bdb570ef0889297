//! Where `monitor_core` has another name, or comes through a crate of your own: `crate`.
//!
//! A company's crate that re-exports everything its services may use is the usual reason. Here it is a module; with a
//! dependency renamed in `Cargo.toml` (`telemetry = { package = "monitor-core", .. }`) it would be `crate = ::telemetry`.
//!
//! Prints:
//!
//! ```text
//! 1 x Greet{tone="polite"} failure rude
//! 1 x Greeter::wave success
//! ```

mod company {
    pub(crate) use monitor_core as telemetry;
}

use company::telemetry::testing::Recorder;
use company::telemetry::{MonitorError, MonitorLabel, monitored};

#[derive(MonitorLabel)]
#[monitor(crate = crate::company::telemetry)]
enum Tone {
    Polite,
}

#[derive(MonitorError)]
#[monitor(crate = crate::company::telemetry, error_type = "rude")]
struct Rude;

#[monitored(crate = crate::company::telemetry, method = "Greet", labels(tone = tone))]
fn greet(tone: &Tone) -> Result<(), Rude> {
    match tone {
        Tone::Polite => Err(Rude),
    }
}

struct Greeter(u32);

#[monitored(crate = crate::company::telemetry)]
impl Greeter {
    fn wave(&mut self) {
        self.0 += 1;
    }
}

fn main() {
    let recorder = Recorder::builder()
        .errors("OTHER_EXCEPTION", ["rude"])
        .build();
    recorder.scope_sync(|| {
        assert!(greet(&Tone::Polite).is_err());
        Greeter(0).wave();
    });
    print!("{}", recorder.recorded());
}
