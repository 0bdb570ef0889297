//! `/verdict`: what is wrong, since when, which method, against which normal; and what the two pages in plain text share.

use std::sync::Arc;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use monitor_core::verdict::{State, TextColor};

use super::frames::{Frames, frame};
use super::text_query::{OF_VERDICT, TextQuery};
use super::{Context, Inbound, Response, TEXT, internal_error, reply};
use crate::health::HealthService;

/// The header that has the state in a word.
const STATE: HeaderName = HeaderName::from_static("monitor-state");

/// The page where no history is kept.
pub(super) const OFF: &str =
    "There is no verdict: no history is kept (setting `history`, or no server that keeps one).\n";

/// A page in plain text as of now.
pub(super) struct TextPage {
    /// `None` where no history is kept.
    pub(super) state: Option<State>,
    pub(super) text: String,
}

/// `/verdict`
pub(super) async fn verdict(context: &Context, inbound: &Inbound) -> Response {
    let health = Arc::clone(&context.health);
    let make = move |query: &TextQuery| page(&health, query);
    text_page(context, &inbound.query, OF_VERDICT, make).await
}

fn page(health: &HealthService, query: &TextQuery) -> TextPage {
    let color = if query.color {
        TextColor::Ansi
    } else {
        TextColor::Plain
    };
    let verdict = health.monitor.verdict();
    let text = verdict
        .as_ref()
        .map(|verdict| verdict.text(query.cols, color));
    TextPage {
        state: verdict.map(|verdict| verdict.state),
        text: text.unwrap_or_else(|| OFF.to_owned()),
    }
}

/// The answer with a page that is made on a thread of the pool: all calls in flight may be read for it.
pub(super) async fn text_page(
    context: &Context,
    query: &str,
    known: &[&str],
    make: impl Fn(&TextQuery) -> TextPage + Send + Sync + 'static,
) -> Response {
    let query = match TextQuery::parse(query, known) {
        Ok(query) => query,
        Err(error) => return reply(StatusCode::BAD_REQUEST, TEXT, error.to_string().into()),
    };
    let every = query.every;
    let make = Arc::new(move || make(&query));
    let first = {
        let make = Arc::clone(&make);
        context.pool.call(move || make()).await
    };
    let Some(TextPage { state, text }) = first else {
        return internal_error();
    };
    let body = match every {
        Some(_) => frame(&text),
        None => text.into(),
    };
    let mut response = reply(StatusCode::OK, TEXT, body.clone());
    if let Some(state) = state {
        let state = HeaderValue::from_static(state.name());
        response.headers_mut().insert(STATE, state);
    }
    if let Some(every) = every {
        response.headers_mut().remove(CONTENT_LENGTH);
        response.extensions_mut().insert(Frames {
            first: body,
            every,
            pool: context.pool.clone(),
            make: Arc::new(move || make().text),
        });
    }
    response
}
