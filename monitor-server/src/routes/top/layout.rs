//! The layout of `/top`: from plain data to lines.
//!
//! All here is a pure function of a [`TopView`]. A table has columns of fixed widths, so that a page that is made again
//! every 2 s stands still; what the width allows beyond 80 or 120 columns goes to the names. Cells have no blanks, for
//! `awk`; only the last cell of a line may, and the path of a call in flight. Below 80 columns tables lose a column. No line
//! is wider than it may be, counted in characters: each is cut at last, wherever its parts come from. (A terminal may take
//! two columns for one of CJK, or none for a mark: tables of its version's widths are not worth their size here.)
//!
//! | table | below 80 | from 80 | from 120 |
//! |---|---|---|---|
//! | methods | without `15 MIN` | 2, 19, 8, 7 each, 16 | 2, 23, 8, 7 each, 16, 17 |
//! | checks | as from 80 | 2, 17, 7, 10, the rest | 2, 23, 8, 11, the rest |
//! | in flight | without `USUAL` | 2, 27, 13, 13, the rest | 2, 31, 15, 15, the rest |

use monitor_core::verdict::numbers::{self, NumberStyle::Cell};
use monitor_core::verdict::wrapped;

use super::super::plain::{cell, cut, plain};
use super::view::{CheckRow, InFlightRow, Mark, MethodRow, TopView};

/// Codes for colours (ECMA-48, "select graphic rendition").
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// From here on the page has its wide form.
const WIDE: usize = 120;

/// From here on it has all columns of its narrow form.
const FULL: usize = 80;

/// Lines of a page, none wider than it may be.
struct Lines {
    cols: usize,
    color: bool,
    text: String,
}

/// A part of a line, and its colour.
struct Part<'t>(&'t str, Option<&'static str>);

