//! Arguments by name: those of `#[monitored(..)]` and those of the derives' `#[monitor(..)]`, in one table.
//!
//! A row of the table is all there is of an argument: the field that holds it, its key, where it goes, how it is
//! written, and the function that reads its value (`value`, `labels`, `shares`, `buckets`). [`Args::read_list`] is the only loop
//! that reads them. Arguments come in any order, each at most once; every fault is collected, and reading goes on at
//! the next comma. Its value then goes through `expand/site` (a setting of the method, which monitor-core keeps in
//! `recording/site`) or `expand/call` (a value of each call: `recording/args`, or the guard, `recording/guard`). Each argument is checked on its own here; `validate` checks it against other arguments and the item.

mod buckets;
mod labels;
mod shares;
mod value;

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Lit, LitBool, LitStr, Path, Token};

pub(crate) use buckets::Buckets;
pub(crate) use labels::Label;
pub(crate) use shares::Shares;
pub(crate) use value::{Faults, Name, check_name, fault};
use value::{name, name_or, of};

use crate::tokens::ungrouped;

/// The item that arguments stand on: a bit of its own, its name, and an argument that may be written there.
#[derive(Clone, Copy)]
pub(crate) struct Place(u16, &'static str, pub(crate) &'static str);

/// A function on its own.
pub(crate) const ON_FUNCTION: Place = Place(1, "a function", ANY);
/// A method of an `impl` block that has an attribute itself.
pub(crate) const ON_METHOD: Place = Place(2, "a method", ANY);
/// An `impl` block.
pub(crate) const ON_BLOCK: Place = Place(4, "an `impl` block", ANY);
/// An item that cannot be monitored: there, no argument is out of place.
pub(crate) const ON_ANYTHING: Place = Place(7, "a function", ANY);
/// An enum that derives `MonitorError`.
pub(crate) const ON_ERROR_ENUM: Place = Place(8, "an error enum", "fallback = \"name\"");
/// A struct that derives `MonitorError`.
pub(crate) const ON_ERROR_STRUCT: Place = Place(16, "an error struct", "error_type = \"name\"");
/// A variant of an enum that derives `MonitorError`.
pub(crate) const ON_ERROR: Place = Place(32, "a variant of an error", "error_type = \"name\"");
/// An enum that derives `MonitorLabel`.
pub(crate) const ON_LABEL_ENUM: Place = Place(64, "a label", "crate = path::to::monitor_core");
/// A variant of an enum that derives `MonitorLabel`.
pub(crate) const ON_LABEL: Place = Place(128, "a variant of a label", "name = \"value\"");
/// A variant of an error that has an error type, and may have a label's value too.
pub(crate) const ON_LABELLED_ERROR: Place = Place(256, ON_ERROR.1, ON_ERROR.2);

const ANY: &str = "key = value";

