//! Arguments by name: those of `#[monitored(..)]` and those of the derives' `#[monitor(..)]`, in one table each.
//!
//! A row of a table is all there is of an argument: the field that holds it, its key, where it goes, how it is written, and the
//! function that reads its value. [`Arguments::read_list`] is the only loop that reads them. Arguments come in any order, each at
//! most once; every fault is collected, and reading goes on at the next comma. What an argument alone shows is checked here; what
//! depends on other arguments or on the item, in `validate`.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Lit, LitBool, LitStr, Path, Token};

use super::buckets::{Buckets, buckets};
use super::labels::{Label, labels};
use super::value::{self, ErrorType, Limit, MethodName};

/// What arguments stand on: in words, and as an argument that may be written there.
#[derive(PartialEq, Eq)]
pub(crate) struct Place(&'static str, &'static str);

impl Place {
    /// A function on its own.
    pub(crate) const FUNCTION: Self = Self("a function", ANY);
    /// A method of an `impl` block that has an attribute itself.
    pub(crate) const METHOD: Self = Self("a method", ANY);
    /// An `impl` block.
    pub(crate) const BLOCK: Self = Self("an `impl` block", ANY);
    /// An enum that derives `MonitorError`.
    pub(crate) const ERROR_ENUM: Self = Self("an error enum", "fallback = \"name\"");
    /// A struct that derives `MonitorError`.
    pub(crate) const ERROR_STRUCT: Self = Self("an error struct", "error_type = \"name\"");
    /// A variant of an enum that derives `MonitorError`.
    pub(crate) const ERROR: Self = Self("a variant of an error", "error_type = \"name\"");
    /// Such a variant that has an error type, and may have a label's value too.
    pub(crate) const LABELLED_ERROR: Self = Self("a labelled variant of an error", ANY);
    /// An enum that derives `MonitorLabel`.
    pub(crate) const LABEL_ENUM: Self = Self("a label", "crate = path::to::monitor_core");
    /// A variant of an enum that derives `MonitorLabel`.
    pub(crate) const LABEL: Self = Self("a variant of a label", "name = \"value\"");
}

const ANY: &str = "key = value";

impl Place {
    /// An argument that may be written there.
    pub(crate) fn example(&self) -> &'static str {
        self.1
    }
}

/// Where a key goes: in words, the places that take it, and those where it is for another derive.
struct Home(&'static str, &'static [Place], &'static [Place]);

const FUNCTION: Home = Home("a function", &[Place::FUNCTION, Place::METHOD], &[]);
const METHOD: Home = Home(
    "a method of a monitored `impl` block",
    &[Place::METHOD],
    &[],
);
const BLOCK: Home = Home("an `impl` block", &[Place::BLOCK], &[]);
const BOTH: Home = Home(
    "a function",
    &[Place::FUNCTION, Place::METHOD, Place::BLOCK],
    &[],
);
const ERROR: Home = Home(
    "a variant of an error, or an error struct",
    &[Place::ERROR_STRUCT, Place::ERROR, Place::LABELLED_ERROR],
    &[Place::LABEL_ENUM, Place::LABEL],
);
const TYPE: Home = Home(
    "the type itself",
    &[Place::ERROR_ENUM, Place::ERROR_STRUCT, Place::LABEL_ENUM],
    &[],
);
const ENUM: Home = Home(
    "the enum itself",
    &[Place::ERROR_ENUM],
    &[Place::LABEL_ENUM],
);
const LABEL: Home = Home(
    "a variant of an enum that derives `MonitorLabel`",
    &[Place::LABEL],
    &[Place::LABELLED_ERROR],
);

/// A key of a table.
pub(crate) struct Key {
    name: &'static str,
    home: Home,
    /// The argument as one may write it.
    example: &'static str,
}

/// Makes a table of arguments, and the type that holds them. A row: field, type of the value, key, home, example, reader.
macro_rules! arguments {
    ($(#[$about:meta])* $name:ident {
        $($field:ident: $value:ty = $key:literal, $home:ident, $example:literal, $read:expr;)*
    } $(, $plain:ident: $type:ty)?) => {
        $(#[$about])*
        #[derive(Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: Once<$value>,)*
            $(
                /// All words of all arguments, also of those at fault.
                pub(crate) $plain: $type,
            )?
        }

        impl Arguments for $name {
            const KEYS: &'static [Key] =
                &[$(Key { name: $key, home: $home, example: $example }),*];

            fn read_value(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
                match key.to_string().as_str() {
                    $($key => self.$field.set(key, $read(key, input)?),)*
                    _ => Ok(()),
                }
            }

            fn given(&self) -> Vec<&Ident> {
                [$(self.$field.key()),*].into_iter().flatten().collect()
            }
        }
    };
}

arguments! {
    /// What was written between the parentheses of `#[monitored(..)]`.
    Args {
        method: MethodName = "method", FUNCTION, "method = \"name\"", value::method_name;
        prefix: LitStr = "prefix", BLOCK, "prefix = \"Name\"", value::prefix;
        only_pub: () = "only_pub", BLOCK, "only_pub", value::flag;
        skip: () = "skip", METHOD, "skip", value::flag;
        ok_if: Expr = "ok_if", FUNCTION, "ok_if = |answer| ..", value::predicate;
        error_if: Expr = "error_if", FUNCTION, "error_if = |answer| ..", value::predicate;
        error_type: ErrorType = "error_type", FUNCTION, "error_type = \"name\"", value::error_type;
        expected: Vec<LitStr> = "expected", FUNCTION, "expected(\"name\", ..)", value::expected;
        task: LitStr = "task", BOTH, "task = \"name\"", value::task;
        health: LitBool = "health", BOTH, "health = false", value::health;
        labels: Vec<Label> = "labels", FUNCTION, "labels(key = expr, ..)", labels;
        request_size: Expr = "request_size", FUNCTION, "request_size = expr", value::size;
        response_size: Expr = "response_size", FUNCTION, "response_size = |answer| ..",
            value::predicate;
        deadline: Expr = "deadline", FUNCTION, "deadline = expr", value::deadline;
        call: Ident = "call", FUNCTION, "call = call", value::binding;
        max_concurrency: Limit = "max_concurrency", FUNCTION, "max_concurrency = 8", value::limit;
        buckets: Buckets = "buckets", BOTH, "buckets = [0.1, 1.0]", buckets;
        future: () = "future", FUNCTION, "future", value::flag;
        stream: () = "stream", FUNCTION, "stream", value::flag;
        root: Path = "crate", BOTH, "crate = path::to::monitor_core", value::root;
    }, words: HashSet<String>
}

arguments! {
    /// What one or more `#[monitor(..)]` on a type or a variant say together.
    Helper {
        error_type: LitStr = "error_type", ERROR, "error_type = \"name\"", value::error_name;
        transparent: () = "transparent", ERROR, "transparent", value::flag;
        root: Path = "crate", TYPE, "crate = path::to::monitor_core", value::helper_root;
        fallback: LitStr = "fallback", ENUM, "fallback = \"name\"", value::error_name;
        name: LitStr = "name", LABEL, "name = \"value\"", value::label_value;
    }
}

/// All keys of the attribute.
#[cfg(all(test, not(feature = "off")))]
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    Args::KEYS.iter().map(|key| key.name)
}

