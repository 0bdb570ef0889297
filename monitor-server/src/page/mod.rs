//! The live page, `/`: four files for a browser, which asks `/api/v1/` for all that it shows.
//!
//! The sources are in `monitor-server/page`, in the order that [`files`] lists; [`join`] makes the files of them once, at
//! the first request, on a thread of the pool. They are the same for every client and every server of this build, have
//! nothing of the service in them, and so are given to clients that may not see its data (`access.rs` has the rule).
//! [`door`] is the answer to a browser that may see neither.
//!
//! A browser keeps the files and asks each time whether they are the same (`no-cache`, `ETag`): an answer of 304, and no
//! file of an old version beside a new one. The tag is weak, as that of the compressed file is the same.

pub(crate) mod door;
mod files;
mod join;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use http::{HeaderMap, StatusCode};

use crate::negotiate::{Selection, gzipped};
use crate::routes::{Context, Inbound, Response, internal_error, reply};
use crate::self_metrics::Cause;

/// The best, as it is done once.
const GZIP_LEVEL: u32 = 9;

const HTML: &str = "text/html; charset=utf-8";

/// Scripts, styles and images of the page's own server alone, no markup made of texts, no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

const SAFETY: [(HeaderName, &str); 3] = [
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// A file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageFile {
    /// `/`
    Shell,
    /// `/page.css`
    Style,
    /// `/page.js`
    Script,
    /// `/icon.svg`
    Icon,
}

impl PageFile {
    const ALL: [Self; 4] = [Self::Shell, Self::Style, Self::Script, Self::Icon];

    const fn content_type(self) -> &'static str {
        match self {
            Self::Shell => HTML,
            Self::Style => "text/css; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Icon => "image/svg+xml",
        }
    }

    fn text(self) -> String {
        match self {
            Self::Shell => files::SHELL.to_owned(),
            Self::Style => join::style(files::STYLES),
            Self::Script => join::script(files::SCRIPTS),
            Self::Icon => files::ICON.to_owned(),
        }
    }

    /// At `/` another client than a browser has another answer.
    const fn vary(self) -> &'static str {
        match self {
            Self::Shell => "Accept, Accept-Encoding",
            Self::Style | Self::Script | Self::Icon => "Accept-Encoding",
        }
    }
}

/// A file as it is sent.
#[derive(Debug)]
struct BuiltFile {
    plain: Bytes,
    gzip: Bytes,
    etag: HeaderValue,
}

impl BuiltFile {
    fn new(file: PageFile) -> Self {
        let text = file.text();
        // With fixed keys: replicas of one build have one tag.
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let etag = format!("W/\"{:016x}\"", hasher.finish());
        Self {
            gzip: gzipped(text.as_bytes(), GZIP_LEVEL).into(),
            plain: text.into(),
            etag: HeaderValue::try_from(etag).expect("digits"),
        }
    }
}

static BUILT: OnceLock<[BuiltFile; 4]> = OnceLock::new();

/// The files, made by the first that asks: some milliseconds.
fn built() -> &'static [BuiltFile; 4] {
    BUILT.get_or_init(|| PageFile::ALL.map(BuiltFile::new))
}

/// The answer with a file.
pub(crate) async fn answer(context: &Context, inbound: &Inbound, file: PageFile) -> Response {
    let files = match BUILT.get() {
        Some(files) => Some(files),
        None => context.pool.call(built).await,
    };
    let Some(files) = files else {
        context.metrics.count(Cause::Internal, 1);
        return internal_error();
    };
    let found = &files[file as usize];
    let gzip = Selection::of(&inbound.headers, false).gzip && !context.disable_compression;
    let is_known = is_known(&inbound.headers, &found.etag);
    let mut response = match (is_known, gzip) {
        (true, _) => reply(StatusCode::NOT_MODIFIED, file.content_type(), Bytes::new()),
        (false, true) => reply(StatusCode::OK, file.content_type(), found.gzip.clone()),
        (false, false) => reply(StatusCode::OK, file.content_type(), found.plain.clone()),
    };
    let headers = response.headers_mut();
    put_safety(headers);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, found.etag.clone());
    headers.insert(VARY, HeaderValue::from_static(file.vary()));
    if is_known {
        // Those of the body that is not there.
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_LENGTH);
    } else if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Headers of all that a browser shows as a page.
fn put_safety(headers: &mut HeaderMap) {
    let safety = SAFETY.map(|(name, value)| (name, HeaderValue::from_static(value)));
    headers.extend(safety);
}

/// Whether the client has the file of this tag: `*`, or a list with it, over one or more lines. Tags are compared as
/// weak ones (RFC 9110, section 13.1.2). No tag of ours has a comma, so one that has is cut in two and matches as little.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_owned();
    let wanted = opaque(etag.as_bytes());
    let lines = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || opaque(tag) == wanted
    })
}

#[cfg(test)]
mod tests;
