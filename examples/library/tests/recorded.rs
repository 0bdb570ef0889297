//! What the library records, as its own unit tests say it.

use example_cache::{Cache, LoadError};
use monitor_core::testing::{call, record};

#[test]
fn a_value_is_loaded_once() {
    let cache = Cache::new(|key: &str| Ok(key.to_uppercase()));
    let (values, recorded) = record(|| ["whale", "whale"].map(|key| cache.get(key).ok()));
    assert!(values.iter().all(|value| value.as_deref() == Some("WHALE")));
    recorded.assert_exactly([call("ExampleCache::load").success()]);
}

#[test]
fn errors_have_types_and_are_not_kept() {
    let cache = Cache::new(|key: &str| match key {
        "sea" => Err(std::io::Error::other("no route to host").into()),
        _ => Err(LoadError::Missing),
    });
    let (_, recorded) = record(|| ["whale", "sea", "sea"].map(|key| cache.get(key).is_err()));
    recorded.assert_exactly([
        call("ExampleCache::load").failure("missing"),
        call("ExampleCache::load").failure("source").times(2),
    ]);
}
