//! The command line.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::incident::{Incident, Schedule};

/// The text that `--help` prints.
pub(crate) const HELP: &str = "\
textprocessor: a monitored HTTP service over public-domain texts

    --port PORT          port of the service on loopback (default 8080, 0 = any free one)
    --monitor-port PORT  port of /metrics and /health (default: the configuration's, 9999)
    --config FILE        configuration of the monitoring (default: the one compiled in)
    --dictionary-down    start with the dictionary stopped
    --load RPS           drive the service with this many requests a second, good and bad ones
    --load-seconds N     stop the load after N seconds and keep serving (default: load until stopped)
    --incident KIND      make an incident, for /verdict and /top to be seen at work; drives the service with 50 requests a
                         second if --load does not say another number. KIND is one of
                           dictionary  the dictionary no longer answers
                           latency     one stage of the service becomes slow
                           errors      half of the calls of one function fail
                           stuck       some calls do not return
                           overload    a client sends far more than usual
    --incident-after N   begin N seconds after the start (default 660: a method's usual durations and failures are known after
                         10 minutes; before, only incidents are told in which most calls fail, wait or do not return)
    --incident-seconds N end it after N seconds (default 120)
    --help               this text

Ctrl-C stops it: running requests end first.";

/// The load in an incident, requests a second.
const INCIDENT_LOAD: NonZeroU32 = NonZeroU32::new(50).expect("above 0");
/// A method is known after 10 minutes of calls, and what is learned is learned a minute late.
const INCIDENT_AFTER: Duration = Duration::from_secs(660);
const INCIDENT_LASTS: Duration = Duration::from_secs(120);

/// The options of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub port: u16,
    pub monitor_port: Option<u16>,
    pub config: Option<PathBuf>,
    pub dictionary_down: bool,
    pub load: Option<NonZeroU32>,
    pub load_for: Option<Duration>,
    pub incident: Option<Schedule>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 8080,
            monitor_port: None,
            config: None,
            dictionary_down: false,
            load: None,
            load_for: None,
            incident: None,
        }
    }
}

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Run(Options),
}

/// A command line that makes no sense.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum ArgsError {
    #[error("unknown argument `{0}`; see --help")]
    Unknown(String),
    #[error("{option} needs a value")]
    Missing { option: String },
    #[error("{option}: `{value}` is no {expected}")]
    Bad {
        option: String,
        value: String,
        expected: &'static str,
    },
    #[error("--load-seconds needs --load")]
    NoLoad,
    #[error("{option} needs --incident")]
    NoIncident { option: &'static str },
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, ArgsError> {
    let mut args = args.into_iter();
    let mut options = Options::default();
    let (mut incident, mut after, mut lasting) = (None, None, None);
    while let Some(option) = args.next() {
        match option.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--dictionary-down" => options.dictionary_down = true,
            "--port" => options.port = value(option, &mut args, "port")?,
            "--monitor-port" => options.monitor_port = Some(value(option, &mut args, "port")?),
            "--config" => options.config = Some(value(option, &mut args, "file")?),
            "--load" => {
                options.load = Some(value(option, &mut args, "number of requests above 0")?);
            }
            "--load-seconds" => {
                let seconds = value(option, &mut args, "number of seconds")?;
                options.load_for = Some(Duration::from_secs(seconds));
            }
            "--incident" => incident = Some(value(option, &mut args, "incident")?),
            "--incident-after" => after = Some(value(option, &mut args, "number of seconds")?),
            "--incident-seconds" => lasting = Some(value(option, &mut args, "number of seconds")?),
            _ => return Err(ArgsError::Unknown(option)),
        }
    }
    if options.load_for.is_some() && options.load.is_none() {
        return Err(ArgsError::NoLoad);
    }
    options.incident = schedule(incident, after, lasting)?;
    if options.incident.is_some() {
        options.load.get_or_insert(INCIDENT_LOAD);
    }
    Ok(Command::Run(options))
}

/// `after` and `lasting` are seconds.
fn schedule(
    incident: Option<Incident>,
    after: Option<u64>,
    lasting: Option<u64>,
) -> Result<Option<Schedule>, ArgsError> {
    let Some(incident) = incident else {
        let unused = [(after, "--incident-after"), (lasting, "--incident-seconds")];
        let unused = unused.into_iter().find(|(given, _)| given.is_some());
        return unused.map_or(Ok(None), |(_, option)| {
            Err(ArgsError::NoIncident { option })
        });
    };
    Ok(Some(Schedule {
        incident,
        after: after.map_or(INCIDENT_AFTER, Duration::from_secs),
        lasting: lasting.map_or(INCIDENT_LASTS, Duration::from_secs),
    }))
}

fn value<T: FromStr>(
    option: String,
    args: &mut impl Iterator<Item = String>,
    expected: &'static str,
) -> Result<T, ArgsError> {
    let Some(value) = args.next() else {
        return Err(ArgsError::Missing { option });
    };
    value.parse().map_err(|_| ArgsError::Bad {
        option,
        value,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, ArgsError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        assert_eq!(parsed(""), Ok(Command::Run(Options::default())));
    }

    #[test]
    fn every_option_is_read() {
        let expected = Options {
            port: 1,
            monitor_port: Some(2),
            config: Some("a.yaml".into()),
            dictionary_down: true,
            load: NonZeroU32::new(3),
            load_for: Some(Duration::from_secs(4)),
            incident: Some(Schedule {
                incident: Incident::Stuck,
                after: Duration::from_secs(5),
                lasting: Duration::from_secs(6),
            }),
        };
        let line = "--port 1 --monitor-port 2 --config a.yaml --dictionary-down --load 3 --load-seconds 4 \
                    --incident stuck --incident-after 5 --incident-seconds 6";
        assert_eq!(parsed(line), Ok(Command::Run(expected)));
    }

    #[test]
    fn an_incident_brings_its_load() {
        let expected = Options {
            load: Some(INCIDENT_LOAD),
            incident: Some(Schedule {
                incident: Incident::Errors,
                after: INCIDENT_AFTER,
                lasting: INCIDENT_LASTS,
            }),
            ..Options::default()
        };
        assert_eq!(parsed("--incident errors"), Ok(Command::Run(expected)));
    }

    #[test]
    fn mistakes_name_the_option() {
        assert_eq!(parsed("--lod 5"), Err(ArgsError::Unknown("--lod".into())));
        assert_eq!(
            parsed("--port"),
            Err(ArgsError::Missing {
                option: "--port".into()
            })
        );
        let messages = [
            "--port 70000",
            "--load 0",
            "--load-seconds 1",
            "--incident fire",
            "--incident-after 1",
        ]
        .map(|line| match parsed(line) {
            Err(error) => error.to_string(),
            Ok(command) => format!("{command:?}"),
        });
        assert_eq!(
            messages,
            [
                "--port: `70000` is no port",
                "--load: `0` is no number of requests above 0",
                "--load-seconds needs --load",
                "--incident: `fire` is no incident",
                "--incident-after needs --incident",
            ]
        );
    }
}
