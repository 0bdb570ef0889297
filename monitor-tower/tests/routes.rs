//! The names of requests under axum: verb and route, and never a path.
#![cfg(feature = "axum")]

mod support;

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{get, post};
use monitor_core::{Monitor, StorageConfig};
use monitor_tower::{HttpLayer, http};
use support::{counts, exchange, monitor, serve, wait_for_end};
use tower::{Layer, Service, ServiceExt};

/// The methods that were called, `<name> started=<requests>` each.
fn names_of(monitor: Monitor) -> Vec<String> {
    let name = |text: String| {
        let words: Vec<_> = text.split(' ').collect();
        let started = words.iter().position(|word| word.starts_with("started="));
        words[..=started.expect("it was called")].join(" ")
    };
    counts(monitor).into_iter().map(name).collect()
}

/// The methods of these requests to a router, `<name> started=<requests>` each.
async fn names(monitor: Monitor, router: Router, requests: &[(&str, &str)]) -> Vec<String> {
    let address = serve(router).await;
    for (verb, path) in requests {
        exchange(address, verb, path).await;
    }
    wait_for_end(monitor).await;
    names_of(monitor)
}

fn users() -> Router {
    Router::new()
        .route("/users", post(|| async {}))
        .route("/users/{id}", get(|| async {}))
}

#[tokio::test]
async fn routes_are_patterns_nested_ones_too_and_paths_without_a_route_are_unmatched() {
    let monitor = monitor();
    let router = Router::new()
        .merge(users())
        .nest("/api", Router::new().nest("/v1", users()))
        .layer(http().monitor(monitor));
    let requests = [
        ("GET", "/users/1"),
        ("GET", "/users/2?x=1"),
        ("POST", "/users"),
        ("GET", "/api/v1/users/3"),
        ("GET", "/api/v1/none"),
        ("GET", "/none"),
    ];
    let expected = [
        "GET (unmatched) started=2",
        "GET /api/v1/users/{id} started=1",
        "GET /users/{id} started=2",
        "POST /users started=1",
    ];
    assert_eq!(names(monitor, router, &requests).await, expected);
}

#[tokio::test]
async fn a_wrong_verb_has_the_route_and_an_unknown_one_is_other() {
    let monitor = monitor();
    let router = users().layer(http().monitor(monitor));
    let requests = [
        ("DELETE", "/users/1"),
        ("BREW", "/users/1"),
        ("get", "/users/1"),
        ("PROPFIND", "/"),
    ];
    let expected = [
        "DELETE /users/{id} started=1",
        "OTHER (unmatched) started=1",
        "OTHER /users/{id} started=2",
    ];
    assert_eq!(names(monitor, router, &requests).await, expected);
}

#[tokio::test]
async fn nested_routers_and_services_with_the_layer_inside_have_the_whole_pattern() {
    let monitor = monitor();
    let inner = || users().layer(http().monitor(monitor));
    let router = Router::new()
        .nest("/api", inner())
        .nest_service("/mounted", inner());
    let requests = [("GET", "/api/users/1"), ("GET", "/mounted/users/1")];
    let expected = [
        "GET /api/users/{id} started=1",
        "GET /mounted/users/{id} started=1",
    ];
    assert_eq!(names(monitor, router, &requests).await, expected);
}

/// The methods of these requests to a router with the layer around it as a whole.
async fn names_around(monitor: Monitor, layer: HttpLayer, paths: &[&str]) -> Vec<String> {
    let mut service = layer.layer(users());
    for path in paths {
        let request = Request::get(*path).body(Body::empty()).expect("a request");
        let ready = ServiceExt::<Request<Body>>::ready(&mut service).await;
        let response = ready.expect("it is always ready").call(request).await;
        drop(response.expect("a router answers"));
    }
    names_of(monitor)
}

#[tokio::test]
async fn around_a_router_the_users_function_names_the_route() {
    let monitor = monitor();
    let layer = http().monitor(monitor);
    let names = names_around(monitor, layer.clone(), &["/users/1", "/none"]).await;
    assert_eq!(names, ["GET (unmatched) started=2"]);

    let monitor = support::monitor();
    let layer = layer.monitor(monitor).route(|head| {
        head.uri
            .path()
            .starts_with("/users/")
            .then_some(Cow::Borrowed("/users/{id}"))
    });
    let names = names_around(monitor, layer, &["/users/1", "/users/2", "/none"]).await;
    assert_eq!(
        names,
        ["GET (unmatched) started=1", "GET /users/{id} started=2"]
    );
}

#[tokio::test]
async fn a_function_that_names_paths_makes_no_more_methods_than_the_limit() {
    let mut config = StorageConfig::default();
    config.max_methods = 2;
    let monitor = Monitor::new(config);
    let layer = http().monitor(monitor);
    let layer = layer.route(|head| Some(head.uri.path().to_owned().into()));
    let names = names_around(monitor, layer, &["/a", "/b", "/c", "/d"]).await;
    assert_eq!(
        names,
        ["GET /a started=1", "GET /b started=1", "overflow started=2"]
    );
}

#[tokio::test]
async fn a_long_pattern_is_cut_between_two_characters() {
    let monitor = monitor();
    let layer = http().monitor(monitor);
    let layer = layer.route(|_| Some("/é".repeat(100).into()));
    let names = names_around(monitor, layer, &["/"]).await;
    assert_eq!(names, [format!("GET {}/ started=1", "/é".repeat(38))]);
}
