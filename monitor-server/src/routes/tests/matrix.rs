//! The access matrix: every route, form of path, method, credentials, Host, source and configuration in each combination,
//! against a table that knows nothing of the code.

use monitor_core::Outcome;
use monitor_core::history::Facts;

use super::*;

/// A method's name: on pages and among details, and nowhere else.
pub(super) const LABEL: &str = "OnlyForThoseWhoMay";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Setting {
    /// Nothing is asked for.
    Open,
    /// A user and a token.
    Secrets,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Given {
    Nothing,
    WrongPassword,
    UnknownUser,
    WrongToken,
    Password,
    Token,
    /// A certificate that was verified; a wrong one does not get as far as a request.
    Certificate,
}

impl Given {
    pub(super) const ALL: [Self; 7] = [
        Self::Nothing,
        Self::WrongPassword,
        Self::UnknownUser,
        Self::WrongToken,
        Self::Password,
        Self::Token,
        Self::Certificate,
    ];

    /// `ann:guess`, `eve:secret`, `ann:secret`.
    pub(super) fn authorization(self) -> Option<&'static str> {
        match self {
            Self::Nothing | Self::Certificate => None,
            Self::WrongPassword => Some("Basic YW5uOmd1ZXNz"),
            Self::UnknownUser => Some("Basic ZXZlOnNlY3JldA=="),
            Self::WrongToken => Some("Bearer another-token-0123456789"),
            Self::Password => Some("Basic YW5uOnNlY3JldA=="),
            Self::Token => Some("Bearer the-token-of-the-scraper"),
        }
    }
}

/// How a client counts, by where it comes from and the name that it asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// Loopback, under a local name and without a proxy.
    Here,
    /// The same under another name.
    Foreign,
    Elsewhere,
}

/// A peer, its headers, and how it counts.
pub(super) type Peer = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Origin,
);

pub(super) const SOURCES: [Peer; 8] = [
    ("127.0.0.1:5", &[("host", "localhost")], Origin::Here),
    ("[::1]:5", &[("host", "127.0.0.1:9999")], Origin::Here),
    ("127.0.0.1:5", &[("host", "evil.example")], Origin::Foreign),
    ("127.0.0.1:5", &[], Origin::Foreign),
    (
        "127.0.0.1:5",
        &[("host", "localhost"), ("host", "localhost")],
        Origin::Foreign,
    ),
    (
        "127.0.0.1:5",
        &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")],
        Origin::Elsewhere,
    ),
    ("10.0.0.7:5", &[("host", "localhost")], Origin::Elsewhere),
    ("10.0.0.7:5", &[("host", "evil.example")], Origin::Elsewhere),
];

const PROBES: [&str; 5] = ["/livez", "/readyz", "/startupz", "/-/healthy", "/-/ready"];

/// An endpoint of the API that has names of methods.
const API: &str = "/api/v1/methods";

const OTHERS: [&str; 11] = [
    "/metrics",
    "/health",
    "/health/default",
    "/",
    "/verdict",
    "/top",
    "/api/v1/x",
    API,
    "/page.js",
    "/healthz",
    "/favicon.ico",
];

/// A path as it is, and in forms that other servers take for the same.
fn forms(path: &str) -> [String; 8] {
    [
        path.to_owned(),
        format!("{path}/"),
        format!("/{path}"),
        format!("/%2e{path}"),
        format!("/.{path}"),
        path.to_uppercase(),
        format!("{path}%2e"),
        format!("{path};x"),
    ]
}

/// Targets that have no path: authorities, also such as read like the name of a route, and the server as a whole.
const PATHLESS: [&str; 8] = [
    "x",
    "metrics",
    "livez",
    "localhost:9999",
    "evil.example:80",
    "127.0.0.1:80",
    "[::1]:80",
    "*",
];

/// All targets under a prefix, each with its path where it has one, and whether it names another host.
fn targets(prefix: &str) -> Vec<(String, Option<String>, bool)> {
    let forms = PROBES.into_iter().chain(OTHERS).flat_map(forms);
    let paths: Vec<_> = forms.chain(["", "?x"].map(str::to_owned)).collect();
    let with_path = paths.iter().flat_map(|path| {
        ["", "http://localhost", "http://evil.example"].map(|authority| {
            let target = format!("{authority}{prefix}{path}");
            (
                target,
                Some(path.clone()),
                authority.ends_with("evil.example"),
            )
        })
    });
    let pathless = PATHLESS.map(|target| (target.to_owned(), None, false));
    let all = with_path.chain(pathless);
    // No target at all.
    all.filter(|(target, ..)| !target.is_empty() && !target.starts_with('?'))
        .collect()
}

