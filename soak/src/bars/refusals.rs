//! Settings that cannot be: refused at once, by name, with nothing left behind.

use std::io;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use monitor_server::MonitorConfig;

use crate::process::Process;
use crate::report::Report;

/// Bar 6.
#[expect(clippy::unused_async, reason = "one of a table of bars that are")]
pub(crate) async fn at_once(report: &mut Report) -> io::Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let own = Process(std::process::id());
    let before = own.threads()?.len();
    let cases = [
        (
            "a port in use",
            format!("listen: 127.0.0.1:{port}"),
            port.to_string(),
        ),
        (
            "an address of somebody else",
            "listen: 192.0.2.1:0".to_owned(),
            "192.0.2.1".to_owned(),
        ),
        (
            "an address that is none",
            "listen: nowhere".to_owned(),
            "listen".to_owned(),
        ),
        (
            "YAML that is none",
            "port: [".to_owned(),
            "yaml:".to_owned(),
        ),
        (
            "a limit that is none",
            "limits: {max_headers: 0}".to_owned(),
            "max_headers".to_owned(),
        ),
        (
            "a key that is none",
            "prot: 9999".to_owned(),
            "prot".to_owned(),
        ),
    ];
    for (case, yaml, names) in cases {
        let begun = Instant::now();
        let refused = refusal(&yaml);
        let took = begun.elapsed();
        let holds = took < Duration::from_secs(1)
            && refused.as_ref().is_some_and(|text| text.contains(&names));
        report.say(
            format!("{case}: refused by name within 1 s"),
            format!("{took:.1?}: {}", refused.as_deref().unwrap_or("taken")),
            holds,
        );
    }
    let left = own.threads()?.len().saturating_sub(before);
    report.say("threads left behind", left, left == 0);
    Ok(())
}

/// The first line of what `run` says to a configuration; `None` if it runs.
fn refusal(yaml: &str) -> Option<String> {
    let refused = match MonitorConfig::from_yaml(yaml) {
        Err(error) => error.to_string(),
        Ok(config) => match monitor_server::run(config) {
            Err(error) => {
                let cause = std::error::Error::source(&error);
                format!(
                    "{error}: {}",
                    cause.map(ToString::to_string).unwrap_or_default()
                )
            }
            Ok(server) => {
                server.shutdown();
                return None;
            }
        },
    };
    refused.lines().next().map(str::to_owned)
}
