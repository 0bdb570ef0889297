//! One incident after the other, and how long the verdict takes.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::Settings;
use crate::service::{Look, Service};

/// The verdict must be right so long after an incident is visible, at most.
const IN_TIME: Duration = Duration::from_secs(10);
/// And OK so long after its end.
const OK_IN_TIME: Duration = Duration::from_mins(1);
/// From one look to the next.
const LOOKING: Duration = Duration::from_millis(250);

/// What is right to say of an incident.
struct Kind {
    name: &'static str,
    state: &'static str,
    method: &'static str,
    /// When it is visible, from its beginning: `stuck` when three calls are older than 4 s, which is late for calls that usually
    /// take below 1.3 s; `dictionary` when the first call has reached its time limit.
    visible: Duration,
}

const KINDS: [Kind; 5] = [
    kind("dictionary", "failing", "LookUpWords", 500),
    kind("latency", "slow", "RankNeighbours", 40),
    kind("errors", "failing", "RankKeywords", 0),
    kind("stuck", "stuck", "LookUpWords", 4500),
    kind("overload", "overloaded", "Spelling", 200),
];

const fn kind(name: &'static str, state: &'static str, method: &'static str, visible: u64) -> Kind {
    Kind {
        name,
        state,
        method,
        visible: Duration::from_millis(visible),
    }
}

impl Kind {
    fn is_right(&self, look: &Look) -> bool {
        look.state == self.state && look.sentence().contains(self.method)
    }
}

/// The outcome of one incident.
struct Run {
    kind: &'static str,
    /// From the beginning until the verdict was right.
    right: Option<Duration>,
    /// Looks from then on until the end, and those of them that were right.
    looks: (usize, usize),
    /// From the end until the verdict was OK for good.
    ok: Option<Duration>,
    is_well: bool,
}

/// Runs all; false if anything was wrong.
pub(crate) fn run(settings: &Settings) -> bool {
    let runs = Mutex::new(Vec::new());
    println!("| process | incident | right after s | right looks | OK after s | well | it said |");
    println!("|---|---|---|---|---|---|---|");
    let is_quiet = std::thread::scope(|scope| {
        let processes: Vec<_> = (0..settings.processes)
            .map(|number| {
                let runs = &runs;
                scope.spawn(move || process(settings, number, runs))
            })
            .collect();
        let ended = processes.into_iter().map(|one| match one.join() {
            Ok(Ok(is_quiet)) => is_quiet,
            Ok(Err(error)) => {
                println!("a process was lost: {error}");
                false
            }
            Err(_) => false,
        });
        ended.fold(true, |all, one| all & one)
    });
    let runs = runs.into_inner().unwrap_or_default();
    for kind in &KINDS {
        summary(kind, &runs);
    }
    is_quiet && runs.iter().all(|run| run.is_well)
}

fn summary(kind: &Kind, runs: &[Run]) {
    let of_kind: Vec<_> = runs.iter().filter(|run| run.kind == kind.name).collect();
    let well = of_kind.iter().filter(|run| run.is_well).count();
    let slowest = |times: Vec<Option<Duration>>| match times.iter().flatten().max() {
        Some(time) if times.iter().all(Option::is_some) => format!("{:.1} s", time.as_secs_f64()),
        _ => "never".to_owned(),
    };
    println!(
        "{}: {well} of {} well; right after at most {} (to reach {:.1} s), OK again after at most {}",
        kind.name,
        of_kind.len(),
        slowest(of_kind.iter().map(|run| run.right).collect()),
        (kind.visible + IN_TIME).as_secs_f64(),
        slowest(of_kind.iter().map(|run| run.ok).collect()),
    );
}

/// One service with its incidents; false if something was said while nothing was wrong.
fn process(settings: &Settings, number: usize, runs: &Mutex<Vec<Run>>) -> io::Result<bool> {
    let service = Service::start(settings)?;
    let mut is_quiet = quiet_until(settings, number, &service, settings.learning)?;
    let kinds: Vec<_> = KINDS
        .iter()
        .filter(|kind| settings.has_kind(kind.name))
        .collect();
    for turn in 0..settings.cycles * kinds.len() {
        let kind = kinds[(turn + number) % kinds.len()];
        let (run, said) = one(settings, number, &service, kind)?;
        print_row(number, &run, &said);
        if !run.is_well {
            keep(
                settings,
                &format!("{number}-{turn}-{}", kind.name),
                &service,
                &said,
            );
        }
        let ok = run.ok;
        if let Ok(mut runs) = runs.lock() {
            runs.push(run);
        }
        // After a verdict that never was OK again there is nothing more to be learned from this pause.
        if let Some(ok) = ok {
            let left = settings.pause.saturating_sub(ok);
            is_quiet &= quiet_until(settings, number, &service, service.begun.elapsed() + left)?;
        }
    }
    Ok(is_quiet)
}

