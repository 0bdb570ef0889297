//! Services in which nothing is wrong but their usual noise: whatever the verdict says is a false alarm.

use std::io;
use std::time::Duration;

use crate::Settings;
use crate::runs::keep;
use crate::service::Service;

/// From one look to the next: a slot.
const LOOKING: Duration = Duration::from_secs(2);

/// Looks for as long as was asked for; false if anything was said.
pub(crate) fn run(settings: &Settings) -> bool {
    std::thread::scope(|scope| {
        let processes: Vec<_> = (0..settings.processes)
            .map(|number| scope.spawn(move || process(settings, number)))
            .collect();
        let ended = processes.into_iter().map(|one| match one.join() {
            Ok(Ok(alarms)) => alarms == 0,
            Ok(Err(error)) => {
                println!("a process was lost: {error}");
                false
            }
            Err(_) => false,
        });
        ended.fold(true, |all, one| all & one)
    })
}

/// The number of false alarms of one service: each time a state, or its sentence's first word, is another.
fn process(settings: &Settings, number: usize) -> io::Result<usize> {
    let service = Service::start(settings)?;
    let (mut alarms, mut last) = (0, String::new());
    while service.begun.elapsed() < settings.seconds {
        let look = service.look()?;
        let subject = look.sentence().split(' ').next().unwrap_or_default();
        let now = if look.is_quiet() {
            String::new()
        } else {
            format!("{} {subject}", look.state)
        };
        if now != last {
            let at = service.begun.elapsed().as_secs();
            println!(
                "process {number}, {at} s: {} {}",
                look.state,
                look.sentence()
            );
            if !now.is_empty() {
                alarms += 1;
                keep(
                    settings,
                    &format!("quiet-{number}-{at}"),
                    &service,
                    &look.text,
                );
            }
            last = now;
        }
        std::thread::sleep(LOOKING);
    }
    let seconds = service.begun.elapsed().as_secs_f64();
    println!(
        "process {number}: {alarms} false alarms in {:.2} h; thread of the history: {:.3} % of a core",
        seconds / 3600.0,
        service.cpu_of("monitor-history") / seconds * 100.0
    );
    Ok(alarms)
}
