//! Whether what protects the server is up to date, and until when.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use monitor_core::family::{ChildValue, Family, FamilyType};

use super::{child, family};

const UNUSED: u8 = 0;
const LOADED: u8 = 1;
const FAILED: u8 = 2;

/// State of the files that protection is read from. `Relaxed` throughout, as in [`SelfMetrics`](super::SelfMetrics).
#[derive(Debug, Default)]
pub(crate) struct ProtectionMetrics {
    state: AtomicU8,
    /// Seconds since 1970.
    last_success: AtomicU64,
    /// Seconds since 1970; zero where there is no certificate.
    expiry: AtomicU64,
}

impl ProtectionMetrics {
    /// What the files hold is in force; the certificate, if there is one, expires then.
    pub(crate) fn loaded(&self, expiry: Option<u64>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        self.last_success.store(now, Ordering::Relaxed);
        self.expiry.store(expiry.unwrap_or(0), Ordering::Relaxed);
        self.state.store(LOADED, Ordering::Relaxed);
    }

    /// What they hold is not in force.
    pub(crate) fn failed(&self) {
        self.state.store(FAILED, Ordering::Relaxed);
    }

    /// None where there is nothing to load; the certificate's only where there is one.
    pub(super) fn families(&self) -> Vec<Family> {
        let state = self.state.load(Ordering::Relaxed);
        if state == UNUSED {
            return Vec::new();
        }
        let mut families = vec![
            gauge(
                "monitor_server_web_config_last_reload_successful",
                "Whether the files that protect the monitor server are in force as they are now.",
                u64::from(state == LOADED),
            ),
            gauge(
                "monitor_server_web_config_last_reload_success_timestamp_seconds",
                "When the files that protect the monitor server were last loaded, in seconds since 1970.",
                self.last_success.load(Ordering::Relaxed),
            ),
        ];
        let expiry = self.expiry.load(Ordering::Relaxed);
        if expiry != 0 {
            families.push(gauge(
                "monitor_server_certificate_expiry_timestamp_seconds",
                "When the monitor server's certificate expires, in seconds since 1970.",
                expiry,
            ));
        }
        families
    }
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Family {
    let children = vec![child(None, ChildValue::Int(value))];
    Family {
        unit: name.ends_with("_seconds").then_some("seconds"),
        ..family(name, help, FamilyType::Gauge, children)
    }
}
