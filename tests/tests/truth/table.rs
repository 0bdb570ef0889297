//! The tables of the document.

const DOC: &str = include_str!("../../../docs/truth.md");

/// One table of the document.
pub(crate) struct Table {
    /// The column of scenarios, and those of [`Column`].
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<&'static str>>,
}

/// What the cells of a column are compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Column {
    /// What the clients of the service saw, with the number of clients that saw it.
    Clients,
    /// The methods that were called, each with its calls begun.
    Requests,
    /// The types of failures, each with its number.
    Failures,
    /// Calls that began and did not end.
    InFlight,
    /// An answer of this path: the first one that the head of the column names.
    Answer(&'static str),
    /// The end of the program after SIGTERM: its exit status, and the lines that it prints.
    End,
}

/// All tables that begin with a column of scenarios.
pub(crate) fn tables() -> Vec<Table> {
    let blocks = DOC.split("\n\n").map(str::trim);
    let blocks = blocks.filter(|block| block.starts_with("| scenario |"));
    let tables = blocks.map(|block| {
        let cells = |line: &'static str| {
            let line = line.trim_start_matches("| ").trim_end_matches(" |");
            line.split(" | ").map(str::trim).collect()
        };
        let mut lines = block.lines();
        Table {
            head: lines.next().map(cells).unwrap_or_default(),
            // Behind the line of dashes.
            rows: lines.skip(1).map(cells).collect(),
        }
    });
    tables.collect()
}

impl Table {
    pub(crate) fn columns(&self) -> Vec<Column> {
        let column = |head: &&'static str| {
            let path = texts(head).find(|text| text.starts_with('/'));
            match (path, *head) {
                (Some(path), _) => Column::Answer(path),
                (None, "the clients") => Column::Clients,
                (None, "calls by method") => Column::Requests,
                (None, "failures by type") => Column::Failures,
                (None, "in flight") => Column::InFlight,
                (None, "the end") => Column::End,
                _ => panic!("no column `{head}`"),
            }
        };
        self.head[1..].iter().map(column).collect()
    }

    /// The cell of this column.
    pub(crate) fn cell(&self, row: &[&'static str], column: Column) -> Option<&'static str> {
        let mut columns = self.columns().into_iter();
        let place = columns.position(|one| one == column)?;
        row.get(place + 1).copied()
    }
}

/// The texts between backticks.
pub(crate) fn texts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