/// Where a key goes: in words, the bits of the places that take it, and of those where it is for another derive.
struct Home(&'static str, u16, u16);

const FUNCTION: Home = Home("a function", ON_FUNCTION.0 | ON_METHOD.0, 0);
const METHOD: Home = Home("a method of a monitored `impl` block", ON_METHOD.0, 0);
const BLOCK: Home = Home("an `impl` block", ON_BLOCK.0, 0);
const BOTH: Home = Home("a function", ON_ANYTHING.0, 0);
const TYPES: u16 = ON_ERROR_ENUM.0 | ON_ERROR_STRUCT.0 | ON_LABEL_ENUM.0;
const TYPE: Home = Home("the type itself", TYPES, 0);
const ENUM: Home = Home("the enum itself", ON_ERROR_ENUM.0, ON_LABEL_ENUM.0);
const ERRORS: u16 = ON_ERROR_STRUCT.0 | ON_ERROR.0 | ON_LABELLED_ERROR.0;
const LABELS: u16 = ON_LABEL_ENUM.0 | ON_LABEL.0;
const ERROR: Home = Home("a variant of an error, or an error struct", ERRORS, LABELS);
const LABEL: Home = Home(
    "a variant of an enum that derives `MonitorLabel`",
    ON_LABEL.0,
    ON_LABELLED_ERROR.0,
);

/// A row of the table.
pub(crate) struct Key {
    name: &'static str,
    home: Home,
    /// The argument as one may write it.
    example: &'static str,
    /// Reads the tokens behind the key.
    read: fn(&mut Args, &Ident, ParseStream<'_>) -> syn::Result<()>,
}

/// Makes the table, and the type that holds arguments. A row: field, type of the value, key, home, example, reader.
macro_rules! arguments {
    ($($field:ident: $value:ty = $key:literal, $home:ident, $example:literal, $read:expr;)*) => {
        /// The arguments of an attribute of ours, or of several together.
        #[derive(Default)]
        pub(crate) struct Args {
            $(pub(crate) $field: Once<$value>,)*
            /// All words of all arguments, also of those at fault.
            pub(crate) words: HashSet<String>,
        }

        const KEYS: &[Key] = &[$(Key {
            name: $key,
            home: $home,
            example: $example,
            read: |args, key, input| args.$field.set(key, $read(key, input)?),
        }),*];

        impl Args {
            /// The keys that were given, in the order of the table.
            pub(crate) fn given(&self) -> Vec<&Ident> {
                [$(self.$field.key()),*].into_iter().flatten().collect()
            }
        }
    };
}

arguments! {
    method: Name = "method", FUNCTION, "method = \"name\"",
        of(name_or(|value| matches!(value, Expr::Path(_) | Expr::Macro(_)), "the method name",
                   "the method name is a string literal or the path of a `&'static str` constant"));
    prefix: LitStr = "prefix", BLOCK, "prefix = \"Name\"", of(value::prefix);
    only_pub: () = "only_pub", BLOCK, "only_pub", value::flag;
    skip: () = "skip", METHOD, "skip", value::flag;
    ok_if: Expr = "ok_if", FUNCTION, "ok_if = |answer| ..", value::predicate;
    error_if: Expr = "error_if", FUNCTION, "error_if = |answer| ..", value::predicate;
    error_type: Name = "error_type", BOTH, "error_type = \"name\"",
        of(name_or(|value| matches!(value, Expr::Path(_)), "the error type",
                   "the error type is a string literal or the path of a `fn(&E) -> &'static str`"));
    expected: Vec<LitStr> = "expected", BOTH, "expected(\"name\", ..)", value::expected;
    task: LitStr = "task", BOTH, "task = \"name\"",
        of(name("the task type", "the task type is a string literal"));
    health: LitBool = "health", BOTH, "health = false", of(value::health);
    unhealthy: Shares = "unhealthy", BOTH, "unhealthy(share = 0.5, ..)", shares::unhealthy;
    labels: Vec<Label> = "labels", BOTH, "labels(key = expr, ..)", labels::labels;
    request_size: Expr = "request_size", FUNCTION, "request_size = expr",
        value::of_arguments(true, "`request_size` is a number of bytes, computed from the arguments: an integer or an \
                                   `Option` of one");
    response_size: Expr = "response_size", FUNCTION, "response_size = |answer| ..", value::predicate;
    deadline: Expr = "deadline", FUNCTION, "deadline = expr",
        value::of_arguments(false, "`deadline` is the time left, computed from the arguments: a `Duration` or an \
                                    `Option<Duration>`");
    call: Ident = "call", FUNCTION, "call = call", of(value::binding);
    max_concurrency: value::Limit = "max_concurrency", FUNCTION, "max_concurrency = 8", value::limit;
    buckets: Buckets = "buckets", BOTH, "buckets = [0.1, 1.0]", of(buckets::buckets);
    future: () = "future", FUNCTION, "future", value::flag;
    stream: () = "stream", FUNCTION, "stream", value::flag;
    root: () = "root", FUNCTION, "root", value::flag;
    crate_path: Path = "crate", BOTH, "crate = path::to::monitor_core", value::crate_path("expected a path");
    // Those of the derives.
    named: LitStr = "error_type", ERROR, "error_type = \"name\"",
        of(name("the error type", "`error_type` is a string literal"));
    status: Ident = "status", ERROR, "status = CONNECTION_ERROR", of(value::status);
    is_expected: () = "expected", ERROR, "expected", value::flag;
    transparent: () = "transparent", ERROR, "transparent", value::flag;
    derive_crate_path: Path = "crate", TYPE, "crate = path::to::monitor_core",
        value::crate_path("the argument `crate` needs a path");
    fallback: LitStr = "fallback", ENUM, "fallback = \"name\"",
        of(name("the error type", "`fallback` is a string literal"));
    label: LitStr = "name", LABEL, "name = \"value\"",
        of(name("the value of the label", "`name` is a string literal"));
}

/// All keys of the attribute.
#[cfg(all(test, not(feature = "off")))]
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    let keys = KEYS.iter().filter(|key| key.home.1 & ON_ANYTHING.0 != 0);
    keys.map(|key| key.name)
}

/// How the argument is written, for messages: in both attributes the same.
fn example(name: &Ident) -> &'static str {
    let key = KEYS.iter().find(|key| name == key.name);
    key.map_or(ANY, |key| key.example)
}

