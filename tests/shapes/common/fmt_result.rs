//! A method of a library's trait, with its alias of `Result`.
//@ shape: `fmt::Result` trait method
//@ records: fmt = ok 1, other 1

use std::fmt;

use monitor_core::monitored;

/// Shown if it likes.
#[derive(Debug)]
pub struct Shy(bool);

impl fmt::Display for Shy {
    #[monitored]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 {
            return Err(fmt::Error);
        }
        write!(f, "here: {}", self.0)
    }
}

/// Runs it.
pub fn run() -> String {
    let mut text = String::new();
    let hidden = fmt::Write::write_fmt(&mut text, format_args!("{}", Shy(true)));
    format!("{} {:?}", Shy(false), hidden)
}
