//! How a call ended, and what is read of an error: its type's name, its Display, and its chain of sources.

use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::words::Search;

/// Sources read of one error. A chain this long is a cycle or a mistake; without the bound, sources that print nothing
/// could hold a call for ever.
const MAX_SOURCES: usize = 64;

/// An error as the parser sees it: its type's name and what can be read of it.
#[derive(Debug, Clone, Copy)]
pub struct ErrorView<'a> {
    /// The full name of its type, as `std::any::type_name` gives it; empty if unknown.
    pub type_name: &'a str,
    /// What can be read of it.
    pub text: ErrorText<'a>,
}

/// What can be read of an error.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum ErrorText<'a> {
    /// A std error: Display and its chain of sources.
    Error(&'a (dyn Error + 'a)),
    /// Display alone, in its alternate form (`{:#}`), in which reports print their causes.
    Display(&'a (dyn fmt::Display + 'a)),
    /// Debug alone. Only the identifier it begins with is read.
    Debug(&'a (dyn fmt::Debug + 'a)),
    /// Nothing.
    Opaque,
}

impl fmt::Debug for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error(_) => "Error",
            Self::Display(_) => "Display",
            Self::Debug(_) => "Debug",
            Self::Opaque => "Opaque",
        })
    }
}

/// Reads `view` into `search`.
pub(super) fn read_view(search: &mut Search<'_>, view: &ErrorView<'_>) {
    let name = TypeName::parse(view.type_name);
    read(search, |search| search.write_str(name.identifier));
    match view.text {
        ErrorText::Error(error) => {
            read(search, |search| write!(search, "{error}"));
            // The name of a boxed error's own type is lost: it is read as each source is.
            if name.boxed || name.identifier.is_empty() {
                read_identifier(search, &error);
            }
            read_sources(search, error);
        }
        ErrorText::Display(value) => read(search, |search| write!(search, "{value:#}")),
        ErrorText::Debug(value) => read_identifier(search, value),
        ErrorText::Opaque => {}
    }
}

/// Reads an error of which only texts are known into `search`.
pub(super) fn read_parts(search: &mut Search<'_>, type_name: &str, display: &str, chain: &[&str]) {
    let name = TypeName::parse(type_name);
    for text in [name.identifier, display].iter().chain(chain) {
        read(search, |search| search.write_str(text));
    }
}

fn read_sources(search: &mut Search<'_>, error: &dyn Error) {
    let mut next = survive(|| error.source()).flatten();
    for _ in 0..MAX_SOURCES {
        let Some(source) = next.filter(|_| !search.is_done()) else {
            return;
        };
        read(search, |search| write!(search, "{source}"));
        read_identifier(search, source);
        next = survive(|| source.source()).flatten();
    }
}

/// Reads the identifier a Debug begins with: the name of a struct or variant, none of its fields.
fn read_identifier(search: &mut Search<'_>, value: &dyn fmt::Debug) {
    read(search, |search| write!(Identifier(search), "{value:?}"));
}

/// Reads one part. Words do not match over its ends; what was written before an error or a panic counts.
fn read(search: &mut Search<'_>, write: impl FnOnce(&mut Search<'_>) -> fmt::Result) {
    if !search.is_done() {
        search.begin_part();
        survive(|| write(search));
    }
}

/// Runs code of the user's error type; `None` if it panicked.
fn survive<R>(run: impl FnOnce() -> R) -> Option<R> {
    // Sound to go on after a panic: a search half-way is a valid search, and the error is only looked at.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // A payload may panic when dropped; the payload of that is leaked, so this ends.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            None
        }
    }
}

/// A writer that ends at the first character that is no part of an identifier.
struct Identifier<'a, 's>(&'a mut Search<'s>);

impl Write for Identifier<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let identifier = leading_identifier(text);
        self.0.write_str(identifier)?;
        if identifier.len() < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// What is searched of a type's name.
struct TypeName<'a> {
    /// The last segment of its path, without generics; empty if it says nothing about the error.
    identifier: &'a str,
    /// Whether the error is behind a pointer that hands on Display, Debug and source.
    boxed: bool,
}

impl<'a> TypeName<'a> {
    fn parse(name: &'a str) -> Self {
        const POINTERS: [&str; 3] = ["alloc::boxed::Box<", "alloc::sync::Arc<", "alloc::rc::Rc<"];
        let mut rest = name;
        let mut boxed = false;
        loop {
            let inner = POINTERS
                .iter()
                .find_map(|pointer| rest.strip_prefix(pointer));
            boxed |= inner.is_some();
            let inner = inner
                .or_else(|| rest.strip_prefix('&'))
                .or_else(|| rest.strip_prefix("mut "));
            match inner {
                Some(inner) => rest = inner,
                None => break,
            }
        }
        let identifier = if names_nothing(rest) {
            ""
        } else {
            last_segment(rest)
        };
        Self { identifier, boxed }
    }
}

/// Whether a type's name is the same for errors of all kinds.
fn names_nothing(name: &str) -> bool {
    const ANY_ERROR: [&str; 4] = [
        "anyhow::Error",
        "eyre::Report",
        "alloc::string::String",
        "str",
    ];
    let name = name.trim_end_matches('>');
    name.starts_with("dyn ") || ANY_ERROR.contains(&name)
}

/// The last segment of a path, without generics: `Foo` of `a::b::Foo<c::Bar>` and of `a::<impl b::C>::f::Foo`.
fn last_segment(path: &str) -> &str {
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, byte) in path.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => start = index + 1,
            _ => {}
        }
    }
    leading_identifier(&path[start..])
}

fn leading_identifier(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_');
    &text[..end.unwrap_or(text.len())]
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It returned what it was asked for.
    Success,
    /// It failed with an error the configured rules classify.
    Error(ErrorView<'a>),
    /// It failed with an error whose type is known by name. A name the configuration does not list counts as `other`.
    ErrorType(&'a str),
    /// It failed as it may: counted as a failure of this type (`other` if the configuration does not list it), but no
    /// illness, so the task status stays as it is.
    Expected(&'a str),
    /// It panicked.
    Panic,
    /// It was dropped before it ended.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_segment_of_a_type_name_is_searched() {
        let cases = [
            ("a::b::Foo<c::Bar>", "Foo", false),
            ("Foo", "Foo", false),
            ("a::<impl b::C<d::E>>::f::Foo", "Foo", false),
            ("a::f::{{closure}}::Foo<'_, d::E>", "Foo", false),
            ("&a::Foo", "Foo", false),
            ("&mut a::Foo", "Foo", false),
            ("alloc::boxed::Box<a::Foo<b::Bar>>", "Foo", true),
            ("alloc::sync::Arc<a::Foo>", "Foo", true),
            (
                "alloc::boxed::Box<dyn core::error::Error + core::marker::Send>",
                "",
                true,
            ),
            ("&dyn core::error::Error", "", false),
            ("dyn core::error::Error", "", false),
            ("anyhow::Error", "", false),
            ("alloc::sync::Arc<anyhow::Error>", "", true),
            ("&str", "", false),
            ("alloc::string::String", "", false),
            ("a::Überfehler", "Überfehler", false),
            ("(a::Foo, b::Bar)", "Bar", false),
            ("fn(a::X) -> b::Y", "Y", false),
            (">>:<", "", false),
            ("", "", false),
        ];
        for (name, identifier, boxed) in cases {
            let parsed = TypeName::parse(name);
            assert_eq!(
                (parsed.identifier, parsed.boxed),
                (identifier, boxed),
                "{name}"
            );
        }
    }
}