impl Args {
    /// Reads arguments that stand there.
    pub(crate) fn read(tokens: TokenStream, place: Place, errors: &mut Faults) -> Self {
        let mut args = Self {
            words: words(tokens.clone()),
            ..Self::default()
        };
        args.read_list(tokens, place, errors);
        args
    }

    /// Reads more arguments. Every fault is added to `errors`; reading goes on at the next comma.
    pub(crate) fn read_list(&mut self, tokens: TokenStream, place: Place, errors: &mut Faults) {
        let read = |input: ParseStream<'_>| {
            errors.extend(separated(input, |input| self.read_one(input, place)));
            Ok(())
        };
        if let Err(error) = read.parse2(ungrouped(tokens)) {
            errors.push(error);
        }
    }

    /// Reads one argument. Returns its description.
    fn read_one(&mut self, input: ParseStream<'_>, place: Place) -> syn::Result<String> {
        if input.peek(Lit) && place.0 & ON_ANYTHING.0 != 0 {
            let literal: Lit = input.parse()?;
            let name = match &literal {
                Lit::Str(name) => name.value(),
                _ => "name".to_owned(),
            };
            let message = format!("arguments are named: write `method = {name:?}`");
            return fault(literal.span(), message);
        }
        let Ok(key) = Ident::parse_any(input) else {
            return Err(input.error(format!("expected an argument: `{}`", place.2)));
        };
        (row(&key, place)?.read)(self, &key, input)?;
        Ok(format!("the argument `{key}`"))
    }

    /// Takes the labels that are given for the method's block alone. Labels made of `self` are for methods that have one.
    pub(crate) fn inherit_labels(&mut self, block: &Self, has_self: bool) {
        let values = block.labels.value().into_iter().flatten();
        let words = values.flat_map(|label| words(label.value.to_token_stream()));
        let words: HashSet<String> = words.collect();
        if !self.labels.given() && (has_self || !words.contains("self")) {
            self.labels.clone_from(&block.labels);
            self.words.extend(words);
        }
    }

    /// Takes the other arguments that are given for the method's block alone. An error type by name is for methods
    /// whose value is looked at, one by a function for those that return a `Result`.
    pub(crate) fn inherit(&mut self, block: &Self, has_value: bool, is_result: bool) {
        let takes_type = match block.error_type.value() {
            Some(Name::Path(_)) => has_value && is_result,
            _ => has_value,
        };
        if takes_type {
            self.error_type.inherit(&block.error_type);
        }
        self.expected.inherit(&block.expected);
        if !self.task.given() && !self.health.given() {
            self.task.clone_from(&block.task);
            self.health.clone_from(&block.health);
        }
        self.unhealthy.inherit(&block.unhealthy);
        self.buckets.inherit(&block.buckets);
        self.crate_path.inherit(&block.crate_path);
    }

    /// The arguments about the returned value.
    pub(crate) fn about_the_value(&self) -> Vec<&Ident> {
        self.given_of(&["ok_if", "error_if", "error_type", "response_size"])
    }

    /// True if no expression reads the function's arguments or the returned value.
    pub(crate) fn touch_nothing(&self) -> bool {
        let counted = matches!(self.max_concurrency.value(), Some(Some(_)));
        let of_the_value = ["ok_if", "error_if", "response_size"];
        let of_the_arguments = ["labels", "request_size", "deadline"];
        let given = [of_the_value, of_the_arguments].map(|names| self.given_of(&names));
        !counted && given.iter().all(Vec::is_empty)
    }

    fn given_of(&self, names: &[&str]) -> Vec<&Ident> {
        let mut given = self.given();
        given.retain(|key| names.iter().any(|name| key == name));
        given
    }
}

