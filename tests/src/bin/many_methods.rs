//! A service of many methods, all of which are called all the time: for the page with long tables, and what it costs.
//!
//! ```text
//! cargo run -p monitor-tests --bin many_methods -- 5000 --port 9103
//! cargo run -p monitor-tests --bin many_methods -- 200 --faults-after 660
//! ```
//!
//! Prints the address of the monitor and stays until it is killed. Calls follow one another at random, a few methods have most of
//! them, and some fail as expected. Nothing is really done: a call is begun, and ended when its time is over. After `--faults-after` seconds one
//! method in 40 fails, one in 40 is slow, and one in 200 does not end some of its calls.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use monitor_core::{CallGuard, ErrorText, Method, Monitor, NamedView, Outcome};
use monitor_server::MonitorConfig;

/// From one look at what is due to the next: shorter than most calls, and long enough to cost little.
const LOOKING: Duration = Duration::from_millis(2);

/// A time limit, as a service has one for what it depends on.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// What the operator asked for.
struct Settings {
    methods: u32,
    port: u16,
    faults_after: Option<Duration>,
}

fn main() -> ExitCode {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("many_methods: {error}");
            eprintln!("many_methods N [--port PORT] [--faults-after SECONDS]");
            return ExitCode::from(2);
        }
    };
    match serve(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("many_methods: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(mut args: impl Iterator<Item = String>) -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings {
        methods: args.next().ok_or("how many?")?.parse()?,
        port: 0,
        faults_after: None,
    };
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} has no value"))?;
        match &*name {
            "--port" => settings.port = value.parse()?,
            "--faults-after" => {
                settings.faults_after = Some(Duration::from_secs(value.parse()?));
            }
            _ => return Err(format!("`{name}` is no setting").into()),
        }
    }
    Ok(settings)
}

fn serve(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(settings.port)
        // Names of the configuration do not count against the limit of names that come up at run time.
        .methods((0..settings.methods).map(name))
        .errors("unknown", ["not found"], 0);
    let server = monitor_server::run(config)?;
    let mut out = std::io::stdout();
    writeln!(out, "metrics     http://{}/metrics", server.local_addr())?;
    out.flush()?;
    let mut load = Load::new(settings)?;
    loop {
        load.go_on();
        std::thread::sleep(LOOKING);
    }
}

/// What happens at a time.
enum Due {
    /// A method is called, and called again later.
    Begin(usize),
    /// A call ends.
    End(CallGuard, Ending),
}

#[derive(Clone, Copy)]
enum Ending {
    Succeeded,
    Expected,
    TimedOut,
}

/// Ordered by time and, as calls have no order, by a number that is given once.
struct Entry {
    at: Instant,
    number: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A method and how it is used.
struct Used {
    method: Method,
    /// Calls a second.
    rate: f64,
    /// The usual duration of one, seconds.
    duration: f64,
}

struct Load {
    begun: Instant,
    faults_after: Option<Duration>,
    used: Vec<Used>,
    queue: BinaryHeap<Reverse<Entry>>,
    number: u64,
    chance: Chance,
}

impl Load {
    fn new(settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let mut load = Self {
            begun: Instant::now(),
            faults_after: settings.faults_after,
            used: Vec::new(),
            queue: BinaryHeap::new(),
            number: 0,
            chance: Chance(1),
        };
        for number in 0..settings.methods {
            let rank = f64::from(number) + 1.0;
            load.used.push(Used {
                method: Monitor::global().method(&name(number))?,
                rate: 0.2 + 20.0 / rank.powf(0.7),
                // 0.1 ms to 100 ms.
                duration: 1e-4 * 1000_f64.powf(load.chance.share()),
            });
            let wait = load.wait(number as usize);
            load.push(load.begun + wait, Due::Begin(number as usize));
        }
        Ok(load)
    }

    /// Does what is due.
    fn go_on(&mut self) {
        let now = Instant::now();
        while self.queue.peek().is_some_and(|next| next.0.at <= now) {
            let Some(Reverse(entry)) = self.queue.pop() else {
                return;
            };
            match entry.due {
                Due::Begin(number) => {
                    self.begin(number, now);
                    // From when it was due, so that a late look loses no calls.
                    let wait = self.wait(number);
                    self.push(entry.at + wait, Due::Begin(number));
                }
                Due::End(call, ending) => call.finish(outcome(ending)),
            }
        }
    }

    /// Begins a call, and plans its end.
    fn begin(&mut self, number: usize, now: Instant) {
        let used = &self.used[number];
        let call = used.method.start_entry();
        // Some take half as long as usual, few four times as long.
        let usual = Duration::from_secs_f64(used.duration * 8_f64.powf(self.chance.share()) / 2.0);
        let is_faulty = self
            .faults_after
            .is_some_and(|after| self.begun.elapsed() >= after);
        let (duration, ending) = match number {
            _ if is_faulty && number % 200 == 27 && self.chance.share() < 0.1 => {
                // A call that is stuck.
                (Duration::from_hours(24), Ending::Succeeded)
            }
            _ if is_faulty && number % 40 == 7 && self.chance.share() < 0.6 => {
                (TIME_LIMIT, Ending::TimedOut)
            }
            _ if is_faulty && number % 40 == 17 => (usual * 20, Ending::Succeeded),
            _ if number % 10 == 3 && self.chance.share() < 0.02 => (usual, Ending::Expected),
            _ => (usual, Ending::Succeeded),
        };
        self.push(now + duration, Due::End(call, ending));
    }

    /// How long until the next call of a method: at random, so that there is no rhythm.
    fn wait(&mut self, number: usize) -> Duration {
        let share = self.chance.share().max(1e-9);
        Duration::from_secs_f64(-share.ln() / self.used[number].rate)
    }

    fn push(&mut self, at: Instant, due: Due) {
        self.number += 1;
        let number = self.number;
        self.queue.push(Reverse(Entry { at, number, due }));
    }
}

fn outcome(ending: Ending) -> Outcome<'static> {
    match ending {
        Ending::Succeeded => Outcome::Success,
        Ending::Expected => Outcome::Expected("unknown"),
        Ending::TimedOut => Outcome::Named(NamedView {
            error_type: "timeout",
            text: ErrorText::Text("no answer within 2 s"),
        }),
    }
}

/// Names as services have them: `Orders.Update0107`.
fn name(number: u32) -> String {
    const AREAS: [&str; 12] = [
        "Orders", "Users", "Carts", "Prices", "Stock", "Search", "Mail", "Images", "Taxes",
        "Reviews", "Returns", "Audit",
    ];
    const VERBS: [&str; 7] = [
        "Get", "List", "Update", "Delete", "Create", "Check", "Export",
    ];
    let area = AREAS[number as usize % AREAS.len()];
    let verb = VERBS[number as usize % VERBS.len()];
    format!("{area}.{verb}{number:04}")
}

/// Numbers at random, the same in each run: `SplitMix64` (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 32 bits are enough.
        let high = (mixed >> 32) as u32;
        f64::from(high) / f64::from(u32::MAX)
    }
}