fn is_right(given: Given, setting: Setting) -> bool {
    match setting {
        Setting::Secrets => matches!(given, Given::Password | Given::Token),
        Setting::Open => given == Given::Certificate,
    }
}

/// The table.
fn expected(path: &str, method: &str, given: Given, origin: Origin, setting: Setting) -> u16 {
    let is_task = path.len() > "/health/".len() && path.starts_with("/health/");
    let is_health = path == "/health" || is_task;
    let is_text = ["/verdict", "/top"].contains(&path);
    // Where there are users, the files of the live page are as guarded as the data; without, they are for everybody but a
    // foreign web page.
    let is_file = path == "/page.js";
    let is_open_file = is_file && setting == Setting::Open && origin == Origin::Elsewhere;
    let is_page = is_text || path.starts_with("/api/v1/") || (is_file && !is_open_file);
    let is_known =
        is_open_file || is_health || ["/", "/metrics"].contains(&path) || PROBES.contains(&path);
    if !is_known && !is_page {
        return 404;
    }
    let has_secrets = setting == Setting::Secrets;
    let is_presented = given.authorization().is_some();
    let is_right = is_right(given, setting);
    let is_here = origin == Origin::Here;
    let asks = path == "/metrics" || ((is_health || is_page) && !is_here);
    if asks && has_secrets && !is_right && (is_presented || path == "/metrics") {
        return 401;
    }
    match (method, origin) {
        (_, Origin::Foreign) if is_page && !is_right => 421,
        (_, Origin::Elsewhere) if is_page && !is_right && has_secrets => 401,
        (_, Origin::Elsewhere) if is_page && !is_right => 403,
        ("GET" | "HEAD", _) if is_page && !is_text && !is_file && path != API => 404,
        ("GET" | "HEAD", _) if is_task && path != "/health/default" => 404,
        ("GET" | "HEAD", _) => 200,
        _ => 405,
    }
}

/// Whether the label may be in an answer of 200.
fn may_show(path: &str, given: Given, origin: Origin, setting: Setting) -> bool {
    let is_right = is_right(given, setting);
    match path {
        "/metrics" => setting == Setting::Open || is_right,
        "/health" | "/verdict" | "/top" | API => origin == Origin::Here || is_right,
        _ => false,
    }
}

fn served(setting: Setting) -> Arc<Context> {
    let mut config = MonitorConfig::default().registry(Registry::new());
    let name = format!("monitor-matrix-{}-{setting:?}.yml", std::process::id());
    let file = std::env::temp_dir().join(name);
    if setting == Setting::Secrets {
        let hash = bcrypt::hash_with_salt("secret", 4, [5; 16]).expect("a hash");
        std::fs::write(&file, format!("basic_auth_users: {{ann: {hash}}}")).expect("written");
        config = config
            .web_config(&file)
            .bearer_token("the-token-of-the-scraper");
    }
    let monitor = Monitor::new(StorageConfig::default());
    let context = Context::new(monitor, &config);
    context.access_control.check().expect("it loads");
    let _ = std::fs::remove_file(file);
    let method = monitor.method(LABEL).expect("a name");
    method.start().finish(Outcome::Success);
    // The thread that keeps the history looks first when 2 s are over, which on a fast machine is after the first cells
    // that ask for a name of the history.
    monitor.look_at_last(Facts::default());
    Arc::new(context)
}

pub(super) fn request_of(
    method: &str,
    target: &str,
    given: Given,
    source: &Peer,
) -> Request<Empty<Bytes>> {
    let (peer, headers, _) = source;
    let peer: SocketAddr = peer.parse().expect("an address");
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in *headers {
        request = request.header(*name, *value);
    }
    if let Some(authorization) = given.authorization() {
        request = request.header("authorization", authorization);
    }
    let mut request = request.body(Empty::new()).expect("a request");
    let client = Client::new(peer.into(), request.uri(), given == Given::Certificate);
    request.extensions_mut().insert(client);
    request
}

