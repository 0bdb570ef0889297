//! The result of a case: the original's as recorded, or ours.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::page::Page;
use crate::value::Val;

/// All that is compared of a result, one entry an item: `exposition: NAME{LABELS}`, `stats: KEY`, ..
pub type Items = BTreeMap<String, Val>;

/// The item that holds whether the service refused to start.
pub const REFUSED: &str = "startup refused";

/// The result of a case.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Whether the service failed to start; then all else is empty.
    pub startup_error: bool,
    /// Whether the points of each method are a list of their own; the original has one list of all.
    pub points_by_source: bool,
    /// The results of the events.
    pub notes: Vec<Note>,
    /// The last plain scrape.
    pub exposition: Page,
    /// Replies by request.
    pub http: BTreeMap<String, Reply>,
    /// `get_stats`.
    pub stats: BTreeMap<String, Val>,
    /// `get_statuses`.
    pub statuses: BTreeMap<String, Val>,
    /// Error types in order.
    pub error_types: Vec<String>,
    /// Thresholds by status.
    pub series_unhealthy: BTreeMap<String, Val>,
}

/// The result of one event.
#[derive(Debug, Clone)]
pub struct Note {
    /// Which event of the case: its place, and its round where it is a call made several times.
    pub at: String,
    /// The operation, by which it is compared.
    pub op: String,
    /// How it ended.
    pub gave: Gave,
}

/// How an event ended.
#[derive(Debug, Clone)]
pub enum Gave {
    /// An error, and whether the client was sent a status code and a text.
    Raised(bool),
    /// A value.
    Value(Val),
    /// A scrape.
    Page(Page),
}

impl Note {
    /// The page it gave, if it did.
    pub fn page(&self) -> Option<&Page> {
        match &self.gave {
            Gave::Page(page) => Some(page),
            _ => None,
        }
    }
}

/// A reply over HTTP.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// The body, where it is compared.
    pub page: Option<Page>,
}

impl Observed {
    /// Reads a recorded result; `places` holds the event of each note.
    pub fn recorded(json: &Value, places: &[String]) -> Self {
        let map = |key: &str| match Val::of_result(&json[key]) {
            Val::Map(map) => map.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let texts = json["error_types"].as_array().into_iter().flatten();
        Self {
            startup_error: json.get("startup_error").is_some(),
            points_by_source: false,
            notes: recorded_notes(&json["events"], places),
            exposition: Page::parse(json["exposition"].as_str().unwrap_or_default()),
            http: recorded_http(&json["http"]),
            stats: map("stats"),
            statuses: map("statuses"),
            error_types: texts
                .filter_map(|t| t.as_str().map(str::to_owned))
                .collect(),
            series_unhealthy: map("series_unhealthy"),
        }
    }

    /// The event of each note.
    pub fn places(&self) -> Vec<String> {
        self.notes.iter().map(|note| note.at.clone()).collect()
    }

    /// Series that a page has more than once.
    pub fn repeated(&self) -> impl Iterator<Item = &String> {
        let pages = self.notes.iter().filter_map(Note::page);
        pages
            .chain([&self.exposition])
            .flat_map(|page| &page.repeated)
    }

    /// Its items.
    pub fn items(&self) -> Items {
        let mut items = Items::new();
        items.insert(REFUSED.to_owned(), Val::Bool(self.startup_error));
        if self.startup_error {
            return items;
        }
        page_items("exposition", &self.exposition, &mut items);
        for note in &self.notes {
            self.note_items(note, &mut items);
        }
        for (name, reply) in &self.http {
            reply.items(name, &mut items);
        }
        self.stats_items("stats", self.stats.iter(), &mut items);
        for (part, map) in [
            ("statuses", &self.statuses),
            ("series_unhealthy", &self.series_unhealthy),
        ] {
            items.extend(
                map.iter()
                    .map(|(key, value)| (format!("{part}: {key}"), value.clone())),
            );
        }
        let types = self.error_types.iter().map(|t| Val::text(t)).collect();
        items.insert("error_types".to_owned(), Val::List(types));
        items
    }

    fn note_items(&self, note: &Note, items: &mut Items) {
        let place = format!("event {} {}", note.at, note.op);
        match &note.gave {
            Gave::Raised(told) => {
                items.insert(place.clone(), Val::text("raised"));
                if *told {
                    items.insert(
                        format!("{place}: told the client"),
                        Val::text("a code and a text"),
                    );
                }
            }
            Gave::Value(Val::Map(map)) => {
                items.insert(place.clone(), Val::text("a map"));
                self.stats_items(&place, map.iter().map(|(key, value)| (key, value)), items);
            }
            Gave::Value(value) => {
                items.insert(place, value.clone());
            }
            Gave::Page(page) => page_items(&place, page, items),
        }
    }

    fn stats_items<'a>(
        &self,
        place: &str,
        stats: impl Iterator<Item = (&'a String, &'a Val)>,
        items: &mut Items,
    ) {
        for (key, value) in stats {
            match value {
                Val::List(list) if key == "stats" && self.points_by_source => {
                    points_items(place, list, items);
                }
                _ => {
                    items.insert(format!("{place}: {key}"), value.clone());
                }
            }
        }
    }
}

