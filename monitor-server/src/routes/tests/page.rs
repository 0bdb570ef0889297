//! The files of the live page: the clients that may have them, and the answer to a browser that may not.

use http::header::{ACCEPT, IF_NONE_MATCH};

use super::matrix::{Given, Origin, SOURCES, request_of};
use super::*;

/// What Chromium sends for a document.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
    image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";

const FILES: [(&str, &str); 4] = [
    ("/", "text/html; charset=utf-8"),
    ("/page.css", "text/css; charset=utf-8"),
    ("/page.js", "text/javascript; charset=utf-8"),
    ("/icon.svg", "image/svg+xml"),
];

/// A server with a user, with a token, with both, or with neither.
fn guarded(has_users: bool, has_tokens: bool) -> Arc<Context> {
    let mut config = MonitorConfig::default().registry(Registry::new());
    let name = format!(
        "monitor-page-{}-{has_users}-{has_tokens}.yml",
        std::process::id()
    );
    let file = std::env::temp_dir().join(name);
    if has_users {
        let hash = bcrypt::hash_with_salt("secret", 4, [5; 16]).expect("a hash");
        std::fs::write(&file, format!("basic_auth_users: {{ann: {hash}}}")).expect("written");
        config = config.web_config(&file);
    }
    if has_tokens {
        config = config.bearer_token("the-token-of-the-scraper");
    }
    let context = Context::new(Monitor::new(StorageConfig::default()), &config);
    context.access_control.check().expect("it loads");
    let _ = std::fs::remove_file(file);
    Arc::new(context)
}

/// The table, which knows nothing of the code.
fn expected(given: Given, origin: Origin, has_users: bool, has_tokens: bool) -> u16 {
    let has_secrets = has_users || has_tokens;
    let is_right = match given {
        Given::Password => has_users,
        Given::Token => has_tokens,
        Given::Certificate => !has_secrets,
        _ => false,
    };
    let is_wrong = has_secrets && !is_right && given.authorization().is_some();
    match origin {
        Origin::Here => 200,
        _ if is_right => 200,
        _ if is_wrong => 401,
        Origin::Foreign => 421,
        Origin::Elsewhere if has_users => 401,
        Origin::Elsewhere => 200,
    }
}

