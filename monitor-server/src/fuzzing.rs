//! What the fuzz targets in `fuzz/` reach of this crate's parsers. There only with `--cfg monitor_fuzzing`: no part of its API.

use http::HeaderMap;
use monitor_core::exposition::Format;

use crate::{negotiate, routes};

/// What a scrape with these headers is answered: format, `Content-Type`, and whether it may be gzip.
pub fn negotiated(headers: &HeaderMap) -> (Format, &'static str, bool) {
    let negotiated = negotiate::format(headers);
    (
        negotiated.format,
        negotiated.content_type(),
        negotiate::accepts_gzip(headers),
    )
}

/// The values of `name[]` in a query, none without it; `None` where it asks for more than it may.
pub fn names(query: &str) -> Option<Vec<String>> {
    let names = routes::metrics::names(query).ok()?;
    Some(names.map_or_else(Vec::new, |names| names.to_vec()))
}