/// The points of each source, if they are of more than one.
fn points_items(place: &str, list: &[Val], items: &mut Items) {
    match by_source(list) {
        Some(sources) => items.extend(
            sources
                .into_iter()
                .map(|(source, points)| (format!("{place}: stats of {source}"), Val::List(points))),
        ),
        None => {
            items.insert(format!("{place}: stats"), Val::List(list.to_vec()));
        }
    }
}

/// The points of a list `stats` by source, if they are of more than one: calls of different methods that end at the same
/// moment have no order in ours.
fn by_source(list: &[Val]) -> Option<BTreeMap<String, Vec<Val>>> {
    let mut sources: BTreeMap<String, Vec<Val>> = BTreeMap::new();
    for point in list {
        sources
            .entry(source_of(point))
            .or_default()
            .push(point.clone());
    }
    (sources.len() > 1).then_some(sources)
}

/// The method that a point is of, by the key of its duration; else the user.
fn source_of(point: &Val) -> String {
    let Val::Map(map) = point else {
        return "the user".to_owned();
    };
    let method = map
        .iter()
        .find_map(|(key, _)| key.strip_prefix("time full___method__"));
    method.unwrap_or("the user").to_owned()
}

impl Reply {
    fn items(&self, name: &str, items: &mut Items) {
        let header = |value: &Option<String>| value.as_deref().map_or(Val::Null, Val::text);
        items.insert(format!("http {name}: status"), Val::Int(self.status.into()));
        items.insert(
            format!("http {name}: content-type"),
            header(&self.content_type),
        );
        items.insert(
            format!("http {name}: content-encoding"),
            header(&self.content_encoding),
        );
        if let Some(page) = &self.page {
            page_items(&format!("http {name}"), page, items);
        }
    }
}

/// Families of the original's client library, and creation times: left out, as `compare.py` does.
fn left_out(name: &str) -> bool {
    name.starts_with("python_") || name.starts_with("process_") || name.ends_with("_created")
}

fn page_items(place: &str, page: &Page, items: &mut Items) {
    for (series, value) in &page.series {
        if !left_out(series.split('{').next().unwrap_or_default()) {
            items.insert(format!("{place}: {series}"), value.clone());
        }
    }
    for (meta, text) in &page.meta {
        if !left_out(meta.rsplit(' ').next().unwrap_or_default()) {
            items.insert(format!("{place}: {meta}"), Val::text(text));
        }
    }
}

fn recorded_notes(events: &Value, places: &[String]) -> Vec<Note> {
    let events = events.as_array().map_or(&[][..], Vec::as_slice);
    let note = |(index, event): (usize, &Value)| Note {
        at: places
            .get(index)
            .cloned()
            .unwrap_or_else(|| format!("note {index}")),
        op: event["op"].as_str().unwrap_or_default().to_owned(),
        gave: recorded_gave(event),
    };
    events.iter().enumerate().map(note).collect()
}

fn recorded_gave(event: &Value) -> Gave {
    if let Some(text) = event["text"].as_str() {
        return Gave::Page(Page::parse(text));
    }
    match event["result"].as_str() {
        Some("raised") => Gave::Raised(event.get("abort").is_some()),
        Some(other) => Gave::Value(Val::text(other)),
        None => Gave::Value(Val::of_result(&event["value"])),
    }
}

fn recorded_http(http: &Value) -> BTreeMap<String, Reply> {
    let mut replies = BTreeMap::new();
    for (name, reply) in http.as_object().into_iter().flatten() {
        if let Some(list) = reply.as_array() {
            replies.extend(
                list.iter()
                    .enumerate()
                    .map(|(at, reply)| (format!("{name} {at}"), recorded_reply(name, reply))),
            );
        } else {
            replies.insert(name.clone(), recorded_reply(name, reply));
        }
    }
    replies
}

fn recorded_reply(name: &str, reply: &Value) -> Reply {
    let header = |wanted: &str| {
        let all = reply["headers"].as_array().into_iter().flatten();
        let mut found = all.filter(|h| {
            h[0].as_str()
                .is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        });
        found
            .next_back()
            .and_then(|h| h[1].as_str().map(str::to_owned))
    };
    let text = reply["text"]
        .as_str()
        .filter(|_| matches!(name, "name_filter" | "openmetrics"));
    Reply {
        status: reply["status"]
            .as_u64()
            .and_then(|s| u16::try_from(s).ok())
            .unwrap_or_default(),
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        page: text.map(Page::parse),
    }
}
