//! The access matrix: every route, form of path, method, credentials, Host, source and configuration in each combination,
//! against a table that knows nothing of the code.

use monitor_core::Outcome;

use super::*;

/// A method's name: on pages and among details, and nowhere else.
const LABEL: &str = "OnlyForThoseWhoMay";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Setting {
    /// Nothing is asked for.
    Open,
    /// A user and a token.
    Secrets,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Given {
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
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::WrongPassword,
        Self::UnknownUser,
        Self::WrongToken,
        Self::Password,
        Self::Token,
        Self::Certificate,
    ];

    /// `ann:guess`, `eve:secret`, `ann:secret`.
    fn authorization(self) -> Option<&'static str> {
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

/// A peer, its headers, and whether it counts as here.
type Origin = (&'static str, &'static [(&'static str, &'static str)], bool);

/// Where from, and under which name.
const SOURCES: [Origin; 8] = [
    ("127.0.0.1:5", &[("host", "localhost")], true),
    ("[::1]:5", &[("host", "127.0.0.1:9999")], true),
    ("127.0.0.1:5", &[("host", "evil.example")], false),
    ("127.0.0.1:5", &[], false),
    (
        "127.0.0.1:5",
        &[("host", "localhost"), ("host", "localhost")],
        false,
    ),
    (
        "127.0.0.1:5",
        &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")],
        false,
    ),
    ("10.0.0.7:5", &[("host", "localhost")], false),
    ("10.0.0.7:5", &[("host", "evil.example")], false),
];

const PATHS: [&str; 12] = [
    "/metrics",
    "/startupz",
    "/livez",
    "/readyz",
    "/-/healthy",
    "/-/ready",
    "/health",
    "/health/default",
    "/",
    "/api/v1/x",
    "/healthz",
    "/favicon.ico",
];

/// A path as it is, and in forms that other servers take for the same.
fn forms(path: &str) -> Vec<String> {
    vec![
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

/// The table. `here` is loopback under a local name and without a proxy.
fn expected(
    path: &str,
    method: &str,
    given: Given,
    here: bool,
    foreign: bool,
    setting: Setting,
) -> u16 {
    let probes = [
        "/",
        "/livez",
        "/readyz",
        "/startupz",
        "/-/healthy",
        "/-/ready",
    ];
    let is_probe = probes.contains(&path);
    let is_health = path == "/health"
        || path
            .strip_prefix("/health/")
            .is_some_and(|task| !task.is_empty());
    let is_page = path.starts_with("/api/v1/");
    let is_known = is_probe || is_health || path == "/metrics";
    if !is_known && !is_page {
        return 404;
    }
    let has_secrets = setting == Setting::Secrets;
    let presented = given.authorization().is_some();
    let is_right = if has_secrets {
        matches!(given, Given::Password | Given::Token)
    } else {
        given == Given::Certificate
    };
    let asks = path == "/metrics" || ((is_health || is_page) && !here);
    if asks && has_secrets && !is_right && (presented || path == "/metrics") {
        return 401;
    }
    if is_page && !here && !is_right {
        return match (foreign, has_secrets) {
            (true, _) => 421,
            (false, true) => 401,
            (false, false) => 403,
        };
    }
    if is_page {
        return 404;
    }
    match method {
        "GET" | "HEAD" if is_health && path != "/health" && path != "/health/default" => 404,
        "GET" | "HEAD" => 200,
        _ => 405,
    }
}

/// Whether the label may be in an answer of 200.
fn may_show(path: &str, given: Given, here: bool, setting: Setting) -> bool {
    let is_right = match setting {
        Setting::Secrets => matches!(given, Given::Password | Given::Token),
        Setting::Open => given == Given::Certificate,
    };
    match path {
        "/metrics" => setting == Setting::Open || is_right,
        "/health" => here || is_right,
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
    Arc::new(context)
}

fn request_of(
    method: &str,
    target: &str,
    given: Given,
    source: &(&str, &[(&str, &str)], bool),
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

/// Targets without a path, from every client and with every method.
async fn check_pathless(setting: Setting) -> usize {
    let filter = all(served(setting));
    let mut cells = 0;
    for target in PATHLESS {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "CONNECT"] {
            for given in Given::ALL {
                for source in &SOURCES {
                    let request = request_of(method, target, given, source);
                    let answer = ask(filter.clone(), request).await;
                    let cell = format!("{setting:?} {method} {target} {given:?} {source:?}");
                    assert_eq!(answer.status, 400, "{cell}");
                    let body = if method == "HEAD" { "" } else { "bad request" };
                    assert_eq!(answer.body, body, "{cell}");
                    assert!(!answer.headers.contains_key("www-authenticate"), "{cell}");
                    cells += 1;
                }
            }
        }
    }
    cells
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

/// The filter in an application, which does not say where a request comes from.
async fn check_mounted(setting: Setting) -> usize {
    const OPEN: [&str; 6] = [
        "/metrics",
        "/livez",
        "/readyz",
        "/startupz",
        "/-/healthy",
        "/-/ready",
    ];
    const NO_CERTIFICATE: usize = Given::ALL.len() - 1;
    let context = served(setting);
    let server = crate::MetricServer {
        context: Arc::clone(&context),
    };
    let forms = PATHS.into_iter().flat_map(forms);
    let whole = [String::new(), "?x".to_owned()];
    let paths: Vec<_> = forms.chain(whole).collect();
    let mut cells = 0;
    for is_prefixed in [false, true] {
        let filter = mounted(&context, is_prefixed);
        let prefix = if is_prefixed { "/monitor" } else { "" };
        let with_path = paths.iter().flat_map(|path| {
            ["", "http://localhost", "http://evil.example"]
                .map(|authority| (format!("{authority}{prefix}{path}"), path.as_str()))
        });
        let pathless = PATHLESS.map(|target| (target.to_owned(), target));
        for (target, path) in with_path.chain(pathless) {
            // No target at all.
            if target.is_empty() || target.starts_with('?') {
                continue;
            }
            for method in ["GET", "HEAD", "POST"] {
                for given in Given::ALL.into_iter().take(NO_CERTIFICATE) {
                    let mut request = request_of(method, &target, given, &SOURCES[0]);
                    request.extensions_mut().clear();
                    let answer = ask(filter.clone(), request).await;
                    let wanted = if OPEN.contains(&path) {
                        expected(path, method, given, false, false, setting)
                    } else {
                        418
                    };
                    let cell = format!("{setting:?} {method} {target} {given:?}");
                    assert_eq!(answer.status, wanted, "{cell}");
                    let may = may_show(path, given, false, setting);
                    assert!(may || !answer.body.contains(LABEL), "{cell}");
                    if !is_prefixed {
                        let mut request = request_of(method, &target, given, &SOURCES[0]);
                        request.extensions_mut().clear();
                        let mounted = asked_of(server.service(), request).await;
                        // A service answers the paths that the filter leaves to others.
                        let wanted = match wanted {
                            418 if ["", "/", "?x"].contains(&path) => {
                                expected("/", method, given, false, false, setting)
                            }
                            418 => 404,
                            other => other,
                        };
                        assert_eq!(mounted.status, wanted, "{cell}");
                        assert!(may || !mounted.body.contains(LABEL), "{cell}");
                    }
                    cells += 1;
                }
            }
        }
    }
    cells
}

async fn check_all(setting: Setting) -> usize {
    let context = served(setting);
    let filter = all(Arc::clone(&context));
    let mut cells = 0;
    let whole = String::new();
    for path in PATHS.into_iter().flat_map(forms).chain([whole]) {
        for method in ["GET", "HEAD", "POST"] {
            for given in Given::ALL {
                for source in &SOURCES {
                    for prefix in ["", "http://localhost", "http://evil.example"] {
                        // Without a path of its own there is no such target.
                        if !prefix.is_empty() && path.starts_with("//") {
                            continue;
                        }
                        if prefix.is_empty() && path.is_empty() {
                            continue;
                        }
                        let target = format!("{prefix}{path}");
                        let is_evil = prefix == "http://evil.example";
                        let here = source.2 && !is_evil;
                        let is_direct = source.0 != "10.0.0.7:5"
                            && !source.1.iter().any(|(name, _)| *name == "x-forwarded-for");
                        let foreign = is_direct && !here;
                        let request = request_of(method, &target, given, source);
                        let answer = ask(filter.clone(), request).await;
                        let cell = format!("{setting:?} {method} {target} {given:?} {source:?}");
                        let path = if path.is_empty() { "/" } else { &path };
                        let wanted = expected(path, method, given, here, foreign, setting);
                        assert_eq!(answer.status, wanted, "{cell}");
                        let shows = answer.body.contains(LABEL);
                        let may = may_show(path, given, here, setting);
                        assert!(may || !shows, "{cell}: {}", answer.body);
                        assert!(
                            shows || !may || answer.status != 200 || method != "GET",
                            "{cell}"
                        );
                        assert_eq!(
                            answer.headers.contains_key("www-authenticate"),
                            wanted == 401,
                            "{cell}"
                        );
                        cells += 1;
                    }
                }
            }
        }
    }
    cells
}

#[tokio::test]
async fn without_secrets_no_cell_deviates() {
    assert!(check_all(Setting::Open).await > 40_000);
    assert!(check_pathless(Setting::Open).await > 2000);
    assert!(check_mounted(Setting::Open).await > 5000);
}

#[tokio::test]
async fn with_secrets_no_cell_deviates() {
    assert!(check_all(Setting::Secrets).await > 40_000);
    assert!(check_pathless(Setting::Secrets).await > 2000);
    assert!(check_mounted(Setting::Secrets).await > 5000);
}
