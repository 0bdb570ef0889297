//! A batch job: it imports a file of prices and ends, before a scraper comes. Its page is a file for the textfile collector of
//! `node_exporter`, written at the end of each run, good or bad.
//!
//! ```sh
//! cargo run -p monitor-examples --example batch_job -- prices.csv /var/lib/node_exporter/textfile/import.prom
//! ```
//!
//! `docs/batch.md` explains each part.

use std::error::Error;
use std::io;
use std::panic::{catch_unwind, resume_unwind};
use std::path::PathBuf;

use monitor_core::config::ConstLabels;
use monitor_core::metric::MetricDesc;
use monitor_core::{Monitor, MonitorError, monitored};

#[derive(Debug, thiserror::Error, MonitorError)]
enum ImportError {
    #[error("cannot read the file")]
    #[monitor(error_type = "read")]
    Read(#[from] io::Error),
    #[error("the row is not `name,price`")]
    #[monitor(error_type = "bad_row", expected)] // the sender's mistake: counted, and skipped
    BadRow,
    #[error("{bad} of {rows} rows are bad")]
    #[monitor(error_type = "bad_file")]
    BadFile { bad: usize, rows: usize },
}

/// The price of a row in cents. One above 42,949,672 is a bug of this program: it panics.
#[monitored(method = "ImportRow")]
fn import_row(row: &str) -> Result<u32, ImportError> {
    let (_, price) = row.split_once(',').ok_or(ImportError::BadRow)?;
    let price: u32 = price.trim().parse().map_err(|_| ImportError::BadRow)?;
    Ok(price * 100)
}

/// One run. It fails where half of the rows are bad.
#[monitored(method = "Import")]
fn import(file: &PathBuf) -> Result<usize, ImportError> {
    let text = std::fs::read_to_string(file)?;
    let rows = text.lines().count();
    let bad = text.lines().filter(|row| import_row(row).is_err()).count();
    if bad * 2 >= rows {
        return Err(ImportError::BadFile { bad, rows });
    }
    Ok(rows - bad)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let file = paths
        .next()
        .ok_or("the first argument is the file to import")?;
    let page = paths
        .next()
        .ok_or("the second argument is the page to write")?;
    let monitor = Monitor::global();
    let mut config = monitor.config();
    // Each job on a machine needs one of its own: their series have equal names.
    config.const_labels = ConstLabels::try_new([("batch", "import")])?;
    monitor.configure(config);
    let success = MetricDesc::new("import_success", "1 if the last run imported its file.");
    let success = monitor.register_gauge(success)?;

    let imported = catch_unwind(|| import(&file));
    let is_ok = matches!(imported, Ok(Ok(_)));
    success.set(f64::from(u8::from(is_ok)));
    // Before anything that ends the process: a run that fails is the one to see.
    monitor.write_textfile(&page)?;
    let rows = imported.unwrap_or_else(|panic| resume_unwind(panic))?;
    println!("{rows} rows imported");
    Ok(())
}
