//! The verdict as a page of plain text: what `/verdict` prints.
//!
//! ```text
//! FAILING since 03:07:42 UTC (6 min 18 s): textprocessor 1.4.2
//! LookUpWords fails: 64 % timed out, usually 0.01 %.
//!
//! Cause   03:07:50  A dependency, not this process: check dictionary is DOWN, no
//!                   answer from 10.42.7.19:5433 within 2 s.
//! ```
//!
//! Lines are at most so long as asked for, in characters, whatever the names are: texts are wrapped at spaces, but not
//! between a number and its unit, and a word that is longer than a line is broken. All is ASCII but for names; control
//! characters and those that turn the direction of writing are `?`.

use std::fmt;
use std::fmt::Write;

use crate::verdict::numbers::NumberStyle::Prose;
use crate::verdict::numbers::{date_time, lasting, moment};
use crate::verdict::words::{ServiceIdentity, Verdict, VerdictRow, is_hostile};
use crate::verdict::{Level, State};

/// Whether a text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TextColor {
    /// None: no character drives a terminal.
    #[default]
    Plain,
    /// SGR codes: red and bold for what is bad, yellow for a warning, faint for what is idle.
    Ansi,
}

impl TextColor {
    /// The text in the colour of a level; without one where the level is as usual, or colours are off.
    pub fn paint(self, level: Level, text: &str) -> String {
        let code = match (self, level) {
            (Self::Ansi, Level::Bad) => "1;31",
            (Self::Ansi, Level::Warn) => "33",
            (Self::Ansi, Level::Idle) => "2",
            _ => return text.to_owned(),
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Columns of a text without a width.
const COLUMNS: usize = 80;

/// The narrowest and the widest text.
const LEAST: usize = 60;
const MOST: usize = 240;

/// Columns of a row's label, with the space behind it.
const LABEL: usize = 8;

/// Columns of a time of day.
const TIME: usize = 8;

impl Verdict {
    /// The verdict as text, in lines of at most so many columns, from 60 to 240 (others are taken as the nearest of these),
    /// each ended by a newline.
    ///
    /// ```
    /// use monitor_core::Monitor;
    /// use monitor_core::verdict::TextColor;
    ///
    /// let monitor = Monitor::new(Default::default());
    /// if let Some(verdict) = monitor.verdict() {
    ///     let text = verdict.text(80, TextColor::Plain);
    ///     assert!(text.starts_with(verdict.state.word()));
    /// }
    /// ```
    pub fn text(&self, columns: usize, color: TextColor) -> String {
        let mut page = Page {
            out: String::new(),
            columns: columns.clamp(LEAST, MOST),
            color,
        };
        page.head(self);
        page.rows(self);
        page.foot(self);
        page.out
    }
}

impl fmt::Display for Verdict {
    /// The text of 80 columns without colours, without a newline at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(COLUMNS, TextColor::Plain).trim_end())
    }
}

/// A text in the making.
struct Page {
    out: String,
    columns: usize,
    color: TextColor,
}

impl Page {
    fn head(&mut self, verdict: &Verdict) {
        let Verdict {
            state, since, at, ..
        } = *verdict;
        let lasted = lasting(at - since, Prose);
        let when = match state {
            State::Ok => format!(" for {lasted}"),
            _ => format!(" since {} UTC ({lasted})", moment(since, at)),
        };
        let service = title(&verdict.service);
        let start = self.out.len();
        self.paragraph("", 0, &format!("{state}{when}: {service}"));
        let painted = self.color.paint(state.level(), state.word());
        self.out
            .replace_range(start..start + state.word().len(), &painted);
        match state {
            // The line above says for how long.
            State::Ok => self.paragraph("", 0, "As usual."),
            _ => self.paragraph("", 0, &verdict.sentence.replace('`', "")),
        }
    }

    fn rows(&mut self, verdict: &Verdict) {
        if verdict.rows.is_empty() {
            return;
        }
        self.out.push('\n');
        let time = |row: &VerdictRow| {
            row.since
                .map_or(String::new(), |since| moment(since, verdict.at))
        };
        let times: Vec<String> = verdict.rows.iter().map(time).collect();
        let width = times.iter().map(String::len).max().unwrap_or(0).max(TIME);
        for (row, time) in verdict.rows.iter().zip(times) {
            let label = format!("{:<LABEL$}", row.label);
            let prefix = format!("{label}{time:<width$}  ");
            let start = self.out.len();
            self.paragraph(&prefix, LABEL + width + 2, &row.text.replace('`', ""));
            let painted = self.color.paint(row.level, row.label);
            self.out
                .replace_range(start..start + row.label.len(), &painted);
        }
    }

    fn foot(&mut self, verdict: &Verdict) {
        let service = &verdict.service;
        self.out.push('\n');
        let mut parts = Vec::new();
        parts.extend(service.instance.as_deref().map(str::to_owned));
        parts.extend(
            service
                .revision
                .as_deref()
                .map(|revision| format!("revision {revision}")),
        );
        if parts.is_empty() {
            parts.push(format!("process {}", service.pid));
        }
        parts.extend(
            service
                .started
                .map(|at| format!("started {} UTC", date_time(at))),
        );
        self.paragraph("", 0, &parts.join(", "));
        let address = service.address.as_deref().map_or(String::new(), |address| {
            format!(", {}/#/now", address.trim_end_matches('/'))
        });
        self.paragraph(
            "",
            0,
            &format!("as of {} UTC{address}", date_time(verdict.at)),
        );
    }

    /// A text, wrapped; further lines are indented.
    fn paragraph(&mut self, prefix: &str, indent: usize, text: &str) {
        let room = self.columns - indent;
        let lines = wrapped(text, room);
        if lines.is_empty() {
            let _ = writeln!(self.out, "{}", prefix.trim_end());
        }
        for (at, line) in lines.iter().enumerate() {
            if at == 0 {
                let _ = writeln!(self.out, "{prefix}{line}");
            } else {
                let _ = writeln!(self.out, "{:indent$}{line}", "");
            }
        }
    }
}

/// Name and version.
fn title(service: &ServiceIdentity) -> String {
    let version = service.version.as_deref();
    let version = version.map_or(String::new(), |version| format!(" {version}"));
    format!("{}{version}", service.name)
}

/// The lines of a text, each of at most so many characters (at least one), with `?` for those that are
/// [hostile](is_hostile). It is broken at spaces, but not between a number and its unit; a word that is longer than a line is
/// broken.
///
/// ```
/// use monitor_core::verdict::wrapped;
///
/// assert_eq!(wrapped("It takes 6 min 11 s.", 12), ["It takes", "6 min 11 s."]);
/// ```
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let text: String = text
        .chars()
        .map(|character| {
            if is_hostile(character) {
                '?'
            } else {
                character
            }
        })
        .collect();
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut width = 0;
    for unit in unbroken(&text) {
        let length = unit.chars().count();
        if width > 0 && width + 1 + length > columns {
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
        if width > 0 {
            line.push(' ');
            width += 1;
        }
        for character in unit.chars() {
            if width == columns {
                lines.push(std::mem::take(&mut line));
                width = 0;
            }
            line.push(character);
            width += 1;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Words that stay in one line: a number and its unit are one of them.
fn unbroken(text: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut before = "";
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match units.last_mut() {
            Some(last) if is_one(before, word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => units.push(word.to_owned()),
        }
        before = word;
    }
    units
}

/// True if the second word is the unit of the first, or the lesser part of the same time.
fn is_one(first: &str, second: &str) -> bool {
    const UNITS: [&str; 17] = [
        "%", "us", "ms", "s", "min", "h", "d", "/s", "/min", "/h", "B", "KiB", "MiB", "GiB", "M",
        "G", "x",
    ];
    let begins = |word: &str| {
        word.starts_with(|character: char| character.is_ascii_digit() || character == '<')
    };
    let bare = second.trim_end_matches(['.', ',', ';', ':', ')']);
    let is_unit = begins(first.trim_start_matches('(')) && UNITS.contains(&bare);
    let is_rest = ["d", "h", "min"].contains(&first) && begins(second);
    is_unit || is_rest
}

#[cfg(test)]
mod tests;
