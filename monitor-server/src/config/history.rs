//! Settings of the history: the key `history` of a file, which is a switch or a map.

use monitor_core::history::HistoryConfig;

use super::setting::{At, Node, Result};

const HISTORY: &str = "`on`, `off`, or a map";

const MAX_BYTES: &str = "a whole number from 65536 to 1073741824";

/// The range of `max_bytes`. Below it there is no room for a few methods; above it a look would take too long.
const BYTES: std::ops::RangeInclusive<usize> = 1 << 16..=1 << 30;

/// A map is the same as `on` with its parts.
pub(super) fn history(at: &At<'_>) -> Result<HistoryConfig> {
    let mut history = HistoryConfig::default();
    if at.is_scalar() {
        history.is_on = at.value(HISTORY, |node: &Node| match node.text() {
            Some("on") => Some(true),
            Some("off") => Some(false),
            _ => node.flag(),
        })?;
        return Ok(history);
    }
    at.known(&["max_bytes"])?;
    let max_bytes = at.get("max_bytes", |at| at.value(MAX_BYTES, Node::whole))?;
    history.max_bytes = max_bytes.unwrap_or(history.max_bytes);
    Ok(history)
}

pub(super) fn validate(history: &HistoryConfig, at: &At<'_>) -> Result {
    let is_good = BYTES.contains(&history.max_bytes);
    at.key("max_bytes")
        .require_range(is_good, MAX_BYTES, &history.max_bytes)
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::MonitorConfig;

    use super::*;

    #[test]
    fn it_is_a_switch_or_a_map() {
        let read = |text: &str| {
            let config = MonitorConfig::from_yaml(text).expect(text);
            config.storage_config().expect(text).history
        };
        let on = HistoryConfig::default();
        let mut off = HistoryConfig::default();
        off.is_on = false;
        let mut small = HistoryConfig::default();
        small.max_bytes = 1 << 20;
        for (text, expected) in [
            ("", &on),
            ("history: on", &on),
            ("history: true", &on),
            ("history:", &on),
            ("history: {}", &on),
            ("history: off", &off),
            ("history: 'false'", &off),
            ("history: {max_bytes: 1048576}", &small),
        ] {
            assert_eq!(read(text), *expected, "{text}");
        }
        let mut none = HistoryConfig::default();
        none.max_bytes = 0;
        let refused = MonitorConfig::default().history(none).storage_config();
        assert_eq!(
            refused.expect_err("too small").to_string(),
            format!("configuration: `history.max_bytes`: expected {MAX_BYTES}, found `0`")
        );
    }
}
