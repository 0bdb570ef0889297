//! The command line.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// The text that `--help` prints.
pub(crate) const HELP: &str = "\
textprocessor: a monitored HTTP service over public-domain texts

    --port PORT          port of the service on loopback (default 8080, 0 = any free one)
    --monitor-port PORT  port of /metrics and /health (default: the configuration's, 9999)
    --config FILE        configuration of the monitoring (default: the one compiled in)
    --dictionary-down    start with the dictionary stopped
    --load RPS           drive the service with this many requests a second, good and bad ones
    --load-seconds N     stop the load after N seconds and keep serving (default: load until stopped)
    --help               this text

Ctrl-C stops it: running requests end first.";

/// The options of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub port: u16,
    pub monitor_port: Option<u16>,
    pub config: Option<PathBuf>,
    pub dictionary_down: bool,
    pub load: Option<NonZeroU32>,
    pub load_for: Option<Duration>,
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
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, ArgsError> {
    let mut args = args.into_iter();
    let mut options = Options::default();
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
            _ => return Err(ArgsError::Unknown(option)),
        }
    }
    if options.load_for.is_some() && options.load.is_none() {
        return Err(ArgsError::NoLoad);
    }
    Ok(Command::Run(options))
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
        };
        let line =
            "--port 1 --monitor-port 2 --config a.yaml --dictionary-down --load 3 --load-seconds 4";
        assert_eq!(parsed(line), Ok(Command::Run(expected)));
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
        let messages =
            ["--port 70000", "--load 0", "--load-seconds 1"].map(|line| match parsed(line) {
                Err(error) => error.to_string(),
                Ok(command) => format!("{command:?}"),
            });
        assert_eq!(
            messages,
            [
                "--port: `70000` is no port",
                "--load: `0` is no number of requests above 0",
                "--load-seconds needs --load",
            ]
        );
    }
}
