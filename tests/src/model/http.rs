//! HTTP requests and replies.

use std::collections::{BTreeMap, BTreeSet};

use super::{Model, negotiate};
use crate::case::Request;
use crate::kinds::Id;
use crate::observed::Reply;
use crate::page::Page;

/// What the original sends where a scrape fails.
pub(crate) fn failed_page() -> Page {
    Page::parse(FAILED)
}

const FAILED: &str = "A server error occurred.  Please contact the administrator.\n";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Model<'_> {
    /// Replies to the requests at the end of a case.
    pub(crate) fn http(&mut self) -> BTreeMap<String, Reply> {
        let asked = self.case.all_requests();
        let mut replies: BTreeMap<_, _> = asked
            .iter()
            .map(|(name, request)| (name.clone(), self.reply(request)))
            .collect();
        let names: BTreeSet<String> = self
            .case
            .name_filter
            .iter()
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        let filtered = self.scrape(false, Some(&names).filter(|names| !names.is_empty()));
        let open = self.scrape(true, None);
        let pages = [
            ("name_filter", filtered, true),
            ("openmetrics", open, self.case.full_openmetrics),
        ];
        for (name, page, _) in pages.into_iter().filter(|(.., wanted)| *wanted) {
            if let Some(reply) = replies.get_mut(name) {
                reply.page = Some(page.unwrap_or_else(|_| failed_page()));
            }
        }
        replies
    }

    fn reply(&mut self, request: &Request) -> Reply {
        let sent = request.target.split(['?', '#']).next().unwrap_or_default();
        if self.ours(Id::H4) && sent != "/metrics" {
            return self.other_route(request, sent);
        }
        let path = decoded(sent);
        let path = if path.starts_with("//") {
            format!("/{}", path.trim_start_matches('/'))
        } else {
            path
        };
        if path != "/metrics" {
            return Reply {
                status: 503,
                ..Reply::default()
            };
        }
        if self.ours(Id::H5) && !is_read(&request.method) {
            return text(405);
        }
        let list = |name: &str| {
            let all = request
                .headers
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name));
            all.map(|(_, value)| value.trim())
                .collect::<Vec<_>>()
                .join(",")
        };
        let (accept, encodings) = (list("accept"), list("accept-encoding"));
        let content_type = if self.ours(Id::Negotiation) {
            Some(negotiate::best(&accept))
        } else {
            choose(&accept)
        };
        let gzip = if self.ours(Id::H5) {
            negotiate::takes_gzip(&encodings)
        } else {
            gzip_named(&encodings)
        };
        match (content_type, self.refresh()) {
            (Some(content_type), Ok(())) => Reply {
                status: 200,
                content_type: Some(content_type),
                content_encoding: gzip.then(|| "gzip".to_owned()),
                page: None,
            },
            _ => Reply {
                status: 500,
                content_type: Some("text/plain".to_owned()),
                ..Reply::default()
            },
        }
    }

    /// Any path of ours but `/metrics`.
    fn other_route(&self, request: &Request, path: &str) -> Reply {
        let task = path
            .strip_prefix("/health/")
            .filter(|task| !task.is_empty());
        match (path, task) {
            ("/livez" | "/readyz" | "/-/healthy" | "/-/ready" | "/health", _) | (_, Some(_))
                if !is_read(&request.method) =>
            {
                text(405)
            }
            ("/livez" | "/readyz" | "/-/healthy" | "/-/ready", _) => text(200),
            ("/health", _) => json(
                self.all_statuses()
                    .all(|(_, status)| self.is_healthy(status)),
            ),
            (_, Some(task)) => {
                let task = decoded(task);
                let found = self.all_statuses().find(|(name, _)| **name == task);
                let known = task == "default"
                    || self
                        .counts
                        .iter()
                        .any(|(key, _)| *key == format!("request___method__{task}"));
                match found {
                    Some((_, status)) => json(self.is_healthy(status)),
                    None if known => json(true),
                    None => text(404),
                }
            }
            _ => text(404),
        }
    }

    fn all_statuses(&self) -> impl Iterator<Item = (&String, &(String, u64))> {
        self.statuses.iter().chain(&self.method_statuses)
    }

    fn is_healthy(&self, (status, run): &(String, u64)) -> bool {
        self.rules.is_healthy(status, *run)
    }
}

fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

fn text(status: u16) -> Reply {
    Reply {
        status,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        ..Reply::default()
    }
}

fn json(healthy: bool) -> Reply {
    let status = if healthy { 200 } else { 503 };
    Reply {
        status,
        content_type: Some("application/json".to_owned()),
        ..Reply::default()
    }
}

/// Percent-decoding.
fn decoded(path: &str) -> String {
    let mut out = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(hex.filter(|_| *first == b'%').unwrap_or(*first));
        rest = if hex.is_some() && *first == b'%' {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The original's choice: the first entry that fits; `None` where it raises.
fn choose(accept: &str) -> Option<String> {
    for entry in accept.split(',') {
        let media = entry.split(';').next().unwrap_or_default().trim();
        let version = param(entry, "version");
        let escaping = param(entry, "escaping")
            .filter(|e| matches!(*e, "allow-utf-8" | "underscores" | "dots" | "values"));
        let escaping = escaping.unwrap_or("underscores");
        if !matches!(media, "application/openmetrics-text" | "text/plain") {
            continue;
        }
        let version = version.filter(|version| !version.is_empty());
        let new_enough = match version {
            Some(version) => Some(at_least_one(version)?),
            None => None,
        };
        match (media, version, new_enough) {
            ("application/openmetrics-text", _, None) => {
                return Some(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned(),
                );
            }
            ("application/openmetrics-text", Some(version), Some(true)) => {
                return Some(format!(
                    "application/openmetrics-text; version={version}; charset=utf-8; escaping={escaping}"
                ));
            }
            ("text/plain", _, Some(true)) => {
                return Some(format!(
                    "text/plain; version=1.0.0; charset=utf-8; escaping={escaping}"
                ));
            }
            _ => {}
        }
    }
    Some(TEXT.to_owned())
}

fn param<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    entry.split(';').find_map(|param| {
        param
            .trim()
            .split_once('=')
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value)
    })
}

/// Python's `parse_version(version) >= (1, 0, 0)`; `None` where text meets a number.
fn at_least_one(version: &str) -> Option<bool> {
    let parts: Vec<_> = version
        .split('.')
        .map(|part| part.trim().parse::<i64>().ok())
        .collect();
    for (part, ours) in parts.iter().zip([1, 0, 0]) {
        match part {
            None => return None,
            Some(part) if *part != ours => return Some(*part > ours),
            Some(_) => {}
        }
    }
    Some(parts.len() >= 3)
}

fn gzip_named(encodings: &str) -> bool {
    encodings.split(',').any(|entry| {
        entry
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("gzip")
    })
}
