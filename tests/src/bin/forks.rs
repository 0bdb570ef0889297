//! A program that forks while its server runs, for the test `fork`. The child prints the result of each call, then runs a
//! server of its own; the parent prints whether its server was touched.

use std::error::Error;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn Error>> {
    unix::forks()
}

#[cfg(not(unix))]
fn main() -> Result<(), Box<dyn Error>> {
    Err("there is no fork".into())
}

#[cfg(unix)]
mod unix {
    use std::error::Error;
    use std::fmt::Display;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use fork::Fork;
    use monitor_core::{CallGuard, HealthStatus, Monitor, Outcome};
    use monitor_server::{
        Check, HealthState, MetricServer, MetricServerHandle, MonitorConfig, MonitorServer,
        ShutdownSignals,
    };
    use tokio::runtime::{Builder, Runtime};

    /// Longer than tasks of a test are waited for.
    const LIMIT: Duration = Duration::from_millis(50);

    pub(super) fn forks() -> Result<(), Box<dyn Error>> {
        let check = |()| async { Ok::<(), String>(()) };
        let config = local().check("db", Check::default(), (), check);
        let server = monitor_server::run(config)?;
        let mounted = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
        let handle = mounted.run_in_thread(([127, 0, 0, 1], 0))?;
        let _signals = ShutdownSignals::listen()?;
        let running = server.method("Task")?.start();
        wait_until_quiet(&server, &executor()?)?;
        match fork::fork()? {
            Fork::Child => {
                child(&server, &handle, running)?;
                std::process::exit(0);
            }
            Fork::Parent(child) => {
                say("child's status", fork::waitpid(child)?);
                say("parent's server", livez(server.local_addr()));
                say("parent's other server", livez(handle.local_addr()));
                running.finish(Outcome::Success);
                say("parent's drain", said(server.drain_blocking(LIMIT)));
                handle.shutdown();
                Ok(())
            }
        }
    }

    /// Waits until the parent's servers have started. A child has a copy of each lock that another thread held at the
    /// fork, which nothing unlocks there, and a server that starts takes locks of the monitor that the child's own server
    /// needs, too.
    fn wait_until_quiet(server: &MonitorServer, executor: &Runtime) -> Result<(), Box<dyn Error>> {
        let mut health = server.watch_health();
        let is_checked =
            |state: &HealthState| state.components.get("db") == Some(&HealthStatus::Up);
        executor.block_on(health.wait_for(is_checked))?;
        std::thread::sleep(LIMIT);
        Ok(())
    }

    fn executor() -> std::io::Result<Runtime> {
        Builder::new_current_thread().build()
    }

    fn local() -> MonitorConfig {
        MonitorConfig::default().listen([127, 0, 0, 1]).port(0)
    }

    fn child(
        server: &MonitorServer,
        handle: &MetricServerHandle,
        running: CallGuard,
    ) -> Result<(), Box<dyn Error>> {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_mins(1));
            say("child", "hangs");
            std::process::exit(3);
        });
        let executor = executor()?;
        say("address", server.local_addr().ip());
        say("run", said(monitor_server::run(local()).map(|_| ())));
        say("instance", MonitorServer::instance().is_some());
        states(server, &executor);
        checks(server);
        say(
            "wait",
            said(executor.block_on(server.wait_for_ending_tasks(LIMIT))),
        );
        say(
            "blocking wait",
            said(server.wait_for_ending_tasks_blocking(LIMIT)),
        );
        running.finish(Outcome::Success);
        say(
            "signal",
            said(executor.block_on(server.shutdown_signal()).map(|_| ())),
        );
        say(
            "drain on signal",
            said(server.drain_on_signal_blocking(LIMIT).map(|_| ())),
        );
        say("listen", said(ShutdownSignals::listen().map(|_| ())));
        say("drain", said(executor.block_on(server.drain(LIMIT))));
        say("blocking drain", said(server.drain_blocking(LIMIT)));
        server.shutdown();
        server.shutdown();
        handle.shutdown();
        say("shutdown", "returns");
        of_its_own(server)
    }

    fn states(server: &MonitorServer, executor: &Runtime) {
        server.started();
        server.heartbeat().pulse();
        let mut health = server.watch_health();
        say("readiness", health.borrow().readiness);
        let changed = executor.block_on(health.changed());
        say(
            "health",
            if changed.is_err() {
                "closed"
            } else {
                "changed"
            },
        );
    }

    fn checks(server: &MonitorServer) {
        let probe = |()| async { Ok::<(), String>(()) };
        let added = server.add_check("cache", Check::default(), (), probe);
        say("check", said(added));
        let blocking = || Ok::<(), String>(());
        let added = server.add_blocking_check("disk", Check::default(), blocking);
        say("blocking check", said(added));
        say("removed", server.remove_check("db"));
    }

    /// After the handle of the parent's server is dropped, a child may run its own, with the storage's counts at the fork and its own calls.
    fn of_its_own(parents: &MonitorServer) -> Result<(), Box<dyn Error>> {
        let server = monitor_server::run(local())?;
        say("other address", server.local_addr() != parents.local_addr());
        server.method("Task")?.start().finish(Outcome::Success);
        say("livez", livez(server.local_addr()));
        let page = get(server.local_addr(), "/metrics");
        let started = page
            .lines()
            .find_map(|line| line.strip_prefix("service_tasks_started_total "));
        say("started", started.unwrap_or("none"));
        say("stop", said(server.drain_blocking(LIMIT)));
        say("instance at the end", MonitorServer::instance().is_some());
        Ok(())
    }

    fn livez(address: SocketAddr) -> String {
        let answer = get(address, "/livez");
        answer.split(' ').nth(1).unwrap_or("none").to_owned()
    }

    fn get(address: SocketAddr, path: &str) -> String {
        let exchange = || {
            let mut stream = TcpStream::connect(address)?;
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            std::io::Result::Ok(answer)
        };
        exchange().unwrap_or_else(|error| error.to_string())
    }

    fn said<E: Display>(outcome: Result<(), E>) -> String {
        outcome.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
    }

    /// If the reader has closed the pipe, the program still ends as usual.
    fn say(what: &str, outcome: impl Display) {
        let _ = writeln!(std::io::stdout(), "{what}: {outcome}");
    }
}
