//! `docs/truth.md` against a real server, row by row: a service that is in trouble says so on the page that each reader has.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const DOC: &str = include_str!("../../docs/truth.md");

/// How long a service may take to show its state, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One table of the document.
struct Table {
    /// The column of scenarios, and those of [`Column`].
    head: Vec<&'static str>,
    rows: Vec<Vec<&'static str>>,
}

/// What the cells of a column are compared with.
#[derive(Clone, Copy)]
enum Column {
    /// An answer of this path: the first one that the head of the column names.
    Answer(&'static str),
    /// The end of the program after SIGTERM: its exit status, and the lines that it prints.
    End,
}

/// All tables that begin with a column of scenarios.
fn tables() -> Vec<Table> {
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
    fn columns(&self) -> Vec<Column> {
        let column = |head: &&'static str| {
            let path = texts(head).find(|text| text.starts_with('/'));
            match (path, *head) {
                (Some(path), _) => Column::Answer(path),
                (None, "the end") => Column::End,
                _ => panic!("no column `{head}`"),
            }
        };
        self.head[1..].iter().map(column).collect()
    }
}

/// The texts between backticks.
fn texts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// True for a line of a page that is this text as a whole, so that 20 is not 200, or has a value above that of a text
/// like `series > 1`.
fn is_sample(line: &str, text: &str) -> bool {
    let Some((series, limit)) = text.split_once(" > ") else {
        return line == text;
    };
    let value = line.strip_prefix(series).map(|value| value.trim().parse());
    let limit: f64 = limit.parse().expect("a number");
    matches!(value, Some(Ok(value)) if limit < value)
}

/// A running service; killed when dropped.
struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(kind: &str, scenario: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scenarios"))
            .args([kind, scenario])
            // A worker that panics is one of the scenarios.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next().and_then(Result::ok).unwrap_or_default();
        let address = line.strip_prefix("listens on ");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("`{scenario}` does not start"));
        Self {
            child,
            lines,
            address,
        }
    }

    fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-s", "TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM is sent");
    }

    /// The rest of its lines and its exit status, in the form of a cell.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let lines = self.lines.by_ref().map_while(Result::ok);
        let lines: Vec<String> = lines.map(|line| format!("`{line}`")).collect();
        let status = self.child.wait().expect("it can be waited for");
        let status = status.code().map_or("none".to_owned(), |it| it.to_string());
        [&[status], &*lines].concat().join(" ")
    }

    /// The status and the body of an answer.
    fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let timeout = stream.set_read_timeout(Some(PATIENCE));
        timeout.expect("a valid timeout");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        (status.to_owned(), body.to_owned())
    }

    /// The difference between an answer and the cell of the table: the status, and texts that the body has.
    fn difference(&self, path: &str, cell: &str) -> Option<String> {
        let (status, body) = self.get(path);
        let has = |text: &str| match path {
            "/metrics" => body.lines().any(|line| is_sample(line, text)),
            _ => body.contains(text),
        };
        let is_met = cell.starts_with(&status) && texts(cell).all(has);
        (!is_met).then(|| format!("{path} should be {cell}, is {status}:\n{body}"))
    }
}

/// Asserts one row. States that come with time are waited for.
fn check(kind: &str, columns: &[Column], row: &[&str]) {
    let service = Service::start(kind, row[0]);
    let ends = columns.iter().any(|column| matches!(column, Column::End));
    if ends {
        service.terminate();
    }
    let begin = Instant::now();
    let answers = columns.iter().zip(&row[1..]);
    let answers = answers.filter_map(|(column, cell)| match column {
        Column::Answer(path) => Some((*path, *cell)),
        Column::End => None,
    });
    for (path, cell) in answers.clone() {
        while let Some(difference) = service.difference(path, cell) {
            assert!(begin.elapsed() < PATIENCE, "{}: {difference}", row[0]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    // All of it at once, after the last of it came.
    for (path, cell) in answers {
        let difference = service.difference(path, cell);
        assert_eq!(difference, None, "{}", row[0]);
    }
    if ends {
        assert_eq!(Some(&&*service.end()), row.last(), "{}", row[0]);
    }
}

/// Asserts the rows of the table with this number, in parallel. The program `scenarios` knows them under this kind.
fn check_table(number: usize, kind: &str, scenarios: usize) {
    let table = &tables()[number];
    assert_eq!(table.rows.len(), scenarios, "rows");
    let columns = table.columns();
    std::thread::scope(|scope| {
        for row in &table.rows {
            assert_eq!(row.len(), table.head.len(), "{row:?}");
            scope.spawn(|| check(kind, &columns, row));
        }
    });
}

#[test]
fn there_are_no_other_tables() {
    assert_eq!(tables().len(), 2);
}

#[test]
fn each_row_about_functions_is_true() {
    check_table(0, "functions", 12);
}

#[test]
#[cfg(unix)]
fn each_row_about_the_end_of_a_service_is_true() {
    check_table(1, "stops", 2);
}
