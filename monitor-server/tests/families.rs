//! Which clients reach the server, IPv4 and IPv6: in network namespaces, whose kernel settings are the test's own.
//!
//! Needs root, `unshare` and `ip` (Debian's `util-linux` and `iproute2`, which `scripts/test` installs). Without them the tests
//! say `SKIPPED`, and with `CI` set they fail.
#![cfg(target_os = "linux")]

mod served;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

use monitor_server::{MetricServer, MonitorConfig, RunError};
use served::{read_all, send, started, status_of, turn};

/// The variable with the configuration of the pod's server.
const YAML: &str = "MONITOR_TEST_YAML";

/// Clients on the machine: loopback, and an address of each family that is not.
const CLIENTS: [&str; 4] = ["127.0.0.1", "10.1.2.3", "::1", "fd00::7"];

/// How long a connection within the machine, which the kernel makes, may take.
const CONNECT: Duration = Duration::from_secs(2);

/// A namespace with these addresses on its loopback interface.
const SETUP: &str =
    "ip link set lo up && ip addr add 10.1.2.3/32 dev lo && ip addr add fd00::7/128 dev lo";

const V6_ONLY: &str = "echo 1 > /proc/sys/net/ipv6/bindv6only";
const NO_V6: &str = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
const NO_V4: &str = "ip -4 addr flush dev lo";
/// IPv6 on another interface alone.
const NO_V6_LOOPBACK: &str = "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6 && ip link add eth1 type veth peer name eth2 \
    && ip addr add fd00::7/64 dev eth1 nodad && ip link set eth1 up && ip link set eth2 up";

/// Runs an ignored test of this file in a network namespace of its own, once that is set up; its output.
fn in_namespace(setup: &str, test: &str, yaml: &str) -> Option<String> {
    let program = std::env::current_exe().expect("this program");
    let script = format!(
        "({SETUP}; {setup}) >/dev/null || exit 77; exec \"$0\" --ignored --exact --nocapture \"$1\""
    );
    let run = Command::new("unshare")
        .args(["--net", "--", "sh", "-c", &script])
        .arg(program)
        .arg(test)
        .env(YAML, yaml)
        .output();
    match run {
        Ok(Output {
            status,
            stdout,
            stderr,
        }) if status.success() => {
            let said = String::from_utf8_lossy(&stdout).into_owned();
            assert!(
                said.contains("1 passed"),
                "{said}{}",
                String::from_utf8_lossy(&stderr)
            );
            Some(said)
        }
        Ok(Output { status, stdout, .. }) if status.code() == Some(101) => {
            panic!("{test}: {}", String::from_utf8_lossy(&stdout))
        }
        run => {
            assert!(
                std::env::var_os("CI").is_none(),
                "no namespace, and CI is set: {run:?}"
            );
            // Not `println!`: the test runner shows that of failed tests only.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: {test}: no network namespace ({setup:?})"
            );
            None
        }
    }
}

/// The answers to a client of this address: the status of a probe, and that of a path for this machine alone (404 there).
fn reached(address: SocketAddr) -> String {
    let status = |path: &str| {
        let mut stream = TcpStream::connect_timeout(&address, CONNECT).ok()?;
        send(
            &mut stream,
            &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        );
        Some(status_of(&read_all(&mut stream)).to_owned())
    };
    let Some(probe) = status("/livez") else {
        return "unreachable".to_owned();
    };
    let page = status("/api/v1/state");
    format!("{probe} {}", page.unwrap_or_default())
}

/// Not a test: it runs in the namespaces.
#[test]
#[ignore = "run by the tests below, in a namespace of its own"]
fn the_pod() {
    let Ok(yaml) = std::env::var(YAML) else {
        return;
    };
    let config = MonitorConfig::from_yaml(&yaml).expect("valid").port(0);
    let server = started(config);
    let at = server.local_addr();
    println!("\nlistens on {}", at.ip());
    for client in CLIENTS {
        let ip = client.parse().expect("an address");
        println!("{client} {}", reached(SocketAddr::new(ip, at.port())));
    }
    println!("itself {}", reached(at));
}

/// The answers to the clients where both families are served, IPv4 alone, and IPv6 alone.
const BOTH: [&str; 4] = ["200 404", "200 403", "200 404", "200 403"];
const V4: [&str; 4] = ["200 404", "200 403", "-", "-"];
const V6: [&str; 4] = ["-", "-", "200 404", "200 403"];