impl Lines {
    /// Adds a line of parts, cut at its width, without blanks at its end.
    fn add(&mut self, parts: &[Part<'_>]) {
        let mut left = self.cols;
        let whole: usize = parts.iter().map(|part| part.0.chars().count()).sum();
        let last = parts.iter().rposition(|part| !part.0.trim_end().is_empty());
        for (at, Part(text, color)) in parts.iter().enumerate() {
            let is_last = last.is_none_or(|last| at >= last);
            let text = if is_last { text.trim_end() } else { text };
            let text = if whole > self.cols {
                cut(text, left)
            } else {
                text.to_owned()
            };
            left -= text.chars().count();
            match color {
                Some(color) if self.color && !text.trim().is_empty() => {
                    self.text.extend([color, &*text, RESET]);
                }
                _ => self.text.push_str(&text),
            }
            if is_last {
                break;
            }
        }
        self.text.push('\n');
    }

    fn plain(&mut self, line: &str) {
        self.add(&[Part(line, None)]);
    }

    fn dim(&mut self, line: &str) {
        self.add(&[Part(line, Some(DIM))]);
    }
}

/// The page.
pub(super) fn page(view: &TopView, cols: usize, color: bool) -> String {
    let mut lines = Lines {
        cols,
        color,
        text: String::new(),
    };
    head(&mut lines, view);
    methods(&mut lines, view);
    checks(&mut lines, view);
    in_flight(&mut lines, view);
    foot(&mut lines, view);
    lines.text
}

fn head(lines: &mut Lines, view: &TopView) {
    let time = numbers::time_of_day(view.now);
    let right = format!("{time} UTC, up {}", numbers::span(view.uptime, Cell));
    let left = plain(&view.service);
    lines.plain(&apart(&left, &right, lines.cols));
    for line in wrapped(&plain(&view.headline), lines.cols) {
        lines.plain(&line);
    }
    let requests = &view.requests;
    let mut pieces = vec![
        format!(
            "{} requests/s",
            requests.rate.map_or_else(none, numbers::per_second_number)
        ),
        format!("{} failed", requests.failed.map_or_else(none, share)),
    ];
    let durations = requests.durations;
    for (name, at) in [("p50", 0), ("p95", 1), ("p99", 2)] {
        let duration = durations.map_or_else(none, |all| duration(all[at]));
        pieces.push(format!("{name} {duration}"));
    }
    pieces.push(format!("{} in flight", count(requests.in_flight)));
    lines.plain(&joined(&pieces, lines.cols));
    let process: Vec<_> = view.process.iter().map(|piece| plain(piece)).collect();
    lines.plain(&joined(&process, lines.cols));
}

/// Two texts at the ends of a line; the left one is cut.
fn apart(left: &str, right: &str, cols: usize) -> String {
    let room = cols.saturating_sub(right.chars().count() + 2);
    let left = cut(left, room);
    format!("{}  {right}", padded(&left, room))
}

/// As many pieces as there is room for.
fn joined(pieces: &[String], cols: usize) -> String {
    let mut line = String::new();
    for piece in pieces {
        let blanks = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + blanks.len() + piece.chars().count() > cols {
            break;
        }
        line.extend([blanks, piece]);
    }
    line
}

fn methods(lines: &mut Lines, view: &TopView) {
    let cols = lines.cols;
    let is_wide = cols >= WIDE;
    let strip = cols >= FULL;
    let numbers = if is_wide { 7 } else { 5 };
    let fixed = 2 + 8 + 7 * numbers + if strip { 16 } else { 0 };
    let name = if is_wide { cols - 97 } else { cols - fixed };
    let mut head = padded("  METHOD", 2 + name) + &right("CALLS/s", 8);
    let heads: &[&str] = if is_wide {
        &["FAILED", "P50", "P95", "P99", "USUAL", "FLIGHT", "OLDEST"]
    } else {
        &["FAILED", "P50", "P99", "FLIGHT", "OLDEST"]
    };
    for one in heads {
        head.push_str(&right(one, 7));
    }
    if strip {
        head.push_str(" 15 MIN");
    }
    if is_wide {
        head = padded(&head, cols - 22) + " ERROR";
    }
    lines.plain("");
    lines.dim(&head);
    for row in &view.methods {
        method(lines, row, name, is_wide, strip);
    }
}

fn method(lines: &mut Lines, row: &MethodRow, name: usize, is_wide: bool, strip: bool) {
    let color = row.mark.color();
    let mark = format!("{} ", row.mark.character());
    let label = padded(&cut(&cell(&row.name), name - 1), name);
    let rate = right(&row.rate.map_or_else(none, numbers::per_second_number), 8);
    let failed = right(&row.failed.map_or_else(none, share), 7);
    let quantile = |at: usize| {
        let one = row.durations.map(|all| duration(all[at]));
        right(&one.unwrap_or_else(none), 7)
    };
    let (shown, usual) = if is_wide {
        let usual = row.usual.map(duration);
        (
            [0, 1, 2].map(quantile).concat(),
            right(&usual.unwrap_or_else(none), 7),
        )
    } else {
        (quantile(0) + &quantile(2), String::new())
    };
    let flight = right(&count(row.in_flight), 7);
    let oldest = row.oldest.map(age);
    let oldest = right(&oldest.unwrap_or_else(none), 7);
    let minutes = match row.minutes.as_deref() {
        Some(minutes) if strip => format!(" {minutes:->15.15}"),
        _ if strip => format!(" {}", "-".repeat(15)),
        _ => String::new(),
    };
    let error = match &row.error {
        Some(error) if is_wide => format!(" {}", cut(&plain(error), 16)),
        _ => String::new(),
    };
    let is_idle = row.mark == Mark::Idle;
    let or_dim = |color: Option<&'static str>| if is_idle { Some(DIM) } else { color };
    let failed_color = if row.mark == Mark::Bad { color } else { None };
    lines.add(&[
        Part(&mark, or_dim(color)),
        Part(&label, or_dim(None)),
        Part(&rate, or_dim(None)),
        Part(&failed, or_dim(failed_color)),
        Part(&shown, or_dim(None)),
        Part(&usual, Some(DIM)),
        Part(&flight, or_dim(None)),
        Part(&oldest, or_dim(failed_color)),
        Part(&minutes, or_dim(None)),
        Part(&error, None),
    ]);
}

fn checks(lines: &mut Lines, view: &TopView) {
    if view.checks.is_empty() {
        return;
    }
    let [name, status, since] = if lines.cols >= WIDE {
        [23, 8, 11]
    } else {
        [17, 7, 10]
    };
    lines.plain("");
    let head = padded("  CHECK", 2 + name) + &padded("STATUS", status) + &padded("SINCE", since);
    lines.dim(&(head + "WHY"));
    for row in &view.checks {
        let CheckRow { mark, why, .. } = row;
        let label = padded(&cut(&cell(&row.name), name - 1), name);
        let at = row.since.map_or_else(none, |at| since_cell(at, view.now));
        let rest = padded(row.status, status) + &padded(&at, since) + &plain(why);
        let mark_text = format!("{} ", mark.character());
        lines.add(&[
            Part(&mark_text, mark.color()),
            Part(&label, None),
            Part(&rest, None),
        ]);
    }
}

/// The time of day, or the span where it is longer than a day.
fn since_cell(since: f64, now: f64) -> String {
    if now - since < 86_400.0 {
        numbers::time_of_day(since)
    } else {
        numbers::span(now - since, Cell)
    }
}

fn in_flight(lines: &mut Lines, view: &TopView) {
    if view.in_flight.is_empty() {
        return;
    }
    let cols = lines.cols;
    let [name, age, usual] = match cols {
        WIDE.. => [31 + cols - WIDE, 15, 15],
        FULL.. => [27 + cols - FULL, 13, 13],
        _ => [cols - 40, 13, 0],
    };
    lines.plain("");
    let usual_head = if usual > 0 { "USUAL" } else { "" };
    let head = padded("  OLDEST IN FLIGHT", 2 + name) + &padded("AGE", age);
    lines.dim(&(head + &padded(usual_head, usual) + "STATE"));
    for row in &view.in_flight {
        let label = padded(&row.label(name - 1), name);
        let ages = padded(&row.ages(), age);
        let usual = match row.usual {
            _ if usual == 0 => String::new(),
            Some([low, high]) => padded(&range(low, high, duration), usual),
            None => padded("-", usual),
        };
        let mark = if row.is_stuck { Mark::Bad } else { Mark::Usual };
        let mark_text = format!("{} ", mark.character());
        lines.add(&[
            Part(&mark_text, mark.color()),
            Part(&label, None),
            Part(&ages, mark.color()),
            Part(&usual, Some(DIM)),
            Part(&plain(&row.state), None),
        ]);
    }
}

fn foot(lines: &mut Lines, view: &TopView) {
    let totals = &view.totals;
    let mut kinds = Vec::new();
    for (number, word) in [
        (totals.failing, "failing"),
        (totals.slow, "slow"),
        (totals.stuck, "stuck"),
        (totals.usual, "as usual"),
        (totals.idle, "idle"),
    ] {
        if number > 0 {
            kinds.push(format!("{} {word}", count(number)));
        }
    }
    let methods = totals.failing + totals.slow + totals.stuck + totals.usual + totals.idle;
    let kinds = kinds.join(", ");
    let line = match methods {
        0 => "no method was called yet.".to_owned(),
        _ => format!("{} methods: {kinds}.", count(methods)),
    };
    let in_flight = count(view.requests.in_flight);
    let stuck = match totals.calls_stuck {
        0 => String::new(),
        stuck => format!(", {} stuck", count(stuck)),
    };
    let line = format!("{line} {in_flight} requests in flight{stuck}.");
    lines.plain("");
    let more = "?n=all  ?sort=p99  ?color=1  ?every=2";
    if lines.cols >= WIDE {
        lines.plain(&apart(&line, more, lines.cols - 3));
    } else {
        for line in wrapped(&line, lines.cols) {
            lines.plain(&line);
        }
        let pieces = [
            "more: ?n=all",
            "?sort=p99",
            "?cols=120",
            "?color=1",
            "?every=2",
        ];
        lines.plain(&joined(&pieces.map(str::to_owned), lines.cols));
    }
}

impl Mark {
    const fn character(self) -> char {
        match self {
            Self::Bad => 'X',
            Self::Warn => '!',
            Self::Idle => '-',
            Self::Usual => ' ',
        }
    }