/// Reads a list separated by commas. Returns all faults; after one, reading goes on at the next comma.
fn separated(
    input: ParseStream<'_>,
    mut read: impl FnMut(ParseStream<'_>) -> syn::Result<String>,
) -> Faults {
    let mut faults = Vec::new();
    while !input.is_empty() {
        let fault = match read(input) {
            Ok(_) if input.is_empty() || input.peek(Token![,]) => None,
            Ok(what) => Some(input.error(format!("expected `,` after {what}"))),
            Err(fault) => Some(fault),
        };
        if fault.is_some() {
            recover(input);
        }
        faults.extend(fault);
        let _ = input.parse::<Option<Token![,]>>();
    }
    faults
}

/// The value, if there are no faults.
fn unless<T>(faults: Faults, value: T) -> syn::Result<T> {
    let mut faults = faults.into_iter();
    let Some(mut all) = faults.next() else {
        return Ok(value);
    };
    all.extend(faults);
    Err(all)
}

/// Goes on to the next comma, and past the value of a key that was refused: that may hold commas of its own.
fn recover(input: ParseStream<'_>) {
    let ahead = input.fork();
    if value::equals(&ahead) && ahead.parse::<Expr>().is_ok() {
        let _ = value::equals(input) && input.parse::<Expr>().is_ok();
    }
    while !input.is_empty() && !input.peek(Token![,]) && input.parse::<TokenTree>().is_ok() {}
}

/// The row of a key. Refuses one that does not exist, or not here.
pub(crate) fn row(key: &Ident, place: Place) -> syn::Result<&'static Key> {
    let (name, Place(bits, on, _)) = (key.to_string(), place);
    // Of a function and more, the keys of a function are listed.
    let bit = bits & bits.wrapping_neg();
    let takes = |row: &Key, bits: u16| row.home.1 & bits != 0;
    let in_attribute = bit & ON_ANYTHING.0 != 0;
    let same = |row: &&Key| takes(row, ON_ANYTHING.0) == in_attribute;
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        KEYS.iter().filter(same).partition(|row| takes(row, bit));
    let valid: Vec<_> = here.iter().map(|row| format!("`{}`", row.name)).collect();
    let valid = format!("valid on {on}: {}", valid.join(", "));
    let message = match here.iter().chain(&elsewhere).find(|row| row.name == name) {
        Some(row) if takes(row, bits) || row.home.2 & bits != 0 => return Ok(row),
        Some(row) => misplaced(row, place, &valid),
        None => {
            let near = nearest(&name, &here).map(|near| (near, String::new()));
            let goes_on = |near: &'static Key| (near, format!(" It goes on {}", near.home.0));
            let near = near.or_else(|| nearest(&name, &elsewhere).map(goes_on));
            let hint = near.map(|(near, more)| format!("; did you mean `{}`?{more}", near.name));
            let hint = hint.unwrap_or_default();
            format!("unknown argument `{name}`{hint} ({valid})")
        }
    };
    fault(key.span(), message)
}

fn misplaced(row: &Key, place: Place, valid: &str) -> String {
    let (name, home, example) = (row.name, row.home.0, row.example);
    let on_a_block = place.0 == ON_BLOCK.0;
    let more = match name {
        "skip" if on_a_block => return "`skip` goes on a method of the block, as `#[monitored(skip)]`".to_owned(),
        "skip" => return "`skip` goes on a method of an `impl` block that is monitored itself; without the attribute this \
                          function is left alone"
            .to_owned(),
        "method" => return "`method` goes on a function: `prefix` is the text before the names of a block's methods"
            .to_owned(),
        _ if on_a_block => format!(": write it on the method, as `#[monitored({example})]`"),
        _ => String::new(),
    };
    format!("`{name}` goes on {home}{more} ({valid})")
}

