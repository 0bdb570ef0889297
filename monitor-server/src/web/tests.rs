//! Files that protect the server: loaded, reloaded, kept.

use std::fs;

use http::header::AUTHORIZATION;
use monitor_core::family::ChildValue;

use super::*;
use crate::MonitorConfig;
use crate::test_folder::Folder;

/// `ann:old` and `ann:new`.
const WITH_OLD: &str = "Basic YW5uOm9sZA==";
const WITH_NEW: &str = "Basic YW5uOm5ldw==";

fn users(password: &str) -> String {
    users_at(password, 4)
}

/// With a hash of this cost.
fn users_at(password: &str, cost: u32) -> String {
    let hash = bcrypt::hash_with_salt(password, cost, [3; 16]).expect("a hash");
    format!("basic_auth_users:\n  ann: {hash}\n")
}

fn loaded(config: &MonitorConfig) -> (AccessControl, SelfMetrics) {
    let metrics = SelfMetrics::default();
    metrics.protection.loaded(None);
    (
        AccessControl::load(&config.security).expect("it loads"),
        metrics,
    )
}

/// A web configuration file with a password of this cost, loaded.
fn protected(password: &str, cost: u32) -> (Folder, AccessControl, SelfMetrics) {
    let (folder, path) = Folder::with("web.yml", &users_at(password, cost));
    let (access_control, metrics) = loaded(&MonitorConfig::default().web_config(path));
    (folder, access_control, metrics)
}

/// The access of a request with these credentials.
async fn access(
    access_control: &AccessControl,
    demand: RouteAccess,
    authorization: &str,
) -> Access {
    let value = HeaderValue::from_str(authorization).expect("a header value");
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    let metrics = SelfMetrics::default();
    access_control
        .admit(Some(demand), None, &headers, &metrics)
        .await
}

async fn opens(access_control: &AccessControl, authorization: &str) -> bool {
    access(access_control, RouteAccess::Metrics, authorization).await == Access::Full
}

/// Whether the page says that the last reload was successful.
fn is_in_force(metrics: &SelfMetrics) -> bool {
    let families = metrics.families(0);
    let mut families = families.iter();
    let state = families.find(|family| family.name.ends_with("last_reload_successful"));
    matches!(
        state.expect("the family").children[0].value,
        ChildValue::Int(1)
    )
}

#[tokio::test]
async fn a_change_is_taken_over_and_a_bad_one_is_not() {
    let (folder, access_control, metrics) = protected("old", 4);
    assert!(opens(&access_control, WITH_OLD).await && !opens(&access_control, WITH_NEW).await);
    access_control.reload(&metrics);
    assert!(opens(&access_control, WITH_OLD).await);

    folder.write("web.yml", users("new"));
    access_control.reload(&metrics);
    assert!(!opens(&access_control, WITH_OLD).await && opens(&access_control, WITH_NEW).await);
    assert!(is_in_force(&metrics));

    // Half written, emptied, without users: the earlier content stays in force.
    let half = users("old")[..40].to_owned();
    for bad in [
        half.as_str(),
        "",
        "basic_auth_users: {}",
        "http_server_config: {}",
        "a: [",
    ] {
        folder.write("web.yml", bad);
        for _ in 0..2 {
            access_control.reload(&metrics);
            assert!(opens(&access_control, WITH_NEW).await, "{bad:?}");
            assert!(!opens(&access_control, WITH_OLD).await, "{bad:?}");
            assert!(!is_in_force(&metrics), "{bad:?}");
        }
    }
    fs::remove_file(folder.0.join("web.yml")).expect("ours");
    access_control.reload(&metrics);
    assert!(opens(&access_control, WITH_NEW).await && !is_in_force(&metrics));

    folder.write("web.yml", users("old"));
    access_control.reload(&metrics);
    assert!(opens(&access_control, WITH_OLD).await && is_in_force(&metrics));
}

