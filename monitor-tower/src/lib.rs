//! Layers that record the requests of `tower` services with `monitor-core`: each request is a call, from its arrival to the
//! end of its response, and its outcome is that of the response.
//!
//! ```
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Empty;
//! use monitor_core::{Monitor, StorageConfig};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = service_fn(|_request: Request<Empty<&'static [u8]>>| async {
//!     let mut response = Response::new(Empty::<&'static [u8]>::new());
//!     *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
//!     Ok::<_, std::convert::Infallible>(response)
//! });
//! let monitor = Monitor::new(StorageConfig::default());
//! let layer = monitor_tower::http().monitor(monitor).route(|_| Some("/hello".into()));
//! layer.layer(service).oneshot(Request::get("/hello").body(Empty::new())?).await?;
//!
//! let snapshot = monitor.snapshot();
//! assert_eq!(&*snapshot.methods[0].name, "GET /hello");
//! let http_503 = snapshot.error_types.iter().position(|name| &**name == "http_503").ok_or("it failed")?;
//! assert_eq!(snapshot.methods[0].errors[http_503], 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//!
//! - [`http()`]: for servers: axum, hyper, warp and every other stack over `http::Request` and `http::Response`.
//! - `grpc()` and `grpc_client("dictionary")` (feature `tonic`): for gRPC servers and clients; `docs/grpc.md` is about them.

mod call;
#[cfg(feature = "tonic")]
mod codes;
#[cfg(feature = "tonic")]
mod grpc;
mod http;
#[cfg(feature = "tonic")]
mod messages;

#[cfg(feature = "tonic")]
pub use crate::codes::CodeOutcome;
#[cfg(feature = "tonic")]
pub use crate::grpc::{
    GrpcClientLayer, GrpcClientService, GrpcLayer, GrpcService, grpc, grpc_client,
};
pub use crate::http::{HttpLayer, HttpService, StatusOutcome, http};

/// The examples of the page compile.
#[cfg(all(doctest, feature = "tonic"))]
#[doc = include_str!("../../docs/grpc.md")]
mod page {}