#[tokio::test]
async fn the_shell_is_for_all_unless_there_are_users_and_never_for_a_foreign_web_page() {
    let mut cells = 0;
    for (has_users, has_tokens) in [(false, false), (false, true), (true, false), (true, true)] {
        let context = guarded(has_users, has_tokens);
        for ((path, content_type), given) in FILES
            .into_iter()
            .flat_map(|file| Given::ALL.map(|given| (file, given)))
        {
            for source in &SOURCES {
                let mut request = request_of("GET", path, given, source);
                let browser = HeaderValue::from_static(BROWSER);
                request.headers_mut().insert(ACCEPT, browser);
                let answer = ask(all(Arc::clone(&context)), request).await;
                let cell = format!("{path} {given:?} {source:?} {has_users} {has_tokens}");
                let wanted = expected(given, source.2, has_users, has_tokens);
                assert_eq!(answer.status, wanted, "{cell}");
                let (shown, is_html) = match wanted {
                    200 => (content_type, path == "/"),
                    401 => ("text/html; charset=utf-8", true),
                    _ => ("text/plain; charset=utf-8", false),
                };
                assert_eq!(answer.header("content-type"), shown, "{cell}");
                assert_eq!(answer.body.contains("<html"), is_html, "{cell}");
                let is_door = answer.body.contains("Who are you?");
                assert_eq!(
                    is_door && path == "/",
                    wanted == 401 && path == "/",
                    "{cell}"
                );
                let challenges: Vec<_> =
                    answer.headers.get_all("www-authenticate").iter().collect();
                let schemes = usize::from(has_users) + usize::from(has_tokens);
                assert_eq!(
                    challenges.len(),
                    usize::from(wanted == 401) * schemes,
                    "{cell}"
                );
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 4 * 4 * 7 * 8);
}

fn asked(target: &str, headers: &[(http::HeaderName, &'static str)]) -> Request<Empty<Bytes>> {
    let mut request = request("GET", target);
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(name, value);
    }
    request
}

#[tokio::test]
async fn only_a_browser_is_given_the_page_at_the_root() {
    let context = context(StorageConfig::default());
    for (accept, is_page) in [
        (BROWSER, true),
        ("text/html", true),
        ("TEXT/HTML;q=0.1", true),
        ("application/xhtml+xml, */*", true),
        ("text/plain, text/html", true),
        ("*/*", false),
        ("text/*", false),
        ("text/html;q=0", false),
        ("text/html;q=0.5, text/plain", false),
        ("application/json", false),
        ("", false),
    ] {
        let request = asked("/", &[(ACCEPT, accept)]);
        let answer = ask(all(Arc::clone(&context)), request).await;
        assert_eq!(answer.status, 200);
        let is_html = answer.header("content-type").starts_with("text/html");
        assert_eq!(is_html, is_page, "{accept}");
        let vary = ["Accept", "Accept, Accept-Encoding"][usize::from(is_page)];
        assert_eq!(answer.header("vary"), vary, "{accept}");
    }
    // A mounted server has no page.
    let server = crate::MetricServer { context };
    for (path, status) in [("/", 200), ("/page.js", 404)] {
        let mut request = asked(path, &[(ACCEPT, BROWSER)]);
        request.extensions_mut().clear();
        let answer = asked_of(server.service(), request).await;
        assert_eq!(answer.status, status);
        assert!(answer.header("content-type").starts_with("text/plain"));
    }
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let context = context(StorageConfig::default());
    for (path, _) in FILES {
        let ask_with = async |tags: &[&str]| {
            let mut request = asked(path, &[(ACCEPT, BROWSER)]);
            for tag in tags {
                let tag = HeaderValue::try_from(*tag).expect("text");
                request.headers_mut().append(IF_NONE_MATCH, tag);
            }
            ask(all(Arc::clone(&context)), request).await
        };
        let first = ask_with(&[]).await;
        assert_eq!(first.header("cache-control"), "no-cache");
        let etag = first.header("etag");
        let opaque = etag.strip_prefix("W/").expect("a weak tag");
        let list = format!("\"a\" , {opaque},W/\"b\"");
        for (tags, status) in [
            (&[etag] as &[_], 304),
            (&[opaque], 304),
            (&["*"], 304),
            (&[&list], 304),
            (&["\"a\"", etag], 304),
            (&["\"a\""], 200),
            (&[""], 200),
            (&[opaque.trim_matches('"')], 200),
        ] {
            let answer = ask_with(tags).await;
            assert_eq!(answer.status, status, "{path} {tags:?}");
            assert_eq!(answer.length == 0, status == 304, "{path} {tags:?}");
            assert_eq!(answer.header("etag"), etag);
            assert_eq!(answer.header("vary"), first.header("vary"));
            assert_eq!(
                answer.header("content-security-policy"),
                first.header("content-security-policy")
            );
        }
    }
}

/// Where it is asked for a document: data routes that are opened in a browser.
#[tokio::test]
async fn a_browser_that_is_denied_is_told_how_to_come_in() {
    let door = async |context: &Arc<Context>, path: &str| {
        let mut request = request_of("GET", path, Given::Nothing, &SOURCES[6]);
        let browser = HeaderValue::from_static(BROWSER);
        request.headers_mut().insert(ACCEPT, browser);
        let client = request.extensions_mut().get_mut::<Client>();
        client.expect("a client").port = Some(9999);
        ask(all(Arc::clone(context)), request).await
    };
    let open = guarded(false, false);
    let only_here = door(&open, "/api/v1/verdict").await;
    assert_eq!(only_here.status, 403);
    assert!(
        only_here
            .body
            .contains("<h1>Only from the machine itself.</h1>")
    );
    let command = "<pre>kubectl port-forward pod/&lt;pod&gt; 9999</pre>";
    assert!(only_here.body.contains(command), "{}", only_here.body);
    assert!(only_here.body.contains("href=\"http://127.0.0.1:9999/\""));
    for absent in [
        "Who are you?",
        "web_config",
        "token:",
        "<!--",
        "{",
        "<script",
    ] {
        let body = only_here.body.split("</style>").nth(1).expect("a style");
        assert!(!body.contains(absent), "{absent}: {body}");
    }
    assert!(only_here.body.contains("href=\"../../livez\""));

    let tokens = door(&guarded(false, true), "/verdict").await;
    assert_eq!(tokens.status, 401);
    assert_eq!(
        tokens.header("www-authenticate"),
        "Bearer realm=\"monitor\""
    );
    assert!(
        tokens
            .body
            .contains("typed into <a href=\"./\">the page</a>.")
    );
    assert!(!tokens.body.contains("web_config"));

    let both = door(&guarded(true, true), "/").await;
    assert_eq!(both.status, 401);
    assert!(both.body.contains("Ask for name and password"));
    assert!(both.body.contains("Bearer &lt;token&gt;"));
    assert!(!both.body.contains("the page</a>"));
    for answer in [only_here, tokens, both] {
        assert_eq!(answer.header("cache-control"), "no-store");
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("unsafe") && !policy.contains("script"));
        let tags = answer.body.matches("<h1>").count();
        assert_eq!(tags, 1, "{}", answer.body);
    }
    // Scripts and scrapers are answered as ever.
    let plain = ask(
        all(open),
        request_of("GET", "/verdict", Given::Nothing, &SOURCES[6]),
    )
    .await;
    assert_eq!((plain.status, &*plain.body), (403, "forbidden"));
}

#[tokio::test]
async fn a_foreign_name_is_told_the_right_one() {
    let context = guarded(false, true);
    for (peer, address) in [
        ("127.0.0.1:5", "Open it as http://127.0.0.1:81/.\n"),
        ("[::1]:5", "Open it as http://[::1]:81/.\n"),
    ] {
        let source = (peer, &[("host", "evil.example")] as &[_], Origin::Foreign);
        for path in ["/page.js", "/verdict"] {
            let mut request = request_of("GET", path, Given::Nothing, &source);
            let client = request.extensions_mut().get_mut::<Client>();
            client.expect("a client").port = Some(81);
            let answer = ask(all(Arc::clone(&context)), request).await;
            assert_eq!((answer.status, &*answer.body), (421, address), "{path}");
        }
    }
}
