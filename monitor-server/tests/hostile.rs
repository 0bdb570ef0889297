//! Hostile clients: slow, silent, deaf, noisy. Their cost for the others, and how they are counted.

mod served;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use monitor_server::Limits;
use served::{
    connect, eventually, large_registry, local, metric, read_all, send, send_get, started, status,
    status_of,
};

const CLOSED: &str = "monitor_server_connections_closed_total";

/// How many connections were closed for this reason.
fn closed(address: SocketAddr, reason: &str) -> f64 {
    metric(address, &format!("{CLOSED}{{reason=\"{reason}\"}}"))
}

/// Opens so many connections, each with the beginning of a request or without; those refused do not count.
fn attackers(address: SocketAddr, number: usize, sent: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(address).ok()?;
        let _ = stream.write_all(sent);
        Some(stream)
    };
    (0..number).filter_map(open).collect()
}

#[test]
fn slow_and_silent_clients_cost_no_scrape() {
    let limits = Limits::default().max_connections(64);
    let server = started(local().limits(limits));
    let address = server.local_addr();
    let mut slow = attackers(address, 200, b"GET /metrics HTT");
    let silent = attackers(address, 200, b"");
    for _ in 0..50 {
        assert_eq!(status(address, "/metrics"), "200");
        for stream in &mut slow {
            let _ = stream.write_all(b"P");
        }
    }
    assert!(metric(address, "monitor_server_connections") <= 64.0);
    let evicted = closed(address, "evicted_waiting");
    assert!(evicted >= 336.0, "{evicted}");
    drop((slow, silent));
}

#[test]
fn attackers_that_come_again_at_once_cost_no_scrape() {
    let limits = Limits::default().header_timeout(Duration::from_millis(500));
    let server = started(local().limits(limits));
    let address = server.local_addr();
    let until = Instant::now() + Duration::from_secs(3);
    let attack = move || {
        let mut streams = attackers(address, 200, b"GET /");
        while Instant::now() < until {
            for stream in &mut streams {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
                let is_gone = !matches!(stream.read(&mut [0]), Err(error)
                    if [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut].contains(&error.kind()));
                if is_gone && let Ok(again) = TcpStream::connect(address) {
                    *stream = again;
                }
            }
        }
    };
    let attacks = [std::thread::spawn(attack), std::thread::spawn(attack)];
    let (mut scrapes, mut failed) = (0, 0);
    while Instant::now() < until {
        scrapes += 1;
        failed += u32::from(status(address, "/livez") != "200");
    }
    // The attackers share the scraper's address; a loaded machine may lose one scrape in 200.
    assert!(
        scrapes > 10 && failed * 200 <= scrapes,
        "{failed} of {scrapes}"
    );
    for attack in attacks {
        attack.join().expect("no panic");
    }
    assert!(metric(address, "monitor_server_connections") <= 256.0);
}

#[test]
fn an_idle_connection_ends_in_time() {
    let limits = Limits::default().header_timeout(Duration::from_millis(500));
    let server = started(local().limits(limits));
    let mut idle = connect(server.local_addr());
    send_get(&mut idle, "/livez");
    let begin = Instant::now();
    assert!(read_all(&mut idle).starts_with("HTTP/1.1 200 OK"));
    assert!(begin.elapsed() < Duration::from_secs(5));
    eventually(|| closed(server.local_addr(), "idle") >= 1.0);
}

#[test]
fn limits_of_zero_are_none() {
    let limits = Limits::default()
        .header_timeout(Duration::ZERO)
        .connection_timeout(Duration::ZERO)
        .max_connections(0);
    let server = started(local().limits(limits));
    let address = server.local_addr();
    // More than there would be places by default, and fewer than their share of descriptors.
    let open = |_| {
        let mut stream = connect(address);
        send(&mut stream, "GET /livez HTTP/1.1\r\nHost: local");
        stream
    };
    let mut half_sent: Vec<_> = (0..270).map(open).collect();
    std::thread::sleep(Duration::from_millis(300));
    for stream in &mut half_sent {
        send(stream, "host\r\nConnection: close\r\n\r\n");
        assert_eq!(status_of(&read_all(stream)), "200");
    }
}

/// A page is held once, however many clients do not take it, and they go at their deadline.
#[test]
fn clients_that_never_read_share_one_page_and_end_in_time() {
    let page = 855 << 10;
    // Not by idling: on a machine that stands still for a while both times are over at once.
    let limits = Limits::default()
        .connection_timeout(Duration::from_secs(4))
        .header_timeout(Duration::ZERO)
        .max_scrapes(0);
    let config = local()
        .registry(large_registry(page))
        .render_cache(Duration::from_mins(1))
        .limits(limits);
    let server = started(config);
    let address = server.local_addr();
    let ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    drop(attackers(address, 1, ask));
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.extend(attackers(address, 1, ask));
    }
    eventually(|| metric(address, "monitor_scrapes_in_flight") <= 1.0);
    eventually(|| closed(address, "deadline") >= 200.0);
    assert!(metric(address, "monitor_server_connections") <= 2.0);
    assert_eq!(status(address, "/livez"), "200");
}

#[test]
fn deaf_clients_make_room_when_all_places_are_taken() {
    let limits = Limits::default().max_connections(9).max_scrapes(0);
    let config = local().registry(large_registry(16 << 20)).limits(limits);
    let server = started(config.render_cache(Duration::from_mins(1)));
    let address = server.local_addr();
    let ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut deaf = attackers(address, 8, ask);
    let answered = "monitor_scrapes_total{code=\"200\"}";
    eventually(|| metric(address, answered) >= 8.0);
    deaf.extend(attackers(address, 1, ask));
    eventually(|| status(address, "/livez") == "200");
    // The last of them may have made room before, as one that had not asked yet.
    eventually(|| closed(address, "evicted_stalled") >= 1.0);
    drop(deaf);
}

