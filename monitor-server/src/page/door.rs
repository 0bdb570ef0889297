//! The door: the body of 401 and 403 for a browser, which says how to come in.
//!
//! It is static HTML: no script, no other file and nothing of the service, as it is answered to strangers. So the command
//! for a port-forward has `<pod>` in the place of a name. Its own style is in it, as the page's may be behind the same
//! door; the policy of the answer allows that style by its digest, and nothing else.

use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::{HTML, put_safety};
use crate::routes::{Inbound, Response, reply};

/// All of its texts; [`only`] leaves those that fit.
const DOOR: &str = include_str!("../../page/door.html");

/// The digest is that of the style in the file, which a test compares.
const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-BcSkHCDWUZqOtK2RUKKaPwMoP8N74zAzkoyKRqq8UB0='; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Levels of a path that its links lead up from. A path may be as long as a client likes.
const MOST_LEVELS: usize = 8;

/// What the door is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    pub(crate) status: StatusCode,
    /// Whether there are users, and tokens.
    pub(crate) has_users: bool,
    pub(crate) has_tokens: bool,
    pub(crate) is_tls: bool,
}

impl Door {
    /// The answer.
    pub(crate) fn answer(self, inbound: &Inbound) -> Response {
        let mut response = reply(self.status, HTML, self.html(inbound).into());
        let headers = response.headers_mut();
        put_safety(headers);
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }

    fn html(self, inbound: &Inbound) -> String {
        let port = inbound.client.as_ref().and_then(|client| client.port);
        let is_needed = |block: &str| match block {
            "port" => port.is_some(),
            "users" => self.has_users,
            "tokens" => self.has_tokens,
            // Where there are users the page is behind this door.
            "page" => self.has_tokens && !self.has_users,
            status => status == self.status.as_str(),
        };
        let levels = inbound.path.matches('/').count().min(MOST_LEVELS);
        let up = if levels == 0 {
            "./".to_owned()
        } else {
            "../".repeat(levels)
        };
        let scheme = if self.is_tls { "https" } else { "http" };
        only(DOOR, is_needed)
            .replace("{up}", &up)
            .replace("{scheme}", scheme)
            .replace(
                "{port}",
                &port.map_or(String::new(), |port| port.to_string()),
            )
    }
}

/// The text without the blocks that are not needed, each from `<!-- NAME -->` to its `<!-- end -->`. Within one there may
/// be another.
fn only(text: &str, is_needed: impl Fn(&str) -> bool) -> String {
    let mut kept = String::new();
    // Whether the text is kept in the blocks that are open.
    let mut open = vec![true];
    for (at, part) in text.split("<!-- ").enumerate() {
        let rest = match part.split_once(" -->") {
            Some(("end", rest)) => {
                open.pop();
                rest
            }
            Some((name, rest)) if at > 0 => {
                open.push(is_needed(name));
                rest
            }
            _ => part,
        };
        if open.iter().all(|is_kept| *is_kept) {
            // No blank line where a block was.
            let is_line = kept.is_empty() || kept.ends_with('\n');
            kept.push_str(if is_line {
                rest.trim_start_matches('\n')
            } else {
                rest
            });
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_the_style_of_the_file() {
        let style = DOOR.split("<style>").nth(1).expect("a style");
        let style = style.split("</style>").next().expect("an end");
        let digest = STANDARD.encode(Sha256::digest(style));
        assert!(
            POLICY.contains(&format!("style-src 'sha256-{digest}';")),
            "{digest}"
        );
        assert_eq!(DOOR.matches("<style>").count(), 1);
        for forbidden in ["<script", "style=", "javascript:", " on", "<link", "<img"] {
            let markup = DOOR.split("</style>").nth(1).expect("markup");
            let is_tag = |at: usize| markup[..at].rfind('<') > markup[..at].rfind('>');
            let mut found = markup.match_indices(forbidden).map(|(at, _)| at);
            assert!(
                !found.any(|at| forbidden.starts_with('<') || is_tag(at)),
                "{forbidden}"
            );
        }
    }

    #[test]
    fn blocks_that_are_not_needed_are_left_out_with_all_that_is_in_them() {
        let text = "a\n<!-- x -->\nb<!-- y -->, c<!-- end -->.\n<!-- end -->\nd\n";
        assert_eq!(only(text, |_| true), "a\nb, c.\nd\n");
        assert_eq!(only(text, |name| name == "x"), "a\nb.\nd\n");
        assert_eq!(only(text, |name| name == "y"), "a\nd\n");
        assert_eq!(only("no block", |_| false), "no block");
    }
}
