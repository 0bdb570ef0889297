//! A configuration: any text is one or is refused with a place in it, and accepted values are in bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monitor_server::MonitorConfig;

fuzz_target!(|text: &str| {
    match MonitorConfig::from_yaml(text) {
        Ok(config) => assert_eq!(
            format!("{config:?}"),
            format!(
                "{:?}",
                MonitorConfig::from_yaml(text).expect("taken before")
            ),
            "the same text is the same configuration"
        ),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
