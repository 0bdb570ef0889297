//! What bars say.

use std::fmt::Display;

/// The measurements of one bar.
#[derive(Debug)]
pub(crate) struct Report {
    number: u8,
    falls_short: bool,
}

impl Report {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            number,
            falls_short: false,
        }
    }

    /// Whether something that was said does not hold.
    pub(crate) fn falls_short(&self) -> bool {
        self.falls_short
    }

    /// Says what was measured, and whether that is within the bar. `what` says the bar, too.
    pub(crate) fn say(&mut self, what: impl Display, measured: impl Display, holds: bool) {
        let verdict = if holds { "holds" } else { "falls short" };
        self.falls_short |= !holds;
        println!("bar\t{}\t{what}\t{measured}\t{verdict}", self.number);
    }
}

/// As mebibytes.
pub(crate) fn mib(bytes: i64) -> String {
    // Whole tenths are enough for a table.
    let tenths = bytes * 10 / (1 << 20);
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{} MiB", tenths.abs() / 10, tenths.abs() % 10)
}