/// Each comes when the page of the one before is made, and so holds one of its own.
#[test]
fn deaf_clients_do_not_hold_more_pages_than_there_may_be() {
    let limits = Limits::default().max_page_bytes(1 << 20);
    let config = local().registry(large_registry(16 << 20)).limits(limits);
    let server = started(config);
    let address = server.local_addr();
    let ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answered = || metric(address, "monitor_scrapes_total{code=\"200\"}");
    let mut deaf = Vec::new();
    for _ in 0..10 {
        let before = answered();
        deaf.extend(attackers(address, 1, ask));
        // One of them is the question itself.
        eventually(|| answered() > before + 1.0);
    }
    // Four may be there, however large they are.
    eventually(|| closed(address, "evicted_stalled") >= 5.0);
    let most = metric(address, "monitor_scrape_page_bytes");
    // Room for the spare capacity of buffers, and for one page that is being made.
    assert!(most < 6.0 * 2.0_f64.powi(25), "{most}");
    // A client that reads gets all of it.
    let page = served::page(address);
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.len() > 16 << 20);
    drop(deaf);
}

#[test]
fn garbage_is_refused_and_counted_to_the_last_connection() {
    let server = started(local());
    let address = server.local_addr();
    let oversize = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000));
    let kinds: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\xff\xfe\r\n\r\n",
        oversize.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for kind in kinds.iter().cycle().take(400) {
        let mut stream = connect(address);
        let _ = stream.write_all(kind);
        let answer = read_all(&mut stream);
        let expected = if kind.len() > 1000 { "431" } else { "400" };
        let status = answer.split(' ').nth(1).unwrap_or(expected);
        assert_eq!(status, expected, "{kind:?}");
    }
    eventually(|| closed(address, "malformed") + closed(address, "broken") >= 400.0);
    let page = served::page(address);
    let closed: f64 = page
        .lines()
        .filter(|line| line.starts_with(CLOSED))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    let open = served::value(&page, "monitor_server_connections");
    let accepted = served::value(&page, "monitor_server_connections_accepted_total");
    assert!(
        (accepted - closed - open).abs() < 0.5,
        "{accepted} {closed} {open}"
    );
    assert_eq!(status(address, "/livez"), "200");
}

#[test]
fn other_protocols_are_told_that_this_port_speaks_http_1() {
    let server = started(local());
    let address = server.local_addr();
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [&preface[..], b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"].concat();
    let mut ended = 0.0;
    for sent in [
        &hello[..],
        &preface[..16],
        preface,
        &settings,
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let mut stream = connect(address);
        stream.write_all(sent).expect("sent");
        let answer = read_all(&mut stream);
        assert_eq!(status_of(&answer), "400", "{sent:?}: {answer:?}");
        let is_told = answer.contains("HTTP/1.1 only");
        assert_eq!(is_told, sent.starts_with(b"PRI"), "{answer:?}");
        ended += 1.0;
    }
    eventually(|| closed(address, "malformed") >= ended);
}

#[test]
fn a_target_without_a_path_is_refused_and_counted() {
    let server = started(local());
    let address = server.local_addr();
    let good = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut sent = 0.0;
    for line in [
        "GET x HTTP/1.1",
        "GET metrics HTTP/1.1",
        "GET x HTTP/1.0",
        "HEAD livez HTTP/1.1",
        "POST localhost:9999 HTTP/1.1",
        "CONNECT a:80 HTTP/1.1",
        "CONNECT [::1]:80 HTTP/1.0",
        "GET * HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ] {
        let bad = format!("{line}\r\nHost: localhost\r\n\r\n");
        // Alone, with a body, and after an answer: on its own, and sent along with others.
        let body = format!("{line}\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab");
        for (before, request) in [
            (0, bad.clone()),
            (0, body),
            (1, format!("{good}{bad}{good}")),
        ] {
            let mut stream = connect(address);
            send(&mut stream, &request);
            let answer = read_all(&mut stream);
            // Nothing is read after it.
            let answers: Vec<_> = answer.split("HTTP/1.").skip(1).collect();
            assert_eq!(answers.len(), before + 1, "{request}{answer}");
            let last = answers[before].to_lowercase();
            assert!(
                last[2..].starts_with("400 bad request"),
                "{request}{answer}"
            );
            assert!(last.contains("connection: close"), "{request}{answer}");
            sent += 1.0;
        }
    }
    eventually(|| closed(address, "malformed") >= sent);
    assert!(closed(address, "malformed") < sent + 0.5);
    let failed = "monitor_scrape_errors_total{cause=\"internal\"}";
    assert!(metric(address, failed) < 0.5);
    // An absolute target has a path, also where none is written.
    for (target, expected) in [
        ("http://localhost/livez", "200"),
        ("http://evil.example/livez", "200"),
        ("http://localhost", "200"),
        ("http://localhost?x", "200"),
        ("http://evil.example", "200"),
        ("http://evil.example?x", "200"),
    ] {
        assert_eq!(status(address, target), expected, "{target}");
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_details_to_its_owner() {
    use std::os::unix::net::UnixStream;
    let name = format!("monitor-hostile-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let server = started(local().listen_unix(&path));
    assert_eq!(server.endpoint().unix(), Some(path.as_path()));
    let ask = |host: &str| {
        let mut stream = UnixStream::connect(&path).expect("a connection");
        let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(
        ask("localhost").contains("components"),
        "{}",
        ask("localhost")
    );
    assert!(!ask("evil.example").contains("components"));
    server.shutdown();
    assert!(!path.exists());
}
