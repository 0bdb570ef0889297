//! This project beside its peers, in one run: `bench [recording|scrape|layers|all|buildup] [--rounds N] [--quick]`; or
//! the instructions of its calls: `bench --instructions [--bless]`.
//!
//! Exit status 1 if a promise falls short, 2 if the command line makes no sense.

mod beside;
mod exporter;
mod harness;
mod instructions;
mod labelled;
mod layers;
mod pair;
mod peers;
mod promises;
mod recorded;
mod report;
mod requests;
mod rows;
mod sampled;
mod scrape;
mod served;
mod surroundings;
mod values;
mod work;

use std::process::ExitCode;

use instructions::{Then, Verdict};
use promises::Promise;

const USAGE: &str = "usage: bench [recording|scrape|layers|all|buildup] [--rounds N] [--quick] | --instructions [--bless]";

/// Rounds without `--rounds`: about half a minute.
const ROUNDS: usize = 400;

/// Rounds with `--quick`: figures good to about a tenth.
const QUICK: usize = 60;

/// Rounds of recording for each round of pages, which takes some ten times as long.
const PAGES: usize = 8;

/// Rounds of recording for each pair of windows beside scrapers, which take 0.4 s.
const WINDOWS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Recording,
    Scrape,
    Layers,
    All,
    Buildup,
    Instructions,
}

#[derive(Debug)]
struct Options {
    part: Part,
    rounds: usize,
    then: Then,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            part: Part::All,
            rounds: ROUNDS,
            then: Then::Compare,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "recording" => options.part = Part::Recording,
                "scrape" => options.part = Part::Scrape,
                "layers" => options.part = Part::Layers,
                "all" => options.part = Part::All,
                "buildup" => options.part = Part::Buildup,
                "--instructions" => options.part = Part::Instructions,
                "--bless" => options.then = Then::Bless,
                "--quick" => options.rounds = QUICK,
                "--rounds" => options.rounds = words.next()?.parse().ok().filter(|n| *n > 0)?,
                _ => return None,
            }
        }
        let blesses = options.then == Then::Bless;
        (!blesses || options.part == Part::Instructions).then_some(options)
    }
}

fn main() -> ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|word| word == instructions::COUNT)
    {
        instructions::count();
        return ExitCode::SUCCESS;
    }
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if options.part == Part::Instructions {
        return count(options.then);
    }
    report::build();
    if options.part == Part::Buildup {
        rows::configure();
        report::rows(&harness::measure(rows::buildup(), options.rounds));
        return ExitCode::SUCCESS;
    }
    let mut promises = Vec::new();
    if matches!(options.part, Part::Recording | Part::All) {
        promises.extend(recording(options.rounds));
    }
    if matches!(options.part, Part::Scrape | Part::All) {
        promises.extend(scrape(options.rounds.div_ceil(PAGES)));
    }
    if matches!(options.part, Part::Layers | Part::All) {
        promises.extend(layers(options.rounds));
    }
    report::promises(&promises);
    if promises.iter().all(Promise::holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn count(then: Then) -> ExitCode {
    match instructions::run(then) {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::FallsShort) => ExitCode::FAILURE,
        Err(cause) => {
            eprintln!("{cause}");
            ExitCode::from(2)
        }
    }
}

fn scrape(rounds: usize) -> Vec<Promise> {
    let scrapes = scrape::Scrapes::measure(rounds);
    report::scrapes(&scrapes);
    let served = served::Served::measure(rounds);
    report::served(&served);
    let mut promises = promises::scrape(&scrapes);
    promises.extend(promises::served(&served));
    promises
}

fn recording(rounds: usize) -> Vec<Promise> {
    rows::configure();
    let results = harness::measure(rows::rows(), rounds);
    report::rows(&results);
    let beside = beside::Beside::measure(rounds.div_ceil(WINDOWS));
    report::beside(&beside);
    let mut promises = promises::recording(&results);
    promises.push(promises::beside(&beside));
    promises
}

fn layers(rounds: usize) -> Vec<Promise> {
    let results = harness::measure(requests::rows(), rounds);
    report::rows(&results);
    promises::requests(&results)
}
