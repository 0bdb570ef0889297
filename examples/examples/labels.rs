//! Labels from arguments: bounded ones by `#[derive(MonitorLabel)]`, text up to a number of values by `capped`.
//!
//! Prints:
//!
//! ```text
//! 1 x Upload{cached="false",tenant="acme",tier="free"} success
//! 1 x Upload{cached="true",tenant="acme",tier="paid_yearly"} success
//! 1 x Upload{cached="true",tenant="globex",tier="free"} success
//! 2 x Upload{cached="true",tenant="overflow",tier="free"} success
//! 2 x overflowed update
//! ```

use monitor_core::testing::Recorder;
use monitor_core::{MonitorLabel, monitored};

/// A closed set of values: their series are there, at zero, from the start.
#[derive(Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    #[monitor(name = "paid_yearly")]
    Paid,
}

struct Request {
    tenant: String,
    tier: Tier,
}

/// Any text is taken for `tenant`, but only the first two get series of their own.
#[monitored(
    method = "Upload",
    labels(tier = request.tier, cached = cached, capped(tenant = request.tenant, max = 2))
)]
fn upload(request: &Request, cached: bool) -> usize {
    request.tenant.len()
}

fn main() {
    let recorder = Recorder::new();
    let calls = [
        ("acme", Tier::Free, false),
        ("acme", Tier::Paid, true),
        ("globex", Tier::Free, true),
        ("initech", Tier::Free, true),
        ("hooli", Tier::Free, true),
    ];
    for (tenant, tier, cached) in calls {
        let tenant = tenant.to_owned();
        recorder.scope_sync(|| upload(&Request { tenant, tier }, cached));
    }
    print!("{}", recorder.recorded());
}
