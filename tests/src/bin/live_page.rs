//! Looks at the live page of a running service with a real browser.
//!
//! ```text
//! live_page look URL [pictures=FOLDER] [axe=FILE] [method=NAME]
//! live_page paint URL
//! live_page polls URL [seconds=60]
//! live_page table URL
//! live_page readme TEXTPROCESSOR FOLDER [after=SECONDS]
//! ```
//!
//! `look` shows all screens and prints each finding: what is beyond the edge at some width, elements beyond the bounds, with `axe` (the file
//! `axe.min.js`) barriers, and what the console, the policy and the network say; with `pictures` it takes one of each screen, theme and width.
//! `paint` prints how long it takes from asking for the address to a picture with data, the median of 9, for each screen; `polls` what each
//! poll costs the page, by the answers of so many seconds that are drawn one after the other; `table` how long the table of Methods takes
//! to be sorted and scrolled, for a service with thousands of methods.
//! `readme` takes the two pictures of the README: it starts the example with an incident, and waits for the verdict.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use monitor_tests::browser::{Browser, Theme};
use monitor_tests::live_page::{self, LivePage, SCREENS};

/// Pages in the README are so wide and high.
const README_SIZE: (u32, u32) = (1440, 900);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args
        .iter()
        .filter(|arg| !is_setting(arg))
        .map(String::as_str)
        .collect();
    let setting = |name: &str| {
        args.iter()
            .find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='))
    };
    let seconds = |name: &str, usual| {
        let given = setting(name).map(|value| value.parse().expect("a number of seconds"));
        Duration::from_secs(given.unwrap_or(usual))
    };
    match *words {
        ["look", url] => look(
            url,
            setting("pictures").map(PathBuf::from),
            setting("axe").map(PathBuf::from),
            setting("method"),
        ),
        ["paint", url] => paint(url),
        ["polls", url] => polls(url, seconds("seconds", 60)),
        ["table", url] => table(url),
        ["readme", program, folder] => {
            readme(program, &PathBuf::from(folder), seconds("after", 660))
        }
        _ => {
            eprintln!(
                "page look|paint|polls|table URL [NAME=VALUE].., or page readme PROGRAM FOLDER"
            );
            ExitCode::from(2)
        }
    }
}

fn is_setting(arg: &str) -> bool {
    ["pictures=", "axe=", "method=", "seconds=", "after="]
        .iter()
        .any(|name| arg.starts_with(name))
}

fn look(
    url: &str,
    pictures: Option<PathBuf>,
    axe: Option<PathBuf>,
    method: Option<&str>,
) -> ExitCode {
    let mut browser = Browser::start();
    let page = LivePage::open(&mut browser, url, method);
    if let Some(folder) = pictures {
        live_page::pictures(&mut browser, &page, &folder);
    }
    let mut findings = live_page::nodes(&mut browser, &page);
    findings.extend(live_page::widths(&mut browser, &page));
    if let Some(file) = axe {
        let axe = std::fs::read_to_string(file).expect("axe can be read");
        findings.extend(live_page::accessibility(&mut browser, &page, &axe));
    }
    findings.extend(browser.take_problems().iter().map(ToString::to_string));
    for finding in &findings {
        println!("{finding}");
    }
    println!("{} findings", findings.len());
    ExitCode::from(u8::from(!findings.is_empty()))
}

fn paint(url: &str) -> ExitCode {
    let mut browser = Browser::start();
    let page = LivePage::open(&mut browser, url, None);
    live_page::note_paint(&mut browser);
    for screen in SCREENS {
        let url = page.url(screen);
        let mut times: Vec<f64> = (0..9)
            .map(|_| live_page::time_to_paint(&mut browser, &url))
            .collect();
        times.sort_by(f64::total_cmp);
        let ms = |at: usize| times[at] * 1000.0;
        println!("{screen}: {:.0} ms ({:.0} to {:.0})", ms(4), ms(0), ms(8));
    }
    ExitCode::SUCCESS
}

fn polls(url: &str, time: Duration) -> ExitCode {
    let mut browser = Browser::start();
    let page = LivePage::open(&mut browser, url, None);
    for screen in SCREENS {
        let cost = live_page::cost_of_a_poll(&mut browser, &page.url(screen), screen, time);
        let [script, layout] = [cost.script, cost.layout].map(|seconds| seconds * 1000.0);
        println!(
            "{screen}: {:.1} ms a poll (script {script:.1}, layout {layout:.1})",
            script + layout
        );
    }
    ExitCode::SUCCESS
}

fn table(url: &str) -> ExitCode {
    let mut browser = Browser::start();
    let page = LivePage::open(&mut browser, url, None);
    page.show(&mut browser, "methods");
    println!("{:?}", live_page::long_table(&mut browser));
    ExitCode::SUCCESS
}

/// The example; killed when dropped.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn readme(program: &str, folder: &std::path::Path, after: Duration) -> ExitCode {
    let after = after.as_secs().to_string();
    let started = Command::new(program)
        .args([
            "--load",
            "200",
            "--incident",
            "dictionary",
            "--incident-after",
            &after,
        ])
        .args([
            "--incident-seconds",
            "600",
            "--port",
            "0",
            "--monitor-port",
            "0",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut example = Example(started.expect("the example starts"));
    let stdout = example.0.stdout.take().expect("piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address = lines.find_map(|line| {
        let url = line.trim().strip_prefix("metrics")?.trim().to_owned();
        Some(url.trim_end_matches("metrics").to_owned())
    });
    let address = address.expect("it says where it is");
    // Its standard output is a pipe, which would be full at some time without a reader.
    std::thread::spawn(move || lines.for_each(drop));
    let mut browser = Browser::start();
    browser.size(README_SIZE.0, README_SIZE.1);
    LivePage::open(&mut browser, &address, Some("LookUpWords"));
    let limit = Duration::from_hours(1);
    let begun = Instant::now();
    browser.until_within(
        limit,
        "the verdict is that it fails",
        "document.documentElement.dataset.state === 'failing'",
    );
    println!("failing after {:.0} s", begun.elapsed().as_secs_f64());
    // So that the incident is a column that can be seen.
    std::thread::sleep(Duration::from_secs(90));
    for theme in Theme::ALL {
        browser.theme(theme);
        live_page::next_frame(&mut browser);
        browser.picture(&folder.join(format!("page-{}.png", theme.name())));
    }
    ExitCode::SUCCESS
}