/// How the argument is written, for messages: in both tables the same.
pub(super) fn example(name: &Ident) -> &'static str {
    let mut keys = Args::KEYS.iter().chain(Helper::KEYS);
    keys.find(|key| name == key.name)
        .map_or(ANY, |key| key.example)
}

impl Args {
    /// Reads the attribute's arguments. Without a place none is out of place: the item cannot be monitored at all.
    pub(crate) fn read(
        tokens: TokenStream,
        place: Option<&Place>,
        errors: &mut Vec<syn::Error>,
    ) -> Self {
        let mut args = Self {
            words: words(tokens.clone()),
            ..Self::default()
        };
        args.read_list(tokens, place, errors);
        args
    }

    /// Takes over what a method's block says and the method does not.
    pub(crate) fn inherit(&mut self, block: &Self) {
        if !self.task.given() && !self.health.given() {
            self.task.clone_from(&block.task);
            self.health.clone_from(&block.health);
        }
        self.buckets.inherit(&block.buckets);
        self.root.inherit(&block.root);
    }

    /// The arguments about the returned value.
    pub(crate) fn about_the_value(&self) -> Vec<&Ident> {
        self.given_of(&["ok_if", "error_if", "error_type", "response_size"])
    }

    /// Whether no expression of the arguments is about what the function was given or gives.
    pub(crate) fn touch_nothing(&self) -> bool {
        let touching = [
            "ok_if",
            "error_if",
            "labels",
            "request_size",
            "response_size",
            "deadline",
        ];
        let counted = matches!(self.max_concurrency.value(), Some(Limit::Count(_)));
        self.given_of(&touching).is_empty() && !counted
    }

    fn given_of(&self, names: &[&str]) -> Vec<&Ident> {
        let mut given = self.given();
        given.retain(|key| names.iter().any(|name| key == name));
        given
    }
}

/// A table of arguments, and those that were given.
pub(crate) trait Arguments: Sized {
    /// The rows.
    const KEYS: &'static [Key];

