//! The measured figures beside the promised ones.

use std::fmt::Display;

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

struct Row {
    bar: &'static str,
    what: String,
    measured: String,
    holds: bool,
}

impl Table {
    /// Notes a figure and prints it at once, so that a long run can be watched.
    pub(crate) fn note(
        &mut self,
        bar: &'static str,
        what: impl Display,
        measured: impl Display,
        holds: bool,
    ) {
        let row = Row {
            bar,
            what: what.to_string(),
            measured: measured.to_string(),
            holds,
        };
        eprintln!(
            "bar {}: {}: {} ({})",
            row.bar,
            row.what,
            row.measured,
            row.verdict()
        );
        self.0.push(row);
    }

    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(|row| row.holds)
    }

    pub(crate) fn print(&self) {
        println!("| bar | what | measured | |\n|---|---|---|---|");
        for row in &self.0 {
            println!(
                "| {} | {} | {} | {} |",
                row.bar,
                row.what,
                row.measured,
                row.verdict()
            );
        }
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        if self.holds { "holds" } else { "falls short" }
    }
}