#[tokio::test]
async fn tokens_come_from_a_file_too_and_change_with_it() {
    let folder = Folder::new();
    let text = "# of the scraper\n\na-token-of-16-characters\nanother-token-0123456789\n";
    let path = folder.write("tokens", text);
    let config = MonitorConfig::default().bearer_token_file(&path);
    let (access_control, metrics) = loaded(&config.bearer_token("given-in-the-code-itself"));
    for token in [
        "a-token-of-16-characters",
        "another-token-0123456789",
        "given-in-the-code-itself",
    ] {
        let bearer = format!("Bearer {token}");
        assert!(opens(&access_control, &bearer).await, "{token}");
    }
    assert!(!opens(&access_control, "Bearer # of the scraper").await);
    folder.write("tokens", "a-third-token-0123456789");
    access_control.reload(&metrics);
    let third = "Bearer a-third-token-0123456789";
    assert!(opens(&access_control, third).await);
    assert!(!opens(&access_control, "Bearer a-token-of-16-characters").await);
    for bad in [
        "",
        "\n# none\n",
        "short",
        "a-token-of-16-characters and more",
    ] {
        folder.write("tokens", bad);
        access_control.reload(&metrics);
        assert!(opens(&access_control, third).await, "{bad:?}");
        assert!(!is_in_force(&metrics), "{bad:?}");
    }
}

#[test]
fn what_cannot_be_loaded_is_refused_by_name() {
    let folder = Folder::new();
    let empty = folder.write("empty", "");
    let missing = folder.0.join("missing");
    let (empty, missing) = (empty.display(), missing.display());
    let config = MonitorConfig::default;
    for (config, expected) in [
        (
            config().web_config(missing.to_string()),
            format!("configuration: `web_config`: cannot read {missing}"),
        ),
        (
            config().bearer_token_file(missing.to_string()),
            format!("configuration: `bearer_token_file`: cannot read {missing}"),
        ),
        (
            config().bearer_token_file(empty.to_string()),
            format!("configuration: `bearer_token_file`: cannot be used: {empty}"),
        ),
    ] {
        let refused = AccessControl::load(&config.security).expect_err(&expected);
        assert_eq!(refused.to_string(), expected);
    }
    // Reading from it would never end.
    let device = AccessControl::load(&config().web_config("/dev/zero").security);
    assert!(
        matches!(device, Err(ConfigError::Unreadable { .. })),
        "{device:?}"
    );
    let path = folder.write(
        "tls.yml",
        "\ntls_server_config: {cert_file: a, key_file: b}\n",
    );
    let refused = AccessControl::load(&config().web_config(&path).security).expect_err("no files");
    let expected = if cfg!(feature = "tls") {
        let file = folder.0.join("a");
        format!(".cert_file`: cannot read {}", file.display())
    } else {
        "`: needs the cargo feature `tls` of monitor-server".to_owned()
    };
    let expected = format!("{}:2: `tls_server_config{expected}", path.display());
    assert_eq!(refused.to_string(), expected);
}

#[tokio::test]
async fn where_nobody_can_be_told_nobody_is_let_in() {
    let config = MonitorConfig::default().web_config("/nonexistent/web.yml");
    let access_control = AccessControl::load_or_lock(&config.security);
    for authorization in ["", WITH_OLD, "Bearer a-token-of-16-characters"] {
        let opens = opens(&access_control, authorization).await;
        assert!(!opens, "{authorization}");
    }
    let probe = access(&access_control, RouteAccess::Nothing, "").await;
    assert_eq!(probe, Access::Full);
    assert!(access_control.check().is_err());
    let open = AccessControl::load_or_lock(&MonitorConfig::default().security);
    assert!(open.check().is_ok() && opens(&open, "").await);
}

#[test]
fn headers_of_the_file_are_in_force() {
    let folder = Folder::new();
    let text =
        "http_server_config:\n  headers: {X-Frame-Options: deny, Content-Security-Policy: ''}\n";
    let path = folder.write("web.yml", text);
    let (access_control, _) = loaded(&MonitorConfig::default().web_config(path));
    let headers = &access_control.current().headers;
    assert_eq!(headers.len(), 1);
    assert_eq!(headers[0].0, "x-frame-options");
    assert_eq!(headers[0].1, "deny");
}

#[test]
fn debug_shows_no_secret() {
    let folder = Folder::new();
    let path = folder.write("web.yml", users("secret"));
    let config = MonitorConfig::default()
        .web_config(path)
        .bearer_token("a-token-of-16-characters");
    let (access_control, _) = loaded(&config);
    for text in [format!("{access_control:?}"), format!("{config:?}")] {
        assert!(!text.contains("$2") && !text.contains("a-token"), "{text}");
    }
}

