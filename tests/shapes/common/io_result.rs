//! An alias of `Result` from a library.
//@ shape: `io::Result` alias with `?`
//@ records: decode = ok 1, other 1

use monitor_core::monitored;
use std::io;

#[monitored]
fn decode(bytes: &[u8]) -> io::Result<String> {
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(text)
}

/// Runs it.
pub fn run() -> String {
    let bad = decode(&[255]).map_err(|error| error.kind());
    format!("{:?} {:?}", decode(b"a").ok(), bad)
}
