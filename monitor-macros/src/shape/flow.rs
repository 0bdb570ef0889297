//! What a body's tokens tell: whether it may suspend or return early.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

use crate::fragments::is_fragment;

/// Macros of the standard library: what they expand to suspends and returns only where their arguments do.
const PLAIN_MACROS: &str = "assert assert_eq assert_ne cfg column concat dbg debug_assert debug_assert_eq \
    debug_assert_ne env eprint eprintln file format format_args include_bytes include_str line matches module_path \
    option_env panic print println stringify todo unimplemented unreachable vec write writeln";

/// Crates with macros of this kind beside the standard library, where the path says whose they are.
const PLAIN_PATHS: &[(&[&str], &str)] = &[
    (&["std", "core", "alloc"], PLAIN_MACROS),
    (&["log"], "debug error info log log_enabled trace warn"),
    (
        &["tracing"],
        "debug debug_span enabled error error_span event info info_span span trace trace_span warn warn_span",
    ),
    (&["anyhow"], "anyhow"),
    (&["eyre"], "eyre"),
];

/// Macros that may return, and suspend only where their arguments do.
const RETURNING_PATHS: &[(&[&str], &str)] = &[(&["anyhow", "eyre"], "bail ensure")];

/// Macros that stand for code to come.
const STUBS: &[&str] = &["todo", "unimplemented"];

/// Words that stand before a negation: `if !x` is no macro call.
const KEYWORDS: &[&str] = &["break", "else", "if", "in", "match", "return", "while"];

/// What may happen in a body before its end. A macro nobody knows may do anything.
#[derive(Clone, Copy, Default)]
pub(super) struct Flow {
    /// It may wait.
    pub(super) suspends: bool,
    /// It may `return`.
    pub(super) returns: bool,
    /// It may leave at a `?`.
    pub(super) asks: bool,
}

impl Flow {
    const ANY: Self = Self {
        suspends: true,
        returns: true,
        asks: true,
    };

    /// Reads it off the tokens. What stands in an async block happens in there.
    pub(super) fn of(tokens: TokenStream) -> Self {
        let mut flow = Self::default();
        let mut before: Vec<TokenTree> = Vec::new();
        for token in tokens {
            flow = flow.or(Self::of_token(&token, &before));
            before.push(token);
        }
        flow
    }

    fn of_token(token: &TokenTree, before: &[TokenTree]) -> Self {
        let mut flow = Self::default();
        match token {
            TokenTree::Ident(word) => {
                flow.suspends = word == "await";
                flow.returns = word == "return";
            }
            TokenTree::Punct(bang) if bang.as_char() == '!' && bang.spacing() == Spacing::Alone => {
                return Self::of_macro(before);
            }
            TokenTree::Punct(sign) => flow.asks = sign.as_char() == '?',
            TokenTree::Group(block) if is_async_block(block, before) => {}
            TokenTree::Group(group) => return Self::of(group.stream()),
            TokenTree::Literal(_) => {}
        }
        flow
    }

    /// That of a macro, by its path; a `!` after anything else is a negation.
    fn of_macro(before: &[TokenTree]) -> Self {
        if before.last().is_some_and(is_fragment) {
            // `$path!(..)`: any macro.
            return Self::ANY;
        }
        let Some((name, crates)) = macro_path(before) else {
            return Self::default();
        };
        let is_one_of = |known: &[(&[&str], &str)]| {
            known.iter().any(|(roots, names)| {
                matches!(&crates[..], [root] if roots.contains(&&**root))
                    && names.split(' ').any(|known| known == name)
            })
        };
        let bare = crates.is_empty() && PLAIN_MACROS.split(' ').any(|plain| plain == name);
        if bare || is_one_of(PLAIN_PATHS) {
            Self::default()
        } else if is_one_of(RETURNING_PATHS) {
            Self {
                suspends: false,
                ..Self::ANY
            }
        } else {
            Self::ANY
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            suspends: self.suspends || other.suspends,
            returns: self.returns || other.returns,
            asks: self.asks || other.asks,
        }
    }
}

/// Whether these may wait; what stands in an async block waits in there.
pub(crate) fn may_suspend(tokens: TokenStream) -> bool {
    Flow::of(tokens).suspends
}

/// The name of a macro that is called after these tokens, and what its path goes through; nothing if none is.
pub(super) fn macro_path(mut before: &[TokenTree]) -> Option<(String, Vec<String>)> {
    let mut path = Vec::new();
    while let [rest @ .., TokenTree::Ident(word)] = before {
        path.push(word.to_string());
        match strip_separator(rest) {
            Some(longer) => before = longer,
            None => break,
        }
    }
    let name = path.first()?.clone();
    (!KEYWORDS.contains(&&*name)).then(|| (name, path.split_off(1)))
}