/// A client that may not connect is cut off.
const CUT: &str = "none none";

/// A row: the namespace, the configuration, the address that it listens on, and the answers to the clients.
const TABLE: &[(&str, &str, &str, [&str; 4])] = &[
    ("true", "", "::", BOTH),
    (V6_ONLY, "", "::", BOTH),
    (NO_V4, "", "::", V6),
    (NO_V6, "", "0.0.0.0", V4),
    // From another machine it is reached; from this one the way is over the loopback interface.
    (NO_V6_LOOPBACK, "", "::", V4),
    ("true", "listen: '::'", "::", BOTH),
    (V6_ONLY, "listen: '::'", "::", BOTH),
    (NO_V6, "listen: '::'", "0.0.0.0", V4),
    ("true", "listen: 0.0.0.0", "0.0.0.0", V4),
    (V6_ONLY, "listen: 0.0.0.0", "0.0.0.0", V4),
    (NO_V6, "listen: 0.0.0.0", "0.0.0.0", V4),
    (
        V6_ONLY,
        "listen: '::ffff:10.1.2.3'",
        "10.1.2.3",
        ["-", "200 403", "-", "-"],
    ),
    (
        V6_ONLY,
        "listen: fd00::7",
        "fd00::7",
        ["-", "-", "-", "200 403"],
    ),
    // By families and networks.
    (
        V6_ONLY,
        "allow_from: [10.0.0.0/8]",
        "::",
        [CUT, "200 403", CUT, CUT],
    ),
    (
        V6_ONLY,
        "allow_from: ['::/0']",
        "::",
        [CUT, CUT, "200 404", "200 403"],
    ),
    (
        V6_ONLY,
        "allow_from: [0.0.0.0/0]",
        "::",
        ["200 404", "200 403", CUT, CUT],
    ),
];

#[test]
fn both_families_are_served_wherever_there_are_both() {
    for (setup, yaml, listens, expected) in TABLE {
        let Some(said) = in_namespace(setup, "the_pod", yaml) else {
            continue;
        };
        let row = format!("{setup}, {yaml:?}: {said}");
        assert!(said.contains(&format!("listens on {listens}\n")), "{row}");
        for (client, expected) in CLIENTS.into_iter().zip(expected) {
            let expected = if *expected == "-" {
                "unreachable"
            } else {
                expected
            };
            assert!(
                said.contains(&format!("\n{client} {expected}\n")),
                "{client} {expected}: {row}"
            );
        }
        let is_reached = said.contains("itself 200") || said.contains("itself none");
        assert!(is_reached || *setup == NO_V6_LOOPBACK, "{row}");
    }
}

/// Not a test: as [`the_pod`].
#[test]
#[ignore = "run by the test below, in a namespace of its own"]
fn the_taken_port() {
    if std::env::var_os(YAML).is_none() {
        return;
    }
    let _turn = turn();
    for taken in ["0.0.0.0:0", "127.0.0.1:0", "[::]:0", "[::1]:0"] {
        let other = TcpListener::bind(taken).expect("a port");
        let port = other.local_addr().expect("an address").port();
        let error = monitor_server::run(MonitorConfig::default().port(port)).expect_err(taken);
        assert_eq!(error.to_string(), format!("cannot listen on [::]:{port}"));
        assert!(
            matches!(&error, RunError::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse),
            "{error:?}"
        );
    }
    let metrics =
        MetricServer::with_config(&MonitorConfig::default(), monitor_core::Monitor::global());
    let everywhere = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0));
    let first = metrics.run_in_thread(everywhere).expect("a server");
    let port = first.local_addr().port();
    for client in CLIENTS {
        let ip = client.parse().expect("an address");
        assert!(
            reached(SocketAddr::new(ip, port)).starts_with("200"),
            "{client}"
        );
    }
    // As one that starts again at once, while old connections still hold the port.
    first.shutdown();
    let second = metrics.run_in_thread(SocketAddr::new(everywhere.ip(), port));
    second.expect("the same port").shutdown();
}

#[test]
fn a_port_that_is_taken_for_one_family_is_an_error() {
    // Such sockets take one family each.
    in_namespace(V6_ONLY, "the_taken_port", "");
    in_namespace("true", "the_taken_port", "");
}
