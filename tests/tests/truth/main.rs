//! `docs/truth.md` against real servers and clients, row by row: a service that is in trouble says so on the page that each
//! reader has.

mod page;
mod service;
mod table;

use std::time::{Duration, Instant};

use service::Service;
use table::{Column, tables};

/// How long a service may take to show its state, on a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Asserts one row. States that come with time are waited for.
fn check(kind: &str, columns: &[Column], row: &[&str]) {
    let service = Service::start(kind, row[0]);
    let ends = columns.contains(&Column::End);
    if ends {
        service.terminate();
    }
    let begin = Instant::now();
    let cells = || columns.iter().copied().zip(&row[1..]);
    for (column, cell) in cells() {
        while let Some(difference) = service.difference(column, cell) {
            assert!(begin.elapsed() < WAIT_LIMIT, "{}: {difference}", row[0]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    // All of it at once, after the last of it came.
    for (column, cell) in cells() {
        let difference = service.difference(column, cell);
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
    assert_eq!(tables().len(), 5);
}

#[test]
fn each_row_about_functions_is_true() {
    check_table(0, "functions", 16);
}

#[test]
fn each_row_about_http_is_true() {
    check_table(1, "http", 24);
}

#[test]
fn each_row_about_grpc_is_true() {
    check_table(2, "grpc", 22);
}

#[test]
#[cfg(unix)]
fn each_row_about_the_end_of_a_service_is_true() {
    check_table(3, "stops", 2);
}

/// Codes that are not the service's fault, and the end of a client that left before it had asked.
const OWN_FAULTS: &[&str] = &[
    "Ok",
    "NotFound",
    "OutOfRange",
    "Unimplemented",
    "left within its request",
];

/// True if the end of a client's request is not the service's fault.
fn is_served(view: &str) -> bool {
    let (_, view) = view.split_once(" x ").expect("a number of clients");
    let is_status = view.len() == 3 && (view.starts_with('2') || view.starts_with('4'));
    is_status && view != "408" || OWN_FAULTS.contains(&view)
}

#[test]
fn no_row_says_well_while_users_are_not() {
    for table in tables() {
        for row in &table.rows {
            let cell = |column| table.cell(row, column);
            let Some(clients) = cell(Column::Clients) else {
                continue;
            };
            let failures = cell(Column::Failures).expect("a column beside that of clients");
            let fails = |one: &str| one != "none" && !one.ends_with(" (expected)");
            let is_seen = failures.split(", ").any(fails) || cell(Column::InFlight) != Some("0");
            assert!(is_seen || clients.split(", ").all(is_served), "{row:?}");
        }
    }
}

#[test]
#[cfg(unix)]
fn each_row_about_the_end_of_a_service_with_requests_is_true() {
    check_table(4, "request stops", 7);
}