/// Looks until the service is so old; false if anything but OK was said.
fn quiet_until(
    settings: &Settings,
    number: usize,
    service: &Service,
    age: Duration,
) -> io::Result<bool> {
    let mut is_quiet = true;
    while service.begun.elapsed() < age {
        let look = service.look()?;
        if is_quiet && !look.is_quiet() {
            is_quiet = false;
            let at = service.begun.elapsed().as_secs();
            println!(
                "process {number}, {at} s: nothing is wrong, but: {} {}",
                look.state,
                look.sentence()
            );
            keep(
                settings,
                &format!("{number}-alarm-{at}"),
                service,
                &look.text,
            );
        }
        std::thread::sleep(LOOKING);
    }
    Ok(is_quiet)
}

/// One incident, and what the verdict said in it: what was wrong, or said too long, where there is any.
fn one(
    settings: &Settings,
    number: usize,
    service: &Service,
    kind: &Kind,
) -> io::Result<(Run, String)> {
    service.incident(kind.name)?;
    let begun = Instant::now();
    let (mut right, mut looks, mut said) = (None, (0, 0), String::new());
    while begun.elapsed() < settings.lasting {
        let look = service.look()?;
        let is_right = kind.is_right(&look);
        if is_right && right.is_none() {
            right = Some(begun.elapsed());
        }
        if right.is_some() {
            looks = (looks.0 + 1, looks.1 + usize::from(is_right));
        }
        // The last that was wrong, else the last.
        if !is_right || said.is_empty() || looks.0 == looks.1 {
            said = look.text;
        }
        std::thread::sleep(LOOKING);
    }
    if number == 0 {
        keep(settings, kind.name, service, &said);
    }
    service.incident("end")?;
    let (ok, lingering) = until_ok(service)?;
    if ok.is_none_or(|ok| ok > OK_IN_TIME) {
        said = lingering;
    }
    let is_well = right.is_some_and(|right| right <= kind.visible + IN_TIME)
        && looks.1 * 10 >= looks.0 * 9
        && ok.is_some_and(|ok| ok <= OK_IN_TIME);
    let run = Run {
        kind: kind.name,
        right,
        looks,
        ok,
        is_well,
    };
    Ok((run, said))
}

/// How long it takes until it is OK, `None` after four times as long as it may; and what it said last before.
fn until_ok(service: &Service) -> io::Result<(Option<Duration>, String)> {
    let ended = Instant::now();
    let mut said = String::new();
    while ended.elapsed() < OK_IN_TIME * 4 {
        let look = service.look()?;
        if look.is_quiet() {
            return Ok((Some(ended.elapsed()), said));
        }
        said = look.text;
        std::thread::sleep(LOOKING);
    }
    Ok((None, said))
}

fn print_row(number: usize, run: &Run, said: &str) {
    let seconds = |time: Option<Duration>| match time {
        Some(time) => format!("{:.1}", time.as_secs_f64()),
        None => "never".to_owned(),
    };
    println!(
        "| {number} | {} | {} | {} of {} | {} | {} | {} |",
        run.kind,
        seconds(run.right),
        run.looks.1,
        run.looks.0,
        seconds(run.ok),
        if run.is_well { "yes" } else { "NO" },
        said.lines().take(2).collect::<Vec<_>>().join(" / "),
    );
}

/// Keeps the text of a verdict, and beside it `/top` and the overview of the API as they are now.
pub(crate) fn keep(settings: &Settings, name: &str, service: &Service, text: &str) {
    let mut kept = text.to_owned();
    for path in ["/top?cols=120", "/api/v1/overview"] {
        let page = service.page(path).unwrap_or_else(|error| error.to_string());
        kept = format!("{kept}\n--- {path}\n{page}");
    }
    let path = settings.texts.join(format!("{name}.txt"));
    if let Err(error) = std::fs::write(&path, kept) {
        println!("{}: {error}", path.display());
    }
}
