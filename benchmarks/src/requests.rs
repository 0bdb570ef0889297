//! The rows about requests through a layer.

use axum::Router;
use axum::http::Uri;

use crate::harness::{Batch, Row, Threads, batch};
use crate::layers::{self, AXUM_OTEL, AXUM_PROMETHEUS, BY_HAND};
use crate::peers::metrics::drained;

/// The peers that record.
pub(crate) const PEERS: [&str; 3] = [AXUM_PROMETHEUS, AXUM_OTEL, BY_HAND];

/// Each kind of request, bare and below each layer.
pub(crate) fn rows() -> Vec<Row> {
    let (bare, layered) = (layers::bare(), layers::layered());
    let row = |(name, path)| {
        let uri = Uri::from_static(path);
        let sends = |application: &Router| {
            let (application, uri) = (application.clone(), uri.clone());
            batch(move |_| layers::send(&application, &uri))
        };
        Row {
            name,
            threads: Threads::One,
            base: sends(&bare),
            candidates: layered
                .iter()
                .map(|(candidate, application)| (*candidate, kept(candidate, sends(application))))
                .collect(),
        }
    };
    layers::ROWS.into_iter().map(row).collect()
}

/// The batch; of the peer whose exporter has work to do on a thread of its own, that work does not count.
fn kept(candidate: &str, batch: Batch) -> Batch {
    if candidate == AXUM_PROMETHEUS {
        drained(batch)
    } else {
        batch
    }
}
