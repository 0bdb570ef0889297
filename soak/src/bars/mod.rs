//! The bars, each measured in a file of its own. A new one is a file, and a line in [`ALL`].

mod descriptors;
mod garbage;
mod refusals;
mod shared;
mod slow;
mod sources;
mod stalled;
mod stop;
mod unread;

use std::io;
use std::pin::Pin;
use std::process::ExitCode;

use crate::report::Report;

type Measuring<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// Something the server is held to.
pub(crate) struct Bar {
    number: u8,
    pub(crate) name: &'static str,
    measure: fn(&mut Report) -> Measuring<'_>,
}

const fn bar(number: u8, name: &'static str, measure: fn(&mut Report) -> Measuring<'_>) -> Bar {
    Bar {
        number,
        name,
        measure,
    }
}

/// All of them. Numbers 9 to 12 and 15 are measured by tests and by other steps of `scripts/soak`.
pub(crate) const ALL: &[Bar] = &[
    bar(1, "slow", |report| Box::pin(slow::held(report))),
    bar(2, "reconnecting", |report| {
        Box::pin(slow::reconnecting(report))
    }),
    bar(3, "stalled", |report| Box::pin(stalled::phases(report))),
    bar(4, "unread", |report| Box::pin(unread::never_read(report))),
    bar(5, "stop", |report| Box::pin(stop::in_order(report))),
    bar(6, "refusals", |report| Box::pin(refusals::at_once(report))),
    bar(7, "descriptors", |report| {
        Box::pin(descriptors::none_left(report))
    }),
    bar(8, "garbage", |report| Box::pin(garbage::flood(report))),
    bar(13, "sources", |report| {
        Box::pin(sources::misbehaving(report))
    }),
    bar(14, "shared", |report| Box::pin(shared::crowd(report))),
];

/// Measures those of these names, or all.
pub(crate) fn run(names: &[String]) -> ExitCode {
    if let Some(unknown) = names
        .iter()
        .find(|name| ALL.iter().all(|bar| bar.name != **name))
    {
        eprintln!("no bar named {unknown}; --list shows them");
        return ExitCode::from(2);
    }
    let mut falls_short = false;
    for bar in ALL
        .iter()
        .filter(|bar| names.is_empty() || names.iter().any(|name| name == bar.name))
    {
        eprintln!("==> {} {}", bar.number, bar.name);
        falls_short |= !measure(bar);
    }
    ExitCode::from(u8::from(falls_short))
}

/// Whether it holds. On a runtime of its own, so that no client of one bar is left for the next.
fn measure(bar: &Bar) -> bool {
    let mut report = Report::new(bar.number);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let measured = runtime.and_then(|runtime| {
        let measured = runtime.block_on((bar.measure)(&mut report));
        runtime.shutdown_background();
        measured
    });
    if let Err(error) = measured {
        report.say(bar.name, format!("could not be measured: {error}"), false);
    }
    !report.falls_short()
}

/// How long a bar may take that is better measured for long; `SOAK_SECONDS`, at most a minute.
fn long() -> std::time::Duration {
    let seconds = std::env::var("SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    std::time::Duration::from_secs(seconds.unwrap_or(60).clamp(5, 60))
}
