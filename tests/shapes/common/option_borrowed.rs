//! `?` on an `Option` whose payload is borrowed from an argument.
//@ shape: Option with `?`, borrowed payload
//@ records: find = ok 2

use std::collections::BTreeMap;

use monitor_core::monitored;

#[monitored]
fn find<'a>(map: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    let value = map.get(key)?;
    Some(value.trim())
}

/// Runs it.
pub fn run() -> String {
    let mut map = BTreeMap::new();
    map.insert("a".to_owned(), " b".to_owned());
    format!("{:?} {:?}", find(&map, "a"), find(&map, "b"))
}
