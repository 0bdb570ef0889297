//! Layers that record the requests of `tower` services with `monitor-core`: each request is a call, from its arrival to the
//! end of its response, and its outcome is that of the response.
//!
//! ```
//! # #[cfg(not(feature = "axum"))]
//! # fn main() {}
//! # #[cfg(feature = "axum")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::extract::Path;
//! use axum::{Router, body::Body, http::Request, http::StatusCode, routing::get};
//! use monitor_core::Monitor;
//! use tower::ServiceExt;
//!
//! let user = |Path(id): Path<u32>| async move {
//!     if id == 7 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
//! };
//! let service = Router::new()
//!     .route("/users/{id}", get(user))
//!     .layer(monitor_tower::http()); // the last layer is the outermost
//!
//! for path in ["/users/7", "/users/8", "/favicon.ico"] {
//!     service.clone().oneshot(Request::get(path).body(Body::empty())?).await?;
//! }
//!
//! let snapshot = Monitor::global().snapshot();
//! let names: Vec<_> = snapshot.methods.iter().map(|method| &*method.name).collect();
//! assert_eq!(names, ["GET (unmatched)", "GET /users/{id}"]);
//! let http_503 = snapshot.error_types.iter().position(|name| &**name == "http_503").ok_or("one failed")?;
//! assert_eq!((snapshot.methods[1].started, snapshot.methods[1].errors[http_503]), (2, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//!
//! - [`http()`]: for servers: axum (feature `axum`), hyper, warp and every other stack over `http::Request` and
//!   `http::Response`.
//! - [`UpgradeCall`]: the call of a request whose connection becomes a WebSocket, to be held as long as that.
//! - [`client()`]: for clients: `hyper-util`, `reqwest` (feature `reqwest`) and every other stack over these types.
//! - [`MonitoredBody`] and [`ResponseFuture`]: the body and the future of a layered service, with the reader of its protocol
//!   ([`HttpReader`], [`ClientReader`]), to be named where a type is asked for.
//! - `grpc()` and `grpc_client("dictionary")` (feature `tonic`): for gRPC servers and clients; `docs/grpc.md` is about them.
//!
//! # The end of a request
//!
//! | the end | outcome |
//! |---|---|
//! | the server takes the last frame of the body, or its trailers; a response without a body, as to HEAD, of 204 and 304 | by the status: 5xx and 408 fail with the type `http_<status>`, other 4xx are expected failures, the rest succeed ([`StatusOutcome`]) |
//! | the body ends with an error, or before its `content-length` | a failure of the type `http_body`, unless the status is one |
//! | the service or the body panics | a failure of the type `panic`; the panic goes on |
//! | the service returns an error | a failure of the type that the error or a source names or the configuration finds, else `connect`, `connection_lost`, `timeout` or `other` |
//! | the client leaves before the head, or before the server has taken the last frame | `cancelled`, unless the status is a failure; where it leaves while it sends its request, the service sees a broken body and may answer that (axum's extractors: `http_400`) |
//! | the connection is upgraded (101, 2xx to CONNECT) | a success with the last [`UpgradeCall`], else with the head |
//!
//! An expected failure is counted and does not affect health. Where the configuration lists a type such as `http_503` under
//! a status, failures of that type set that status. A type is on the page from its first failure on.
//!
//! # The order of layers
//!
//! Only what happens inside of the layer is seen: add it as the outermost one. The time limit of `tower`
//! (`TimeoutLayer`) is an error, which most servers answer by breaking the connection. Inside of the layer it is a failure
//! of the type `timeout`; with a layer between the two that makes a response of the error, as axum demands, it is that
//! response (`http_504`). Around the layer it drops the request, which is `cancelled` then, as if the client had left.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use std::time::Duration;
//!
//! use http::{Request, Response};
//! use http_body_util::Empty;
//! use monitor_core::{Monitor, StorageConfig};
//! use tower::timeout::TimeoutLayer;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! let monitor = Monitor::new(StorageConfig::default());
//! let service = ServiceBuilder::new()
//!     .layer(monitor_tower::http().monitor(monitor))
//!     .layer(TimeoutLayer::new(Duration::from_millis(10)))
//!     .service(service_fn(|_: Request<Empty<&'static [u8]>>| {
//!         std::future::pending::<Result<Response<Empty<&'static [u8]>>, BoxError>>()
//!     }));
//! assert!(service.oneshot(Request::new(Empty::new())).await.is_err());
//!
//! let snapshot = monitor.snapshot();
//! let timeout = snapshot.error_types.iter().position(|name| &**name == "timeout").expect("it failed");
//! assert_eq!(snapshot.methods[0].errors[timeout], 1);
//! # }
//! ```
//!
//! A service that is not ready (`ConcurrencyLimit` without a permit) lets its caller wait before the request arrives, and a
//! layer directly around it sees neither the request nor that time. Under axum a limit and this layer that are added by two
//! calls of `Router::layer` have a router's service between them, which takes the request at once and waits inside of the
//! call; elsewhere the permits of `monitor-core` (`max_concurrency`) do.

mod call;
mod client;
#[cfg(feature = "tonic")]
mod codes;
mod errors;
#[cfg(feature = "tonic")]
mod grpc;
mod http;
#[cfg(feature = "tonic")]
mod messages;
mod upgrade;

pub use crate::call::{MonitoredBody, ResponseFuture};
pub use crate::client::{
    BoxedErrors, ClientLayer, ClientReader, ClientService, OutgoingRequest, StdErrors, client,
};
#[cfg(feature = "tonic")]
pub use crate::codes::CodeOutcome;
#[cfg(feature = "tonic")]
pub use crate::grpc::{
    GrpcClientLayer, GrpcClientService, GrpcLayer, GrpcReader, GrpcService, grpc, grpc_client,
};
pub use crate::http::{HttpLayer, HttpReader, HttpService, StatusOutcome, http};
pub use crate::upgrade::{ServeUpgraded, UpgradeCall};

/// The examples of the page compile.
#[cfg(all(doctest, feature = "tonic"))]
#[doc = include_str!("../../docs/grpc.md")]
mod page {}
