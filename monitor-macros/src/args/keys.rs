//! The keys of the grammar: where each may stand, and how it is written.

use proc_macro2::Ident;

use crate::nearest::nearest;

/// What an attribute stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A function on its own.
    Function,
    /// A method of an `impl` block that has an attribute itself.
    Method,
    /// An `impl` block.
    Block,
    /// Something that cannot be monitored: no key is out of place there.
    Other,
}

/// Where a key belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    Function,
    Method,
    Block,
    FunctionAndBlock,
}

struct Key {
    name: &'static str,
    home: Home,
    /// The argument as one may write it.
    example: &'static str,
}

const fn key(name: &'static str, home: Home, example: &'static str) -> Key {
    Key {
        name,
        home,
        example,
    }
}

const KEYS: &[Key] = &[
    key("method", Home::Function, "method = \"name\""),
    key("prefix", Home::Block, "prefix = \"Name\""),
    key("only_pub", Home::Block, "only_pub"),
    key("skip", Home::Method, "skip"),
    key("ok_if", Home::Function, "ok_if = |answer| .."),
    key("error_if", Home::Function, "error_if = |answer| .."),
    key("error_type", Home::Function, "error_type = \"name\""),
    key("expected", Home::Function, "expected(\"name\", ..)"),
    key("task", Home::FunctionAndBlock, "task = \"name\""),
    key("health", Home::FunctionAndBlock, "health = false"),
    key("labels", Home::Function, "labels(key = expr, ..)"),
    key("request_size", Home::Function, "request_size = expr"),
    key(
        "response_size",
        Home::Function,
        "response_size = |answer| ..",
    ),
    key("deadline", Home::Function, "deadline = expr"),
    key("call", Home::Function, "call = call"),
    key("max_concurrency", Home::Function, "max_concurrency = 8"),
    key("buckets", Home::FunctionAndBlock, "buckets = [0.1, 1.0]"),
    key("future", Home::Function, "future"),
    key("stream", Home::Function, "stream"),
    key(
        "crate",
        Home::FunctionAndBlock,
        "crate = path::to::monitor_core",
    ),
];

/// All of them.
#[cfg(test)]
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

impl Place {
    fn takes(self, home: Home) -> bool {
        match (self, home) {
            (Self::Other, _)
            | (_, Home::FunctionAndBlock)
            | (Self::Function | Self::Method, Home::Function)
            | (Self::Method, Home::Method)
            | (Self::Block, Home::Block) => true,
            (Self::Function | Self::Method, Home::Block)
            | (Self::Function | Self::Block, Home::Method)
            | (Self::Block, Home::Function) => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Function | Self::Other => "on a function",
            Self::Method => "on a method",
            Self::Block => "on an `impl` block",
        }
    }

    /// The keys that may stand here, in words.
    fn valid(self) -> String {
        let place = if self == Self::Other {
            Self::Function
        } else {
            self
        };
        let valid = KEYS.iter().filter(|key| place.takes(key.home));
        let quoted: Vec<_> = valid.map(|key| format!("`{}`", key.name)).collect();
        format!("valid {}: {}", self.name(), quoted.join(", "))
    }
}

/// How the argument is written, for messages.
pub(crate) fn example(name: &str) -> &'static str {
    let known = KEYS.iter().find(|key| key.name == name);
    known.map_or("key = value", |key| key.example)
}

/// Refuses a key that does not exist, or not here.
pub(crate) fn check(key: &Ident, place: Place) -> syn::Result<()> {
    let name = key.to_string();
    let message = match KEYS.iter().find(|known| known.name == name) {
        Some(known) if place.takes(known.home) => return Ok(()),
        Some(known) => misplaced(known, place),
        None => unknown(&name, place),
    };
    Err(syn::Error::new(key.span(), message))
}

fn misplaced(key: &Key, place: Place) -> String {
    let name = key.name;
    match (key.home, place) {
        (Home::Method, Place::Block) => {
            format!("`{name}` goes on a method of the block, as `#[monitored({name})]`")
        }
        (Home::Method, _) => format!(
            "`{name}` goes on a method of an `impl` block that is monitored itself; without the attribute this function is \
             left alone"
        ),
        (Home::Block, _) => format!("`{name}` goes on an `impl` block ({})", place.valid()),
        _ if name == "method" => format!(
            "`{name}` goes on a function: `prefix` says what stands before the names of a block's methods"
        ),
        _ => format!(
            "`{name}` goes on a function: write it on the method, as `#[monitored({})]` ({})",
            key.example,
            place.valid()
        ),
    }
}

fn unknown(name: &str, place: Place) -> String {
    let here = |key: &&Key| place.takes(key.home);
    let names = |wanted: bool| {
        KEYS.iter()
            .filter(move |key| here(key) == wanted)
            .map(|key| key.name)
    };
    let hint = match (nearest(name, names(true)), nearest(name, names(false))) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, Some(near)) => match KEYS.iter().find(|key| key.name == near) {
            Some(key) => format!("; did you mean `{near}`? {}", misplaced_near(key)),
            None => String::new(),
        },
        (None, None) => String::new(),
    };
    format!("unknown argument `{name}`{hint} ({})", place.valid())
}

fn misplaced_near(key: &Key) -> &'static str {
    match key.home {
        Home::Block => "It goes on an `impl` block",
        Home::Method => "It goes on a method of a monitored `impl` block",
        Home::Function | Home::FunctionAndBlock => "It goes on a function",
    }
}