/// An argument with its key, which is where faults of the argument as a whole are reported.
#[derive(Clone)]
pub(crate) struct Once<T>(Option<(Ident, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    /// Key and value, if the argument was given.
    pub(crate) fn get(&self) -> Option<(&Ident, &T)> {
        self.0.as_ref().map(|(key, value)| (key, value))
    }

    /// The value, if the argument was given.
    pub(crate) fn value(&self) -> Option<&T> {
        self.get().map(|(_, value)| value)
    }

    /// The key, if the argument was given.
    pub(crate) fn key(&self) -> Option<&Ident> {
        self.get().map(|(key, _)| key)
    }

    /// Whether the argument was given.
    pub(crate) fn given(&self) -> bool {
        self.0.is_some()
    }

    /// Takes the other's value, if this one has none.
    fn inherit(&mut self, other: &Self)
    where
        T: Clone,
    {
        if !self.given() {
            self.0.clone_from(&other.0);
        }
    }

    /// Keeps the value, or refuses the key where it was given before.
    fn set(&mut self, key: &Ident, value: T) -> syn::Result<()> {
        if self.given() {
            let message = format!("the argument `{}` is given twice", key.unraw());
            return fault(key.span(), message);
        }
        self.0 = Some((key.clone(), value));
        Ok(())
    }
}

/// The words among some tokens, at any depth.
pub(crate) fn words(tokens: TokenStream) -> HashSet<String> {
    let mut words = HashSet::new();
    for token in tokens {
        match token {
            TokenTree::Ident(word) => drop(words.insert(word.to_string())),
            TokenTree::Group(group) => words.extend(self::words(group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    words
}

/// The row whose key is the fewest edits away from `word`, if it is close enough to be a slip: at most a third of the
/// word's letters, and at least one, are edited.
fn nearest(word: &str, rows: &[&'static Key]) -> Option<&'static Key> {
    let mut edits = 0..=MAX_EDITS.min(word.chars().count() / 3).max(1);
    let near = |edits| rows.iter().find(|row| is_near(word, row.name, edits));
    edits.find_map(near).copied()
}

/// More would take long to look for, and there is no key of so many letters.
const MAX_EDITS: usize = 4;

/// Whether so many insertions, deletions, replacements and swaps of neighbours turn one word into another.
fn is_near(from: &str, to: &str, edits: usize) -> bool {
    let [from, to]: [Vec<char>; 2] = [from, to].map(|word| word.chars().collect());
    are_near(&from, &to, edits)
}

fn are_near(from: &[char], to: &[char], edits: usize) -> bool {
    match (from, to) {
        ([one, from @ ..], [other, to @ ..]) if one == other => are_near(from, to, edits),
        (rest, []) | ([], rest) => rest.len() <= edits,
        _ if edits == 0 => false,
        _ => {
            let swapped = from.iter().take(2).eq(to.iter().take(2).rev());
            let mut shorter = vec![(&from[1..], &to[1..]), (&from[1..], to), (from, &to[1..])];
            shorter.extend((swapped && from.len() > 1).then(|| (&from[2..], &to[2..])));
            shorter
                .iter()
                .any(|(from, to)| are_near(from, to, edits - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let rows: Vec<&Key> = KEYS.iter().collect();
        let near = |word| nearest(word, &rows).map(|row| row.name);
        assert_eq!(near("metod"), Some("method"));
        assert_eq!(near("mehtod"), Some("method"));
        assert_eq!(near("label"), Some("labels"));
        assert_eq!(near("max_concurency"), Some("max_concurrency"));
        assert_eq!(near("mx_concurency"), Some("max_concurrency"));
        assert_eq!(near("colour"), None);
        assert_eq!(near(""), None);
    }
}
