//! HTTP statuses: bare, in responses and tuples, in an `Ok` and in an `Err`.

use std::future::ready as at_once;
use std::pin::Pin;

use axum::Json;
use axum::response::{IntoResponse, Redirect};
use http::{HeaderMap, Response, StatusCode};
use monitor_core::{MonitorError, monitored};

use super::outcome;
use crate::drive::{pause, ready};

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

fn response(status: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = code(status);
    response
}

#[monitored]
fn status(status: u16) -> StatusCode {
    code(status)
}

#[test]
fn the_status_decides() {
    let all = [200, 304, 404, 408, 429, 500, 503, 999].map(|one| outcome(|| status(one)));
    assert_eq!(
        all,
        [
            "success",
            "success",
            "http_404 expected",
            "http_408",
            "http_429 expected",
            "http_500",
            "http_503",
            "http_5xx"
        ]
    );
}

#[monitored]
fn bare(status: u16) -> Response<()> {
    response(status)
}

#[monitored]
async fn waits(status: u16) -> Response<()> {
    pause().await;
    response(status)
}

#[monitored]
async fn leaves_early(status: u16) -> Response<()> {
    if status == 500 {
        return response(status);
    }
    pause().await;
    response(status)
}

type Hidden = Response<()>;

#[monitored]
fn alias(status: u16) -> Hidden {
    response(status)
}

#[monitored]
fn borrowed(status: &Response<()>) -> Response<&StatusCode> {
    let mut borrowed = Response::new(&StatusCode::OK);
    *borrowed.status_mut() = status.status();
    borrowed
}

#[monitored]
fn pair(status: u16) -> (StatusCode, &'static str) {
    (code(status), "text")
}

#[monitored]
fn triple(status: u16) -> (StatusCode, HeaderMap, String) {
    (code(status), HeaderMap::new(), String::new())
}

#[monitored]
fn opaque(status: u16) -> impl IntoResponse {
    (code(status), [("x-a", "b")], "text")
}

#[monitored]
async fn opaque_and_waits(status: u16) -> impl IntoResponse {
    pause().await;
    if status == 500 {
        return (code(status), Json(1));
    }
    (code(status), Json(2))
}

#[monitored]
fn boxed(status: u16) -> Pin<Box<dyn Future<Output = Response<()>> + Send>> {
    Box::pin(at_once(response(status)))
}

#[monitored]
fn block(status: u16) -> Pin<Box<dyn Future<Output = Response<()>> + Send>> {
    Box::pin(async move {
        pause().await;
        response(status)
    })
}

#[test]
fn a_status_is_found_in_each_shape() {
    for (status, expected) in [
        (201, "success"),
        (500, "http_500"),
        (404, "http_404 expected"),
    ] {
        assert_eq!(outcome(|| bare(status)), expected);
        assert_eq!(outcome(|| ready(waits(status))), expected);
        assert_eq!(outcome(|| ready(leaves_early(status))), expected);
        assert_eq!(outcome(|| alias(status)), expected);
        assert_eq!(outcome(|| borrowed(&response(status)).status()), expected);
        assert_eq!(outcome(|| pair(status)), expected);
        assert_eq!(outcome(|| triple(status)), expected);
        assert_eq!(outcome(|| opaque(status)), expected);
        assert_eq!(outcome(|| ready(opaque_and_waits(status))), expected);
        assert_eq!(outcome(|| ready(boxed(status))), expected);
        assert_eq!(outcome(|| ready(block(status))), expected);
    }
}

#[derive(Debug, thiserror::Error, MonitorError)]
enum AppError {
    #[error("no such user")]
    #[monitor(error_type = "no_user", expected)]
    NoUser,
    #[error("the database is away")]
    #[monitor(error_type = "db_io")]
    Database,
}

/// A status, or an error that knows its type.
type Wanted = Result<u16, AppError>;

#[monitored]
fn in_ok(wanted: Wanted) -> Result<Response<()>, AppError> {
    Ok(response(wanted?))
}

#[monitored]
fn in_place(wanted: Wanted) -> Result<Response<()>, AppError> {
    wanted.map(response)
}

#[monitored]
async fn in_ok_and_waits(wanted: Wanted) -> Result<Response<()>, AppError> {
    pause().await;
    Ok(response(wanted?))
}

type AppResult<T> = Result<T, AppError>;

#[monitored]
fn in_an_alias(wanted: Wanted) -> AppResult<StatusCode> {
    wanted.map(code)
}

#[monitored]
async fn opaque_in_ok(wanted: Wanted) -> Result<impl IntoResponse, AppError> {
    Ok((code(wanted?), "text"))
}

#[monitored]
fn all_opaque(wanted: Wanted) -> impl std::fmt::Debug {
    wanted.map(|status| (code(status), "text"))
}

