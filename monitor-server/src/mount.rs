//! A [`MetricServer`] mounted in an application: the open routes, as a warp filter and as a `tower` service.
//!
//! Both answer the same paths in the same way. They differ in the other paths: a filter rejects them, so that the
//! application's other filters take them; a service has to answer, and does so with a plain 404.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, StatusCode};
use http_body_util::Full;
use tower_service::Service;
use warp::Filter;
use warp::filters::BoxedFilter;

use crate::routes::{Context, Inbound, Response, Route, answer, inbound, text};
use crate::run::MetricServer;

/// The body of a [`MetricService`]'s answers: in memory, `Send` and `Sync`.
pub type ServiceBody = Full<Bytes>;

/// `/metrics` and the probes alone; other paths are rejected as not found, so that other filters can take them.
pub(crate) fn open(context: Arc<Context>) -> BoxedFilter<(warp::reply::Response,)> {
    inbound()
        .and_then(move |inbound: Inbound| {
            // `/` is the application's own; that of a prefix looks the same here.
            let is_root = inbound.path.is_empty();
            let answer = open_answer(Arc::clone(&context), inbound);
            async move {
                let answer = if is_root { None } else { answer.await };
                let answer = answer.ok_or_else(warp::reject::not_found)?;
                Ok::<_, warp::Rejection>(answer.map(Into::into))
            }
        })
        .boxed()
}

/// `None` where the path is not one of the open routes.
async fn open_answer(context: Arc<Context>, inbound: Inbound) -> Option<Response> {
    Route::find(&inbound.path).filter(|route| route.is_open())?;
    let access_control = Arc::clone(&context.access_control);
    access_control.look_now_and_then(&context.metrics).await;
    Some(answer(&context, inbound).await)
}

impl MetricServer {
    /// The routes `/metrics`, `/livez`, `/readyz`, `/startupz`, `/-/healthy` and `/-/ready` as a warp filter; every
    /// other path is rejected as not found, so that other filters take it. It may stand behind `warp::path` prefixes.
    /// The runtime it is served on must have its timers enabled, as those of `#[tokio::main]` have.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Monitor;
    /// use monitor_server::{MetricServer, MonitorConfig};
    /// use warp::Filter;
    ///
    /// let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    /// let routes = warp::path("hello").map(|| "hello").or(metrics.filter());
    /// # drop(routes);
    /// ```
    #[doc(alias = "get_wsgi_app")]
    pub fn filter(&self) -> BoxedFilter<(warp::reply::Response,)> {
        open(Arc::clone(&self.context))
    }

    /// The routes of [`filter`](Self::filter) as a `tower` service, for axum, tonic, hyper and all else that serves
    /// one. `/` is answered with the list of these paths, every other one with a plain 404. The path is that of the
    /// request's URI as the service is given it: axum's `nest_service` takes its prefix off, `route_service` and
    /// `fallback_service` leave it as it is. The runtime it is served on must have its timers enabled.
    ///
    /// # Examples
    ///
    /// In axum: `Router::new().route("/hello", get(hello)).fallback_service(metrics.service())`. In tonic:
    /// `Routes::from(routes.into_axum_router().route_service("/metrics", metrics.service()))`; as the fallback there it
    /// would answer gRPC methods that do not exist, too, and not with `UNIMPLEMENTED`. `examples/examples/mount_*.rs`
    /// has axum, tonic and hyper as programs, `warp_service.rs` there has warp. With nothing but the trait:
    ///
    /// ```
    /// use monitor_core::Monitor;
    /// use monitor_server::{MetricServer, MonitorConfig};
    /// use tower_service::Service;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    /// let answer = metrics.service().call(http::Request::get("/livez").body(())?).await?;
    /// assert_eq!(answer.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn service(&self) -> MetricService {
        MetricService {
            context: Arc::clone(&self.context),
        }
    }
}

/// The result of [`MetricServer::service`]: serves requests with any body, which it does not look at. Clones serve the
/// same.
#[derive(Debug, Clone)]
pub struct MetricService {
    context: Arc<Context>,
}

/// A [`MetricService`]'s answer.
type ServiceFuture =
    Pin<Box<dyn Future<Output = Result<http::Response<ServiceBody>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for MetricService {
    type Response = http::Response<ServiceBody>;
    type Error = Infallible;
    type Future = ServiceFuture;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.answered(request.into_parts().0)
    }
}

impl MetricService {
    fn answered(&self, mut head: Parts) -> ServiceFuture {
        // A target without a path, as `CONNECT host:80` has, is none of the routes.
        let path = head.uri.path().strip_prefix('/').unwrap_or("/").to_owned();
        let inbound = Inbound {
            path,
            query: head.uri.query().unwrap_or_default().to_owned(),
            client: head.extensions.remove(),
            method: head.method,
            headers: head.headers,
        };
        let answer = open_answer(Arc::clone(&self.context), inbound);
        Box::pin(async move {
            let answer = answer.await;
            let answer = answer.unwrap_or_else(|| text(StatusCode::NOT_FOUND, "not found"));
            Ok(answer.map(Full::new))
        })
    }
}