pub(super) fn is_async_block(group: &Group, before: &[TokenTree]) -> bool {
    let start = strip_word(before, |word| word == "move").unwrap_or(before);
    group.delimiter() == Delimiter::Brace && strip_word(start, |word| word == "async").is_some()
}

/// Whether a body ends in a statement, so that its type is `()` if it gets there at all.
pub(crate) fn ends_in_a_statement(body: &TokenStream) -> bool {
    let last = body.clone().into_iter().last();
    last.is_none_or(|last| matches!(last, TokenTree::Punct(end) if end.as_char() == ';'))
}

/// Whether a body ends in a closure, also at the end of a block there, or leaves something with one.
pub(super) fn gives_a_closure(body: &TokenStream) -> bool {
    let body: Vec<TokenTree> = body.clone().into_iter().collect();
    ends_in_a_closure(&body) || leaves_with_a_closure(&body)
}

fn ends_in_a_closure(body: &[TokenTree]) -> bool {
    let ends = |token: &TokenTree| matches!(token, TokenTree::Punct(end) if end.as_char() == ';');
    let mut statements = body.rsplit(ends).skip_while(|last| last.is_empty());
    let last = statements.next().unwrap_or_default();
    // Behind a block too: statements like `if x { .. }` end without a semicolon.
    let begins = |at: usize| at == 0 || braced(&last[at - 1]).is_some();
    (0..last.len()).any(|at| {
        let within = braced(&last[at]).is_some_and(|block| ends_in_a_closure(&block));
        within || begins(at) && is_closure(&last[at..])
    })
}

/// By a `return` or a `break`.
fn leaves_with_a_closure(tokens: &[TokenTree]) -> bool {
    (0..tokens.len()).any(|at| match &tokens[at] {
        TokenTree::Ident(word) if word == "return" || word == "break" => {
            let end = tokens[at..].iter().position(is_end);
            is_closure(&tokens[at..end.map_or(tokens.len(), |end| at + end)])
        }
        TokenTree::Group(group) => leaves_with_a_closure(&tokens_of(group)),
        _ => false,
    })
}

/// What ends a statement, or an arm of a `match`.
fn is_end(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(end) if matches!(end.as_char(), ';' | ','))
}

/// What stands in a pair of braces.
fn braced(token: &TokenTree) -> Option<Vec<TokenTree>> {
    match token {
        TokenTree::Group(block) if block.delimiter() == Delimiter::Brace => Some(tokens_of(block)),
        _ => None,
    }
}

fn tokens_of(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// Whether this expression is a closure, in parentheses or a fragment too, or leaves something with one.
fn is_closure(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Ident(word), rest @ ..]
            if ["async", "break", "move", "return"]
                .iter()
                .any(|before| word == before) =>
        {
            is_closure(rest)
        }
        // A label.
        [TokenTree::Punct(quote), TokenTree::Ident(_), rest @ ..] if quote.as_char() == '\'' => {
            is_closure(rest)
        }
        // With anything behind it, that is done with the closure: a call.
        [TokenTree::Group(group)]
            if matches!(group.delimiter(), Delimiter::Parenthesis | Delimiter::None) =>
        {
            is_closure(&tokens_of(group))
        }
        [TokenTree::Punct(bar), ..] => bar.as_char() == '|',
        _ => false,
    }
}

/// Whether a body is nothing but a macro that stands for code to come.
pub(super) fn is_stub(body: &TokenStream) -> bool {
    let body: Vec<TokenTree> = body.clone().into_iter().collect();
    let body = match &body[..] {
        [rest @ .., TokenTree::Punct(end)] if end.as_char() == ';' => rest,
        all => all,
    };
    let [path @ .., TokenTree::Punct(bang), TokenTree::Group(_)] = body else {
        return false;
    };
    bang.as_char() == '!' && macro_path(path).is_some_and(|(name, _)| STUBS.contains(&&*name))
}

/// What stands before a final word of this kind.
pub(super) fn strip_word(tokens: &[TokenTree], is: impl Fn(&str) -> bool) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., TokenTree::Ident(word)] if is(&word.to_string()) => Some(rest),
        _ => None,
    }
}

/// What stands before a final `::`.
pub(super) fn strip_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., TokenTree::Punct(first), TokenTree::Punct(second)]
            if first.as_char() == ':' && second.as_char() == ':' =>
        {
            Some(rest)
        }
        _ => None,
    }
}