    /// Reads what is behind a key of the table.
    fn read_value(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()>;

    /// The keys that were given, in the order of the table.
    fn given(&self) -> Vec<&Ident>;

    /// Reads all arguments. Every fault is added to `errors`; reading goes on at the next comma.
    fn read_list(
        &mut self,
        tokens: TokenStream,
        place: Option<&Place>,
        errors: &mut Vec<syn::Error>,
    ) {
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = self.read_one(input, place) {
                    errors.push(error);
                    recover(input);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
    }

    /// Reads one argument.
    fn read_one(&mut self, input: ParseStream<'_>, place: Option<&Place>) -> syn::Result<()> {
        let example = place.map_or(ANY, Place::example);
        if input.peek(Lit) && example == ANY {
            let literal: Lit = input.parse()?;
            let name = match &literal {
                Lit::Str(name) => name.value(),
                _ => "name".to_owned(),
            };
            let message = format!("arguments are named: write `method = {name:?}`");
            return Err(syn::Error::new(literal.span(), message));
        }
        let key = Ident::parse_any(input).map_err(|error| {
            syn::Error::new(error.span(), format!("expected an argument: `{example}`"))
        })?;
        if let Err(message) = check(Self::KEYS, &key.to_string(), place) {
            return Err(syn::Error::new(key.span(), message));
        }
        self.read_value(&key, input)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(());
        }
        let message = format!("expected `,` after the argument `{key}`");
        Err(syn::Error::new(input.span(), message))
    }
}

/// Goes on to the next comma, and past the value of a key that was refused: that may hold commas of its own.
pub(super) fn recover(input: ParseStream<'_>) {
    let ahead = input.fork();
    if value::equals(&ahead) && ahead.parse::<Expr>().is_ok() {
        let _ = value::equals(input) && input.parse::<Expr>().is_ok();
    }
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Gives the message for a key that does not exist, or not here.
fn check(keys: &'static [Key], name: &str, place: Option<&Place>) -> Result<(), String> {
    let on = place.unwrap_or(&Place::FUNCTION);
    let here = |key: &&Key| place.is_none() || key.home.1.contains(on);
    let known = keys.iter().find(|key| key.name == name);
    if known.is_some_and(|key| here(&key) || key.home.2.contains(on)) {
        return Ok(());
    }
    let valid = keys.iter().filter(|key| key.home.1.contains(on));
    let valid: Vec<_> = valid.map(|key| format!("`{}`", key.name)).collect();
    let valid = format!("valid on {}: {}", on.0, valid.join(", "));
    if let Some(key) = known {
        return Err(misplaced(key, on, &valid));
    }
    let near = |wanted: bool| {
        let names = keys.iter().filter(move |key| here(key) == wanted);
        nearest(name, names.map(|key| key.name))
    };
    let hint = match (near(true), near(false)) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, Some(near)) => {
            let home = keys
                .iter()
                .find(|key| key.name == near)
                .map_or(ANY, |key| key.home.0);
            format!("; did you mean `{near}`? It goes on {home}")
        }
        (None, None) => String::new(),
    };
    Err(format!("unknown argument `{name}`{hint} ({valid})"))
}

fn misplaced(key: &Key, place: &Place, valid: &str) -> String {
    let (name, home, example) = (key.name, key.home.0, key.example);
    let on_a_block = *place == Place::BLOCK;
    match name {
        "skip" if on_a_block => "`skip` goes on a method of the block, as `#[monitored(skip)]`".to_owned(),
        "skip" => "`skip` goes on a method of an `impl` block that is monitored itself; without the attribute this \
                   function is left alone"
            .to_owned(),
        "method" => "`method` goes on a function: `prefix` says what stands before the names of a block's methods"
            .to_owned(),
        _ if on_a_block => {
            format!("`{name}` goes on {home}: write it on the method, as `#[monitored({example})]` ({valid})")
        }
        _ => format!("`{name}` goes on {home} ({valid})"),
    }
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

    /// Takes over what is given elsewhere, if nothing is here.
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
            return Err(syn::Error::new(key.span(), message));
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

/// The candidate with the fewest edits from `word`, if it is close enough to be a slip: at most a third of the word's
/// letters, and at least one.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let near = candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate));
    let near = near
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits);
    near.map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to` (optimal string alignment).
fn edits(from: &str, to: &str) -> usize {
    let [from, to]: [Vec<char>; 2] = [from, to].map(|word| word.chars().collect());
    let first = |i: usize| (0..=to.len()).map(|j| if i == 0 { j } else { i }).collect();
    let mut rows: Vec<Vec<usize>> = (0..=from.len()).map(first).collect();
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let replace = usize::from(from[i - 1] != to[j - 1]);
            let around = [rows[i - 1][j] + 1, rows[i][j - 1] + 1];
            let mut best = around[0].min(around[1]).min(rows[i - 1][j - 1] + replace);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let words = ["method", "crate", "labels"];
        assert_eq!(nearest("metod", words), Some("method"));
        assert_eq!(nearest("mehtod", words), Some("method"));
        assert_eq!(nearest("label", words), Some("labels"));
        assert_eq!(nearest("name", words), None);
        assert_eq!(nearest("", words), None);
    }
}