#[test]
fn no_message_shows_what_may_be_a_secret() {
    let folder = Folder::new();
    let hash = bcrypt::hash_with_salt("secret", 4, [3; 16]).expect("a hash");
    let hash = hash.to_string();
    // A space is missing, a list, a level.
    for text in [
        format!("basic_auth_users:\n  ann:{hash}\n"),
        format!("basic_auth_users: ann:{hash}\n"),
        format!("ann:{hash}\n"),
        format!("tls_server_config: {hash}\n"),
        format!("{{ann:{hash}}}\n"),
        format!("basic_auth_users: {{ann:{hash}}}\n"),
        format!("tls_server_config: {{key:{hash}}}\n"),
        "basic_auth_users: 1234567890123456\n".to_owned(),
        "tls_server_config: {cert: a, key: 1234567890123456}\n".to_owned(),
    ] {
        let path = folder.write("web.yml", &text);
        let config = MonitorConfig::default().web_config(path);
        let error = AccessControl::load(&config.security).expect_err(&text);
        let said = format!("{} {error:?}", with_sources(&error));
        let is_shown = cfg!(feature = "tls") || !text.contains("tls_server_config");
        assert!(!is_shown || said.contains("<secret>"), "{said}");
        assert!(!said.contains("$2") && !said.contains("12345"), "{said}");
    }
}

#[test]
fn settings_made_in_code_are_checked_wherever_they_are_loaded() {
    let config = MonitorConfig::default;
    for (named, config) in [
        ("`allow_from[0]`", config().allow_from("10.0.0.5/24")),
        ("`bearer_tokens[0]`", config().bearer_token("short")),
    ] {
        let access_control = AccessControl::load_or_lock(&config.security);
        assert!(access_control.current().is_locked, "{named}");
        let error = access_control.check().expect_err(named).to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[tokio::test]
async fn what_was_missing_at_first_is_taken_once_it_is_there() {
    let folder = Folder::new();
    let config = MonitorConfig::default().web_config(folder.0.join("web.yml"));
    let access_control = AccessControl::load_or_lock(&config.security);
    assert!(access_control.check().is_err());
    folder.write("web.yml", users("old"));
    access_control.check().expect("it is there");
    assert!(opens(&access_control, WITH_OLD).await && !opens(&access_control, WITH_NEW).await);
}

#[tokio::test]
async fn a_password_withdrawn_while_it_waits_is_refused() {
    // It takes long enough to be caught at it.
    let (folder, access_control, metrics) = protected("old", 9);
    let mut asked = Box::pin(opens(&access_control, WITH_OLD));
    // It has got as far as the check, on another thread.
    let is_pending =
        std::future::poll_fn(|cx| std::task::Poll::Ready(asked.as_mut().poll(cx).is_pending()));
    assert!(is_pending.await);
    folder.write("web.yml", users("new"));
    access_control.reload(&metrics);
    assert!(!asked.await);
    assert!(opens(&access_control, WITH_NEW).await);
}

/// The status of a scrape of a mounted filter with these credentials.
async fn scraped(
    filter: &warp::filters::BoxedFilter<(warp::reply::Response,)>,
    authorization: &str,
) -> u16 {
    let request = http::Request::get("/metrics").header(AUTHORIZATION, authorization);
    let request = request.body(http_body_util::Empty::<bytes::Bytes>::new());
    let service = hyper_util::service::TowerToHyperService::new(warp::service(filter.clone()));
    let answer = hyper::service::Service::call(&service, request.expect("a request")).await;
    answer.expect("infallible").status().as_u16()
}

#[tokio::test]
async fn a_mounted_filter_takes_a_new_password_and_no_more_the_old_one() {
    let folder = Folder::new();
    let path = folder.write("web.yml", users("old"));
    let config = MonitorConfig::default()
        .web_config(path)
        .registry(prometheus::Registry::new());
    let monitor = Monitor::new(monitor_core::StorageConfig::default());
    let filter = crate::MetricServer::with_config(&config, monitor).filter();
    assert_eq!(scraped(&filter, WITH_OLD).await, 200);
    folder.write("web.yml", users("new"));
    // Not each request looks at the file.
    assert_eq!(scraped(&filter, WITH_OLD).await, 200);
    tokio::time::sleep(LOOK).await;
    assert_eq!(scraped(&filter, WITH_OLD).await, 401);
    assert_eq!(scraped(&filter, WITH_NEW).await, 200);
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_may_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, path) = Folder::with("secret", "secret");
    for (mode, expected) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        assert_eq!(others_may_read(&path), expected, "{mode:o}");
    }
    fs::remove_file(&path).expect("ours");
    assert!(!others_may_read(&path));
}