/// The answers of an application that the open routes are mounted in: at the root or under a prefix, before a filter
/// that takes all other paths.
fn mounted(context: &Arc<Context>, is_prefixed: bool) -> BoxedFilter<(warp::reply::Response,)> {
    let open = open(Arc::clone(context));
    let open = if is_prefixed {
        warp::path("monitor").and(open).boxed()
    } else {
        open
    };
    let others = warp::any().map(|| text(StatusCode::IM_A_TEAPOT, "others").map(Into::into));
    open.or(others).unify().boxed()
}

/// The filter and the service in an application, which does not say where a request comes from.
async fn check_mounted(setting: Setting) -> usize {
    const NO_CERTIFICATE: usize = Given::ALL.len() - 1;
    let context = served(setting);
    let server = crate::MetricServer {
        context: Arc::clone(&context),
    };
    let mut cells = 0;
    for prefix in ["", "/monitor"] {
        let filter = mounted(&context, !prefix.is_empty());
        for (target, path, _) in targets(prefix) {
            let path = path.as_deref().unwrap_or(&target);
            let is_open = path == "/metrics" || PROBES.contains(&path);
            for method in ["GET", "HEAD", "POST"] {
                for given in Given::ALL.into_iter().take(NO_CERTIFICATE) {
                    let request = || {
                        let mut request = request_of(method, &target, given, &SOURCES[0]);
                        request.extensions_mut().clear();
                        request
                    };
                    let table = |path| expected(path, method, given, Origin::Elsewhere, setting);
                    let cell = format!("{setting:?} {method} {target} {given:?}");
                    let may = may_show(path, given, Origin::Elsewhere, setting);
                    let answer = ask(filter.clone(), request()).await;
                    let wanted = if is_open { table(path) } else { 418 };
                    assert_eq!(answer.status, wanted, "{cell}");
                    assert!(may || !answer.body.contains(LABEL), "{cell}");
                    cells += 1;
                    if !prefix.is_empty() {
                        continue;
                    }
                    // A service answers the paths that the filter leaves to others.
                    let answer = asked_of(server.service(), request()).await;
                    let wanted = match path {
                        _ if is_open => wanted,
                        "" | "/" | "?x" => table("/"),
                        _ => 404,
                    };
                    assert_eq!(answer.status, wanted, "{cell}");
                    assert!(may || !answer.body.contains(LABEL), "{cell}");
                }
            }
        }
    }
    cells
}

async fn check_all(setting: Setting) -> usize {
    let filter = all(served(setting));
    let mut cells = 0;
    for (target, path, is_evil) in targets("") {
        let path = path.as_deref().map(|path| match path {
            "" | "?x" => "/",
            path => path,
        });
        let methods = ["GET", "HEAD", "POST", "OPTIONS", "CONNECT"];
        for method in &methods[..if path.is_some() { 3 } else { 5 }] {
            for given in Given::ALL {
                for source in &SOURCES {
                    let origin = match source.2 {
                        Origin::Here if is_evil => Origin::Foreign,
                        origin => origin,
                    };
                    let request = request_of(method, &target, given, source);
                    let answer = ask(filter.clone(), request).await;
                    let cell = format!("{setting:?} {method} {target} {given:?} {source:?}");
                    let wanted =
                        path.map_or(400, |path| expected(path, method, given, origin, setting));
                    assert_eq!(answer.status, wanted, "{cell}");
                    let refuses = answer.headers.contains_key("www-authenticate");
                    assert_eq!(refuses, wanted == 401, "{cell}");
                    if path.is_none() {
                        let body = ["bad request", ""][usize::from(*method == "HEAD")];
                        assert_eq!(answer.body, body, "{cell}");
                    }
                    let shows = answer.body.contains(LABEL);
                    let may = path.is_some_and(|path| may_show(path, given, origin, setting));
                    assert!(may || !shows, "{cell}: {}", answer.body);
                    // The verdict does not name what is well.
                    let is_named = path != Some("/verdict");
                    let must = may && answer.status == 200 && *method == "GET" && is_named;
                    assert!(shows || !must, "{cell}: {}", answer.body);
                    cells += 1;
                }
            }
        }
    }
    cells
}

#[tokio::test]
async fn without_secrets_no_cell_deviates() {
    assert!(check_all(Setting::Open).await > 42_000);
    assert!(check_mounted(Setting::Open).await > 5000);
}

#[tokio::test]
async fn with_secrets_no_cell_deviates() {
    assert!(check_all(Setting::Secrets).await > 42_000);
    assert!(check_mounted(Setting::Secrets).await > 5000);
}