    const fn color(self) -> Option<&'static str> {
        match self {
            Self::Bad => Some(RED),
            Self::Warn => Some(YELLOW),
            Self::Idle => Some(DIM),
            Self::Usual => None,
        }
    }
}

impl InFlightRow {
    /// Names from the top to the last call, and how many there are of this shape; the names are cut.
    fn label(&self, most: usize) -> String {
        let number = if self.count > 1 {
            format!(" x{}", self.count)
        } else {
            String::new()
        };
        let names: Vec<_> = self.names.iter().map(|name| cell(name)).collect();
        let room = most.saturating_sub(number.len());
        cut(&names.join(" > "), room) + &number
    }

    fn ages(&self) -> String {
        if self.count > 1 {
            range(self.youngest, self.oldest, age)
        } else {
            age(self.oldest)
        }
    }
}

fn range(low: f64, high: f64, of: fn(f64) -> String) -> String {
    format!("{}..{}", of(low), of(high))
}

fn duration(seconds: f64) -> String {
    numbers::duration(seconds, Cell)
}

/// An age with two digits below a minute, as durations have: a column has no room for more.
fn age(seconds: f64) -> String {
    if seconds < 60.0 {
        duration(seconds)
    } else {
        numbers::span(seconds, Cell)
    }
}

fn share(share: f64) -> String {
    if share > 0.0 {
        numbers::share(share, Cell)
    } else {
        "0".to_owned()
    }
}

fn count(count: u64) -> String {
    numbers::count(count, Cell)
}

/// No value.
fn none() -> String {
    "-".to_owned()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

fn right(text: &str, width: usize) -> String {
    format!(" {text:>width$}", width = width - 1)
}

#[cfg(test)]
mod tests;