#[test]
fn a_status_in_an_ok_counts_and_an_error_that_names_its_type_goes_first() {
    for (status, expected) in [
        (200, "success"),
        (500, "http_500"),
        (404, "http_404 expected"),
    ] {
        assert_eq!(outcome(|| in_ok(Ok(status))), expected);
        assert_eq!(outcome(|| in_place(Ok(status))), expected);
        assert_eq!(outcome(|| ready(in_ok_and_waits(Ok(status)))), expected);
        assert_eq!(outcome(|| in_an_alias(Ok(status))), expected);
        assert_eq!(
            outcome(|| ready(opaque_in_ok(Ok(status))).is_ok()),
            expected
        );
        assert_eq!(outcome(|| all_opaque(Ok(status))), expected);
    }
    let database = || Err(AppError::Database);
    assert_eq!(outcome(|| in_ok(database())), "db_io");
    assert_eq!(outcome(|| in_place(database())), "db_io");
    assert_eq!(outcome(|| ready(in_ok_and_waits(database()))), "db_io");
    assert_eq!(outcome(|| in_an_alias(database())), "db_io");
    assert_eq!(outcome(|| ready(opaque_in_ok(database())).is_ok()), "db_io");
    assert_eq!(outcome(|| all_opaque(database())), "db_io");
    assert_eq!(outcome(|| in_ok(Err(AppError::NoUser))), "no_user expected");
}

#[monitored]
fn json(wanted: Wanted) -> Result<Json<u16>, AppError> {
    wanted.map(Json)
}

#[monitored]
fn redirect() -> Redirect {
    Redirect::to("/")
}

#[monitored]
fn generic<T>(value: T) -> T {
    value
}

#[monitored]
fn inside(status: u16) -> Option<StatusCode> {
    Some(code(status))
}

#[test]
fn values_without_a_status_that_can_be_seen_are_successes_as_without_the_feature() {
    assert_eq!(outcome(|| json(Ok(500))), "success");
    assert_eq!(outcome(|| json(Err(AppError::Database))), "db_io");
    assert_eq!(outcome(redirect), "success");
    assert_eq!(outcome(|| generic(code(500))), "success");
    assert_eq!(outcome(|| generic(Err::<u8, _>(code(500)))), "success");
    assert_eq!(outcome(|| inside(500)), "success");
}

#[monitored]
fn in_err(status: u16) -> Result<&'static str, StatusCode> {
    Err(code(status))
}

#[monitored]
async fn pair_in_err(status: u16) -> Result<Json<u8>, (StatusCode, String)> {
    pause().await;
    Err((code(status), "text".to_owned()))
}

#[monitored]
fn response_in_err(status: u16) -> Result<StatusCode, Response<()>> {
    Err(response(status))
}

#[test]
fn a_status_in_an_err_counts_as_one_in_an_ok() {
    for (status, expected) in [
        (503, "http_503"),
        (404, "http_404 expected"),
        (303, "success"),
    ] {
        assert_eq!(outcome(|| in_err(status)), expected);
        assert_eq!(outcome(|| ready(pair_in_err(status))), expected);
        assert_eq!(outcome(|| response_in_err(status)), expected);
    }
}

#[monitored(ok_if = |status| status.as_u16() != 503)]
fn only_503_fails(status: u16) -> StatusCode {
    code(status)
}

#[monitored(error_if = |status| status.is_client_error())]
fn clients_fail(status: u16) -> StatusCode {
    code(status)
}

#[monitored(error_type = "mine")]
fn named(status: u16) -> Result<StatusCode, String> {
    Ok(code(status))
}

#[monitored(expected("http_503"))]
fn expects_503(status: u16) -> StatusCode {
    code(status)
}

fn itself(error: &&'static str) -> &'static str {
    error
}

#[monitored(error_type = itself, expected("mine"))]
fn asks(wanted: Result<u16, &'static str>) -> Result<StatusCode, &'static str> {
    wanted.map(code)
}

#[test]
fn arguments_of_the_attribute_have_priority() {
    assert_eq!(outcome(|| only_503_fails(500)), "success");
    assert_eq!(outcome(|| only_503_fails(503)), "http_503");
    assert_eq!(outcome(|| clients_fail(404)), "http_404", "no expected one");
    assert_eq!(outcome(|| clients_fail(500)), "success");
    assert_eq!(outcome(|| named(500)), "mine");
    assert_eq!(outcome(|| named(404)), "mine expected");
    assert_eq!(outcome(|| expects_503(503)), "http_503 expected");
    assert_eq!(outcome(|| expects_503(500)), "http_500");
    assert_eq!(outcome(|| asks(Err("mine"))), "mine expected");
    assert_eq!(outcome(|| asks(Ok(500))), "http_500");
}
