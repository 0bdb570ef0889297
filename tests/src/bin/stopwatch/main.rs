//! Stops the time from an incident's beginning until the verdict is right, and from its end until it is OK again; and looks for
//! false alarms of a service in which nothing is wrong.
//!
//! ```text
//! cargo build --release -p monitor-examples --bin textprocessor
//! cargo run --release -q -p monitor-tests --bin stopwatch -- incidents target/release/textprocessor
//! cargo run --release -q -p monitor-tests --bin stopwatch -- quiet target/release/textprocessor seconds=86400
//! ```
//!
//! Both start the real service with its usual load, `processes` times, and read `/verdict` as an operator does. `incidents` lets
//! each of them learn for `learning` seconds, and then makes one incident of each kind after the other, `cycles` times: so a kind
//! comes back later than the verdict takes two findings for the same one. Each run prints a row; the exit status is 1 if one of
//! them was not right within 10 s of being visible, or not OK within a minute of its end, or if anything was said in between.
//! What `/verdict` said is in the folder `texts`, where it was wrong, and once for each kind.
//!
//! Settings, `name=value`: `processes` (5), `load` (30 requests a second each), `learning` (660 s), `lasting` (60 s), `pause` (60 s),
//! `cycles` (2), `kinds` (all; some are `errors,stuck`), `seconds` (3600, of `quiet`), `texts` (`stopwatch`).

mod quiet;
mod runs;
mod service;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The settings of a run.
#[derive(Debug, Clone)]
struct Settings {
    program: PathBuf,
    processes: usize,
    load: u32,
    learning: Duration,
    lasting: Duration,
    pause: Duration,
    cycles: usize,
    /// Names; none is all.
    kinds: Vec<String>,
    seconds: Duration,
    texts: PathBuf,
}

impl Settings {
    fn has_kind(&self, name: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == name)
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(mode), Some(program)) = (args.next(), args.next()) else {
        eprintln!("stopwatch incidents|quiet PROGRAM [NAME=VALUE]...");
        return ExitCode::from(2);
    };
    let settings = match settings(program.into(), args) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("stopwatch: {error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = std::fs::create_dir_all(&settings.texts) {
        eprintln!("stopwatch: {}: {error}", settings.texts.display());
        return ExitCode::from(2);
    }
    let is_well = match &*mode {
        "incidents" => runs::run(&settings),
        "quiet" => quiet::run(&settings),
        _ => {
            eprintln!("stopwatch: `{mode}` is neither `incidents` nor `quiet`");
            return ExitCode::from(2);
        }
    };
    ExitCode::from(u8::from(!is_well))
}

fn settings(program: PathBuf, args: impl Iterator<Item = String>) -> Result<Settings, String> {
    let mut settings = Settings {
        program,
        processes: 5,
        load: 30,
        learning: Duration::from_mins(11),
        lasting: Duration::from_mins(1),
        pause: Duration::from_mins(1),
        cycles: 2,
        kinds: Vec::new(),
        seconds: Duration::from_hours(1),
        texts: "stopwatch".into(),
    };
    for arg in args {
        let (name, value) = arg.split_once('=').ok_or(format!("`{arg}` has no `=`"))?;
        let number = || {
            value
                .parse::<u32>()
                .map_err(|error| format!("{arg}: {error}"))
        };
        let seconds = || number().map(|seconds| Duration::from_secs(seconds.into()));
        match name {
            "processes" => settings.processes = number()? as usize,
            "load" => settings.load = number()?,
            "learning" => settings.learning = seconds()?,
            "lasting" => settings.lasting = seconds()?,
            "pause" => settings.pause = seconds()?,
            "cycles" => settings.cycles = number()? as usize,
            "kinds" => settings.kinds = value.split(',').map(str::to_owned).collect(),
            "seconds" => settings.seconds = seconds()?,
            "texts" => settings.texts = value.into(),
            _ => return Err(format!("`{name}` is no setting")),
        }
    }
    Ok(settings)
}
