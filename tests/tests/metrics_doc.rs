//! `docs/metrics.md` against the code: every family there is, in both profiles, with its type, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use monitor_core::config::Namespace;
use monitor_core::family::FamilyType;
use monitor_core::names::{Profile, built_in_families};
use monitor_core::{Monitor, Outcome, StorageConfig};
use monitor_server::{MetricServer, health_families, process_families, scrape_families};
use tonic::body::Body;
use tower::{Layer, ServiceExt, service_fn};

const DOC: &str = include_str!("../../docs/metrics.md");

/// The rows of all tables as cells, without heads.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let tables = DOC
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = tables.map(|row| row.split(" | ").map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| !cells.iter().all(|cell| cell.starts_with("---")))
}

fn quoted(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

/// The one name a cell holds, if it is a name and no expression or pattern.
fn name(cell: &str) -> Option<&str> {
    let name = quoted(cell)?;
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    (is_plain && name.contains('_')).then_some(name)
}

const KINDS: [&str; 4] = ["counter", "gauge", "histogram", "summary"];

fn kind(kind: FamilyType) -> &'static str {
    match kind {
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
        FamilyType::Summary => "summary",
        _ => "another",
    }
}

/// The families a column of names documents, with the type in the column behind it.
fn documented(profile: Profile) -> BTreeMap<&'static str, &'static str> {
    let mut found = BTreeMap::new();
    for cells in rows() {
        // Tables of both profiles have two columns for each; the others one pair of columns for both.
        let at = match profile {
            Profile::Prometheus if cells.len() > 4 => 2,
            _ => 0,
        };
        if let (Some(name), Some(kind)) =
            (cells.get(at).and_then(|cell| name(cell)), cells.get(at + 1))
            && KINDS.contains(kind)
        {
            found.insert(name, *kind);
        }
    }
    found
}

/// Name and type of the families that a layer of monitor-tower adds to the page with its first call.
async fn tower_families() -> Vec<(String, String)> {
    let monitor = Monitor::new(StorageConfig::default());
    let path = "greet.Greeter/Greet";
    monitor.method(path).expect("a good name"); // known before its first answer
    let service = service_fn(|_: http::Request<Body>| async {
        Ok::<_, Infallible>(http::Response::new(Body::empty()))
    });
    let service = monitor_tower::grpc().monitor(monitor).layer(service);
    let request = http::Request::post(format!("/{path}"));
    let request = request.header("content-type", "application/grpc");
    let request = request.body(Body::empty()).expect("a request");
    let response = service.oneshot(request).await;
    drop(response);
    let page = page(monitor);
    let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families = lines.filter_map(|line| line.split_once(' '));
    let of_tower = families.filter(|(name, _)| name.starts_with("grpc_"));
    of_tower
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

#[tokio::test]
async fn every_built_in_family_is_documented_with_its_type_and_no_other() {
    let of_tower = tower_families().await;
    assert!(!of_tower.is_empty());
    for profile in Profile::ALL {
        let mut families = built_in_families(profile, &Namespace::default());
        families.extend(process_families());
        families.extend(health_families());
        families.extend(scrape_families());
        let families = families
            .iter()
            .map(|family| (&*family.name, kind(family.kind)));
        let of_tower = of_tower.iter().map(|(name, kind)| (&**name, &**kind));
        let families: BTreeMap<&str, &str> = families.chain(of_tower).collect();
        assert!(families.len() > 15);
        assert_eq!(documented(profile), families, "profile {profile}");
    }
}

#[test]
fn the_labels_of_scrapes_are_documented_with_all_their_values() {
    for family in scrape_families() {
        let labels: BTreeSet<&str> = family
            .children
            .iter()
            .flat_map(|child| child.labels.iter().map(|label| &*label.name))
            .collect();
        let row = rows().find(|cells| name(cells[0]) == Some(&*family.name));
        let row = row.expect("it is documented");
        let documented: BTreeSet<&str> = row[2].split(", ").filter_map(quoted).collect();
        assert_eq!(documented, labels, "{}", family.name);
        for label in family.children.iter().flat_map(|child| &child.labels) {
            let value = format!("`{}`", label.value);
            let in_a_row = rows().any(|cells| cells[0] == value);
            assert!(in_a_row || row[3].contains(&value), "{label:?}");
        }
    }
    let causes = rows().skip_while(|cells| cells[0] != "`cause`").skip(1);
    let causes = causes.map_while(|cells| quoted(cells[0]));
    let causes: Vec<&str> = causes.take_while(|name| !name.contains('`')).collect();
    let known = scrape_families();
    let known = known
        .iter()
        .find(|family| family.name == "monitor_scrape_errors_total");
    let known = known.map_or(0, |family| family.children.len());
    assert_eq!(causes.len(), known, "{causes:?}");
}

/// The page of a server of this monitor.
fn page(monitor: Monitor) -> String {
    let server = MetricServer::new(prometheus::Registry::new(), false, monitor);
    let server = server
        .run_in_thread((Ipv4Addr::LOCALHOST, 0))
        .expect("a free port");
    let mut stream = TcpStream::connect(server.local_addr()).expect("a connection");
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, page) = answer.split_once("\r\n\r\n").expect("a head");
    page.to_owned()
}

/// The series on a served page of a service with these many methods, each of which was called so often.
fn series(methods: usize, calls: usize) -> usize {
    let monitor = Monitor::new(StorageConfig::default());
    for method in 0..methods {
        let method = monitor.method(&format!("method {method}"));
        let method = method.expect("a good name");
        for _ in 0..calls {
            method.start().finish(Outcome::Success);
        }
    }
    let page = page(monitor);
    page.lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn a_method_without_labels_makes_as_many_series_as_is_documented() {
    let each = |calls| series(3, calls) - series(2, calls);
    let (fresh, called) = (each(0), each(1));
    assert!(called <= 48, "{called}");
    let documented = format!("**{fresh} series** before its first call and **{called}** after it");
    assert!(
        DOC.contains(&documented),
        "docs/metrics.md lacks: {documented}"
    );
}
