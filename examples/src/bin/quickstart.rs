//! The example of the README: one monitored function, and a server for its metrics. A test compares the two.

use std::{thread, time::Duration};

use monitor_core::monitored;
use monitor_server::MonitorConfig;

#[derive(Debug, thiserror::Error)]
#[error("the word is empty")]
struct EmptyWord;

#[monitored(method = "FirstLetter")]
fn first_letter(word: &str) -> Result<char, EmptyWord> {
    word.chars().next().ok_or(EmptyWord)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = MonitorConfig::default().errors("OTHER_EXCEPTION", ["empty", "other"], -1);
    let monitor = monitor_server::run(config)?;
    let port = monitor.local_addr().port();
    println!("see http://localhost:{port}/");
    for word in ["whale", "", "sea"].into_iter().cycle() {
        let _ = first_letter(word);
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
