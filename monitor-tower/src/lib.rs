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
//! - [`UpgradeCall`]: the call of a request whose connection becomes a WebSocket, to be held as long as that.
//! - [`client()`]: for clients: `hyper-util`, `reqwest` (feature `reqwest`) and every other stack over these types.

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

pub use crate::client::{
    BoxedErrors, ClientLayer, ClientService, OutgoingRequest, StdErrors, client,
};
#[cfg(feature = "tonic")]
pub use crate::codes::CodeOutcome;
#[cfg(feature = "tonic")]
pub use crate::grpc::{
    GrpcClientLayer, GrpcClientService, GrpcLayer, GrpcService, grpc, grpc_client,
};
pub use crate::http::{HttpLayer, HttpService, StatusOutcome, http};
pub use crate::upgrade::{ServeUpgraded, UpgradeCall};
