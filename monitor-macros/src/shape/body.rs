//! Facts read off a body's tokens. A body is not parsed: one that does not parse yet is accepted as well.
//!
//! [`scan`] is the one walk over a body. It collects [`Facts`] (whether it may wait, return early, leave at a `?`), and
//! on the way it follows where each expression begins, so that the expression of each `.await` can be made another one.
//! Where the tokens are not clear, the costlier case is assumed: a macro of unknown origin may do anything, and an
//! await whose expression cannot be found keeps the body from staying in place.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::quote;
use syn::{FnArg, Pat, PatIdent, PatType, Signature, Type};

use Behind::{Ended, Joined, Operator};

use crate::tokens::{
    self, any, braced, content, delimited, end_of_angles, held, in_parentheses, is, is_block,
    is_fragment, is_word,
};

/// Ways in which a body may pause or leave before its end: a set of the bits below.
pub(crate) type Facts = u8;

/// It may wait. Awaits in an async block of the body do not count.
pub(crate) const SUSPENDS: Facts = 1;
/// It may `return`.
pub(super) const RETURNS: Facts = 2;
/// It may leave at a `?`.
pub(super) const ASKS: Facts = 4;
/// It may be suspended where that does not show: at an await of which the expression is not clear, or in a macro of
/// unknown origin.
pub(crate) const UNCLEAR: Facts = 8;
/// It may have a `break` or `continue` outside of any loop: an error, whose words depend on the code around them. Of
/// a condition with braces in it, the first are taken for those of the loop.
pub(crate) const STRAY_BREAK: Facts = 16;

/// Whether a body may have some of these facts.
pub(crate) fn may(body: TokenStream, facts: Facts) -> bool {
    scan(body, None).0 & facts != 0
}

/// Macros that wait and leave only where their arguments do, and further facts of each: the crates that their paths
/// name (an empty one, if a macro of the standard library is named alone), and their names.
const MACROS: &[(&[&str], &str, Facts)] = &[
    (
        &["", "std", "core", "alloc"],
        "assert assert_eq assert_ne cfg column concat dbg debug_assert debug_assert_eq debug_assert_ne env eprint eprintln \
         file format format_args include_bytes include_str line matches module_path option_env panic print println \
         stringify todo unimplemented unreachable vec write writeln",
        0,
    ),
    (&["log"], "debug error info log log_enabled trace warn", 0),
    (
        &["tracing"],
        "debug debug_span enabled error error_span event info info_span span trace trace_span warn warn_span",
        0,
    ),
    (&["anyhow"], "anyhow", 0),
    (&["eyre"], "eyre", 0),
    (&["anyhow", "eyre"], "bail ensure", RETURNS | ASKS),
];

/// The facts of a macro that is called behind these tokens, by its path. One of unknown origin, such as `$path!(..)`,
/// may do anything.
fn facts_of_macro(before: &[TokenTree]) -> Facts {
    let known = macro_path(before).and_then(|(name, root)| {
        MACROS.iter().find(|(roots, names, _)| {
            roots.contains(&&*root) && names.split(' ').any(|known| known == name)
        })
    });
    known.map_or(SUSPENDS | RETURNS | ASKS | UNCLEAR, |(.., facts)| *facts)
}

/// Words that are no part of an expression which ends behind them.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub",
    "ref", "return", "static", "struct", "trait", "type", "unsafe", "use", "where", "while",
    "yield",
];

/// Makes an await's expression another one.
type Rewrite<'a> = &'a dyn Fn(&[TokenTree]) -> TokenStream;

/// Collects the facts of a body, and makes the expression of each of its awaits another one. Awaits in an async block,
/// an async closure or a function inside of the body are not the body's.
pub(crate) fn scan(body: TokenStream, rewrite: Option<Rewrite<'_>>) -> (Facts, TokenStream) {
    scan_level(body, rewrite, false)
}

fn scan_level(
    tokens: TokenStream,
    rewrite: Option<Rewrite<'_>>,
    in_loop: bool,
) -> (Facts, TokenStream) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut level = Level {
        rewrite,
        in_loop,
        ..Level::default()
    };
    let mut at = 0;
    while at < tokens.len() {
        let (before, rest) = tokens.split_at(at);
        at += level.pass(before, rest);
    }
    (level.facts, level.output.into_iter().collect())
}

/// The state behind a token. A beginning is a place in the output; none, if it is not clear.
#[derive(Clone, Copy, Default)]
enum Behind {
    /// Nothing: an expression may begin here.
    #[default]
    Operator,
    /// An expression that began there may.
    Ended(Option<usize>),
    /// A `.`, `::` or a macro's `!` behind such an expression, which goes on.
    Joined(Option<usize>),
}

/// The tokens between two delimiters, as far as they were passed.
#[derive(Default)]
struct Level<'a> {
    rewrite: Option<Rewrite<'a>>,
    in_loop: bool,
    /// Whether the braces of a loop come next.
    loop_head: bool,
    facts: Facts,
    output: Vec<TokenTree>,
    behind: Behind,
}

impl Level<'_> {
    /// Passes the first of the rest, and the tokens that belong to it. Returns their number.
    fn pass(&mut self, before: &[TokenTree], rest: &[TokenTree]) -> usize {
        let (behind, count) = match &rest[0] {
            TokenTree::Group(group) => {
                let group = self.group(group, before, braced(&rest[0]).is_some());
                self.output.push(TokenTree::Group(group));
                return 1;
            }
            TokenTree::Ident(word) => self.word(&word.to_string(), before, rest),
            TokenTree::Punct(sign) => self.sign(sign, before, rest),
            TokenTree::Literal(_) => (self.name(), 1),
        };
        let count = count.min(rest.len());
        self.output.extend_from_slice(&rest[..count]);
        self.behind = behind;
        count
    }

    /// A name or a literal: part of the expression before it, or the beginning of one.
    fn name(&self) -> Behind {
        Ended(match self.behind {
            Joined(start) => start,
            _ => Some(self.output.len()),
        })
    }

    fn word(&mut self, word: &str, before: &[TokenTree], rest: &[TokenTree]) -> (Behind, usize) {
        let next = rest.get(1);
        match word {
            "await" => return (self.awaits(before), 1),
            "return" => self.facts |= RETURNS,
            // A label is that of a loop or block in the body.
            "break" | "continue" if !self.in_loop && !next.is_some_and(|next| is(next, '\'')) => {
                self.facts |= STRAY_BREAK;
            }
            "loop" | "while" | "for" => self.loop_head = true,
            // Without a name it is a type.
            "fn" if matches!(next, Some(TokenTree::Ident(_))) => {
                let end = end_of_block(rest);
                self.inner(&rest[1..end]);
                return (Ended(None), end);
            }
            _ => {}
        }
        let is_keyword = KEYWORDS.contains(&word);
        (if is_keyword { Operator } else { self.name() }, 1)
    }

    /// An `await`: the expression before its dot is rewritten.
    fn awaits(&mut self, before: &[TokenTree]) -> Behind {
        self.facts |= SUSPENDS;
        let (Joined(Some(start)), Some(dot)) = (self.behind, before.last()) else {
            self.facts |= UNCLEAR;
            return Ended(None);
        };
        if let Some(rewrite) = self.rewrite {
            self.output.pop();
            let expression = self.output.split_off(start);
            self.output.extend(rewrite(&expression));
            self.output.push(dot.clone());
        }
        Ended(Some(start))
    }

    fn sign(&mut self, sign: &Punct, before: &[TokenTree], rest: &[TokenTree]) -> (Behind, usize) {
        let alone = sign.spacing() == Spacing::Alone;
        let is_double = |second| !alone && rest.get(1).is_some_and(|next| is(next, second));
        match (sign.as_char(), self.behind) {
            // No range.
            ('.', Ended(start)) if !is_double('.') => (Joined(start), 1),
            (':', behind) if is_double(':') => {
                let start = match behind {
                    Operator => Some(self.output.len()),
                    Ended(start) | Joined(start) => start,
                };
                match rest.get(2) {
                    Some(angle) if is(angle, '<') => self.angles(Ended(start), 2, rest),
                    _ => (Joined(start), 2),
                }
            }
            // Smaller, or the arguments of a type.
            ('<', Ended(Some(_))) => (Operator, 1),
            // The type before a path.
            ('<', _) => self.angles(Ended(None), 0, rest),
            ('?', _) => {
                self.facts |= ASKS;
                (Ended(None), 1)
            }
            // An attribute, and a lifetime or label.
            ('#', _) => (Ended(None), 2),
            ('\'', _) => (Operator, 2),
            // A `!` behind anything else is a negation.
            ('!', Ended(start)) if alone && may_be_macro(before) => {
                self.facts |= facts_of_macro(before);
                (Joined(start), 1)
            }
            ('|', _) if strip_async(before).is_some() => self.async_closure(rest),
            _ => (Operator, 1),
        }
    }

    /// Passes the tokens in the angles that begin at `from`.
    fn angles(&mut self, behind: Behind, from: usize, rest: &[TokenTree]) -> (Behind, usize) {
        let Some(end) = end_of_angles(&rest[from..]) else {
            return (Operator, from + 1);
        };
        if self.inner(&rest[from + 1..from + end]) {
            self.facts |= UNCLEAR;
        }
        (behind, from + end)
    }

    /// An async closure from its first `|`; where its body is no block alone, it is not clear how far that goes, so
    /// behind it there must be no await at all.
    fn async_closure(&mut self, rest: &[TokenTree]) -> (Behind, usize) {
        let last = rest.iter().skip(1).position(|bar| is(bar, '|'));
        let body = last.map_or(rest.len(), |last| last + 2);
        let block = end_of_closure(rest.get(body..).unwrap_or_default());
        let end = block.map_or(rest.len(), |block| body + block);
        if self.inner(&rest[1..end]) && block.is_none() {
            self.facts |= UNCLEAR;
        }
        (Ended(None), end)
    }

    /// Adds the facts of tokens whose awaits are not the body's. Returns whether these may wait.
    fn inner(&mut self, tokens: &[TokenTree]) -> bool {
        let (facts, _) = scan_level(tokens.iter().cloned().collect(), None, self.in_loop);
        self.facts |= facts & !UNCLEAR;
        facts & SUSPENDS != 0
    }

    fn group(&mut self, group: &Group, before: &[TokenTree], is_braced: bool) -> Group {
        let delimiter = group.delimiter();
        let body_of_loop = self.loop_head && is_braced;
        self.loop_head &= !body_of_loop;
        let (facts, inner) = scan_level(group.stream(), self.rewrite, self.in_loop || body_of_loop);
        let is_macro =
            before.last().is_some_and(|bang| is(bang, '!')) && matches!(self.behind, Joined(_));
        let asynchronous = strip_async(before).filter(|_| delimiter == Delimiter::Brace);
        let start = match (delimiter, self.behind) {
            (Delimiter::Brace, _) => {
                let head = asynchronous.or_else(|| strip_word(before, "unsafe"));
                head.map(|head| self.output.len() - (before.len() - head.len()))
            }
            (Delimiter::None, _) => None,
            (_, Operator) => Some(self.output.len()),
            // After a block, this may be a statement of its own or the arguments of a call.
            (_, Ended(start)) => start.filter(|_| !before.last().is_some_and(is_block)),
            (_, Joined(start)) => start.filter(|_| is_macro),
        };
        self.behind = Ended(start);
        if asynchronous.is_some() {
            self.facts |= facts & STRAY_BREAK;
            return group.clone();
        }
        self.facts |= facts;
        let suspends = facts & SUSPENDS != 0;
        // A macro may show its tokens to the world, and so may one that made these.
        let is_opaque = is_macro || delimiter == Delimiter::None;
        if suspends && is_opaque {
            self.facts |= UNCLEAR;
        }
        if !suspends || is_opaque || self.rewrite.is_none() {
            // It also keeps the spans of its two delimiters.
            return group.clone();
        }
        tokens::group(delimiter, inner, group.span())
    }
}

/// How many tokens there are up to the end of the first block, or of a statement before it. Braces between angle
/// brackets are those of a constant in a type.
fn end_of_block(tokens: &[TokenTree]) -> usize {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += match token {
            angle if is(angle, '<') => end_of_angles(&tokens[at..]).unwrap_or(1),
            end if braced(end).is_some() || is(end, ';') => return at + 1,
            _ => 1,
        };
    }
    tokens.len()
}

/// How many tokens there are in the body of a closure, if that is a block alone: it has a type before it, or nothing
/// behind it that it is an operand of.
fn end_of_closure(tokens: &[TokenTree]) -> Option<usize> {
    let has_type = matches!(tokens, [minus, angle, ..] if is(minus, '-') && is(angle, '>'));
    let has_block = has_type || tokens.first().is_some_and(|first| braced(first).is_some());
    let end = has_block.then(|| end_of_block(tokens))?;
    let ends = |next| is(next, ',') || is(next, ';');
    (has_type || tokens.get(end).is_none_or(ends)).then_some(end)
}

/// Whether a macro's path may end here.
fn may_be_macro(before: &[TokenTree]) -> bool {
    matches!(before.last(), Some(TokenTree::Ident(_))) || before.last().is_some_and(is_fragment)
}

/// The name of a macro that is called after these tokens, and the rest of its path; nothing after a fragment.
fn macro_path(mut before: &[TokenTree]) -> Option<(String, String)> {
    let mut path = Vec::new();
    while let [rest @ .., TokenTree::Ident(word)] = before {
        path.push(word.to_string());
        before = strip_separator(rest).unwrap_or_default();
    }
    let name = path.first()?.clone();
    Some((name, path[1..].join("::")))
}

/// The tokens before a final word.
fn strip_word<'a>(tokens: &'a [TokenTree], word: &str) -> Option<&'a [TokenTree]> {
    match tokens {
        [rest @ .., last] if is_word(last, word) => Some(rest),
        _ => None,
    }
}

/// The tokens before a final `async` or `async move`.
fn strip_async(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let start = strip_word(tokens, "move").unwrap_or(tokens);
    strip_word(start, "async")
}

/// The tokens before a final `::`.
fn strip_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., first, second] if is(first, ':') && is(second, ':') => Some(rest),
        _ => None,
    }
}

/// Whether a body ends in a statement, so that its type is `()` if it gets there at all.
pub(crate) fn ends_in_a_statement(body: &TokenStream) -> bool {
    let last = body.clone().into_iter().last();
    last.is_none_or(|last| is(&last, ';'))
}

/// Whether a body is nothing but a macro that stands for code to come.
pub(super) fn is_stub(body: &TokenStream) -> bool {
    let body: Vec<TokenTree> = body.clone().into_iter().collect();
    let body = match &body[..] {
        [rest @ .., end] if is(end, ';') => rest,
        all => all,
    };
    let [path @ .., bang, TokenTree::Group(_)] = body else {
        return false;
    };
    let is_stub = |(name, _): (String, _)| name == "todo" || name == "unimplemented";
    is(bang, '!') && macro_path(path).is_some_and(is_stub)
}

/// Whether a body ends in a closure, also at the end of a block there, or leaves something with one.
pub(super) fn gives_a_closure(body: &TokenStream) -> bool {
    let body: Vec<TokenTree> = body.clone().into_iter().collect();
    ends_in_a_closure(&body) || leaves_with_a_closure(&body)
}

fn ends_in_a_closure(body: &[TokenTree]) -> bool {
    let mut statements = body.rsplit(|end| is(end, ';'));
    let last = statements.find(|last| !last.is_empty()).unwrap_or_default();
    // Behind a block too: statements like `if x { .. }` end without a semicolon.
    let begins = |at: usize| at == 0 || is_block(&last[at - 1]);
    (0..last.len()).any(|at| {
        let within = is_block(&last[at]) && ends_in_a_closure(&content(&last[at]));
        within || begins(at) && is_closure(&last[at..])
    })
}

/// By a `return` or a `break`.
fn leaves_with_a_closure(tokens: &[TokenTree]) -> bool {
    any(tokens, &|tokens, at| {
        let mut left = tokens[at..].split(|end| is(end, ';') || is(end, ','));
        (is_word(&tokens[at], "return") || is_word(&tokens[at], "break"))
            && left.next().is_some_and(is_closure)
    })
}

/// Whether this expression is a closure, in parentheses or a fragment too, or leaves something with one.
fn is_closure(tokens: &[TokenTree]) -> bool {
    let leaves = |word: &Ident| ["async", "break", "move", "return"].contains(&&*word.to_string());
    match tokens {
        [TokenTree::Ident(word), rest @ ..] => leaves(word) && is_closure(rest),
        // A label.
        [quote, TokenTree::Ident(_), rest @ ..] if is(quote, '\'') => is_closure(rest),
        // With anything behind it, that is done with the closure: a call.
        [only @ TokenTree::Group(group)] => {
            let holds = matches!(group.delimiter(), Delimiter::Parenthesis | Delimiter::None);
            holds && is_closure(&content(only))
        }
        [bar, ..] => is(bar, '|'),
        [] => false,
    }
}

/// A body that ends in an async block, in a pinned box or alone.
pub(crate) struct Tail {
    /// Everything before it, up to the parentheses of its box.
    pub(crate) before: TokenStream,
    /// `async`, with `move` if it has that.
    pub(crate) keywords: TokenStream,
    /// The block.
    pub(crate) block: Group,
    /// Where the parentheses of its box are, if it has one.
    pub(crate) parentheses: Option<Span>,
}

impl Tail {
    /// Whether the block is the whole body.
    pub(crate) fn is_alone(&self) -> bool {
        self.before.is_empty() && self.parentheses.is_none()
    }

    /// The body with this future in place of the block.
    pub(crate) fn with(&self, future: TokenStream) -> TokenStream {
        let before = &self.before;
        let Some(at) = self.parentheses else {
            return quote!(#before #future);
        };
        let boxed = in_parentheses(future, at);
        quote!(#before #boxed)
    }

    /// True if the block has a `move`.
    pub(crate) fn moves(&self) -> bool {
        self.keywords.clone().into_iter().count() > 1
    }
}

/// Recognises `.. Box::pin(async ..)` at the end of a body that cannot return before.
pub(super) fn boxed_tail(body: &TokenStream) -> Option<Tail> {
    let mut before: Vec<TokenTree> = body.clone().into_iter().collect();
    let last = before.pop()?;
    let call = delimited(&last, Delimiter::Parenthesis)?;
    let alone = opaque_tail(&call.stream()).filter(Tail::is_alone)?;
    goes_straight_on(strip_box_pin(&before)?).then(|| Tail {
        before: held(before).into_iter().collect(),
        parentheses: Some(call.span()),
        ..alone
    })
}

/// The same for an async block without a box.
pub(super) fn opaque_tail(body: &TokenStream) -> Option<Tail> {
    let body: Vec<TokenTree> = body.clone().into_iter().collect();
    let (last, words) = body.split_last()?;
    let (before, block) = (strip_async(words)?, delimited(last, Delimiter::Brace)?);
    goes_straight_on(before).then(|| Tail {
        before: held(before.iter().cloned()).into_iter().collect(),
        keywords: words[before.len()..].iter().cloned().collect(),
        block: block.clone(),
        parentheses: None,
    })
}

/// Whether these are whole statements that do not return.
fn goes_straight_on(statements: &[TokenTree]) -> bool {
    let ends = |end| is(end, ';') || is_block(end);
    statements.last().is_none_or(ends) && !may(statements.iter().cloned().collect(), RETURNS)
}

/// The tokens before a final `Box::pin`, written with or without a path before `Box`.
fn strip_box_pin(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let tokens = strip_separator(strip_word(tokens, "pin")?)?;
    let mut tokens = strip_word(tokens, "Box")?;
    while let Some(path) = strip_separator(tokens) {
        tokens = match path {
            [rest @ .., TokenTree::Ident(word)] if word != "return" => rest,
            _ => path,
        };
    }
    Some(tokens)
}

/// The arguments that an asynchronous body takes apart (it moves a field out of one, or matches on one), to be bound
/// again once the call has begun: from the first of them on, as they are to be dropped in the order in which they were.
/// None, if one among them cannot be bound again.
///
/// An `async fn` binds its arguments before its body. Where something may panic while an argument is whole, it would be
/// dropped then, and if a part is moved out later the compiler keeps a place for all of it over every await behind
/// that. The start of a call is such a place. Behind a `let` that moves the argument as a whole it is forgotten, as
/// without the attribute.
pub(super) fn taken_apart(sig: &Signature, body: &TokenStream) -> Vec<PatIdent> {
    let mut names: Vec<PatIdent> = Vec::new();
    for input in &sig.inputs {
        let name = match input {
            // There is nothing to drop.
            FnArg::Typed(PatType { ty, .. }) if matches!(**ty, Type::Reference(_)) => continue,
            FnArg::Typed(argument) => plain_name(argument),
            FnArg::Receiver(_) => None,
        };
        match name {
            Some(name) if !names.is_empty() || is_taken_apart(&name.ident, body) => {
                names.push(name.clone());
            }
            None if !names.is_empty() => return Vec::new(),
            _ => {}
        }
    }
    names
}

/// The name of an argument, unless it has none, or one by which it is not used.
fn plain_name(argument: &PatType) -> Option<&PatIdent> {
    match &*argument.pat {
        Pat::Ident(name)
            if argument.attrs.is_empty()
                && name.by_ref.is_none()
                && name.subpat.is_none()
                && !name.ident.to_string().starts_with('_') =>
        {
            Some(name)
        }
        _ => None,
    }
}

/// Whether a body may move a part out of this argument; it may also just read one.
fn is_taken_apart(name: &Ident, body: &TokenStream) -> bool {
    let (tokens, name): (Vec<TokenTree>, _) =
        (body.clone().into_iter().collect(), name.to_string());
    any(&tokens, &|tokens, at| {
        let (before, after) = (&tokens[..at], &tokens[at + 1..]);
        is_word(&tokens[at], &name) && (has_a_field(after) || is_matched_on(before, after))
    })
}

/// `.field` or `.0`, and neither a method nor an await.
fn has_a_field(after: &[TokenTree]) -> bool {
    let [TokenTree::Punct(dot), field, rest @ ..] = after else {
        return false;
    };
    let calls = |next| is(next, ':') || delimited(next, Delimiter::Parenthesis).is_some();
    let is_field = match field {
        TokenTree::Ident(word) => word != "await" && !rest.first().is_some_and(calls),
        other => matches!(other, TokenTree::Literal(_)),
    };
    dot.as_char() == '.' && dot.spacing() == Spacing::Alone && is_field
}

/// `= name;`, `= name {`, `= name else {` or `match name {`.
fn is_matched_on(before: &[TokenTree], after: &[TokenTree]) -> bool {
    let ends = |end| is(end, ';') || is_block(end) || is_word(end, "else");
    let begins = |sign| is(sign, '=') || is_word(sign, "match");
    after.first().is_some_and(ends) && before.last().is_some_and(begins)
}

#[cfg(all(test, not(feature = "off")))]
mod tests {
    use super::*;
    use crate::tests::flat;

    /// The tokens of a body, with each expression that it awaits in `@[..]`.
    fn marked(body: &str) -> Option<Vec<String>> {
        let mark = |expression: &[TokenTree]| {
            let expression: TokenStream = expression.iter().cloned().collect();
            quote::quote!(@[#expression])
        };
        let (facts, marked) = scan(parsed(body), Some(&mark));
        (facts & UNCLEAR == 0).then(|| flat(marked))
    }

    fn parsed(body: &str) -> TokenStream {
        body.parse()
            .unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    fn assert_found(body: &str, expected: &str) {
        assert_eq!(marked(body), Some(flat(parsed(expected))), "{body}");
    }

    /// Bodies, and the same with each expression that is awaited in `@[..]`.
    const FOUND: &[(&str, &str)] = &[
        ("x.await", "@[x].await"),
        ("self.await", "@[self].await"),
        ("f(a, b).await", "@[f(a, b)].await"),
        ("let x = a::b::f(1).await;", "let x = @[a::b::f(1)].await;"),
        ("::a::f().await", "@[::a::f()].await"),
        ("return_it; ::a::f().await", "return_it; @[::a::f()].await"),
        ("x.y.f(1).g().await", "@[x.y.f(1).g()].await"),
        ("x.0.await", "@[x.0].await"),
        ("x.0.1.await", "@[x.0.1].await"),
        ("x[0].f().await", "@[x[0].f()].await"),
        ("f()()[1](2).await", "@[f()()[1](2)].await"),
        ("(x).await", "@[(x)].await"),
        ("[x].await", "@[[x]].await"),
        ("1.await", "@[1].await"),
        ("\"x\".await", "@[\"x\"].await"),
        ("&mut x.await", "&mut @[x].await"),
        ("-*x.f().await", "-*@[x.f()].await"),
        ("!f(x).await", "!@[f(x)].await"),
        ("!(x).await", "!@[(x)].await"),
        ("if !(x).await { }", "if !@[(x)].await { }"),
        ("a + b.await * c().await", "a + @[b].await * @[c()].await"),
        ("a < b.await", "a < @[b].await"),
        ("a > (b).await", "a > @[(b)].await"),
        ("a > b(c).await", "a > @[b(c)].await"),
        ("a..b.await", "a..@[b].await"),
        ("..=b.await", "..=@[b].await"),
        ("a.b..c.d.await", "a.b..@[c.d].await"),
        (
            "match x.await { y => z(y).await }",
            "match @[x].await { y => @[z(y)].await }",
        ),
        (
            "match x { y => (z).await }",
            "match x { y => @[(z)].await }",
        ),
        (
            "while let Some(x) = y.next().await { }",
            "while let Some(x) = @[y.next()].await { }",
        ),
        (
            "if (x).await { f().await } else { g().await }",
            "if @[(x)].await { @[f()].await } else { @[g()].await }",
        ),
        ("return (x).await", "return @[(x)].await"),
        ("break 'a (x).await", "break 'a @[(x)].await"),
        ("break 'a x.await", "break 'a @[x].await"),
        ("break 'a ::x().await", "break 'a @[::x()].await"),
        (
            "S { a: x.await, b: ::f().await }",
            "S { a: @[x].await, b: @[::f()].await }",
        ),
        ("f::<A, B<C>>(x).await", "@[f::<A, B<C>>(x)].await"),
        (
            "Vec::<fn(u8) -> u8>::f(x).await",
            "@[Vec::<fn(u8) -> u8>::f(x)].await",
        ),
        ("x.f::<u8>().await", "@[x.f::<u8>()].await"),
        ("async { x.await }.await", "@[async { x.await }].await"),
        ("async move { x }.await", "@[async move { x }].await"),
        ("unsafe { f() }.await", "@[unsafe { f() }].await"),
        ("todo!().await", "@[todo!()].await"),
        ("a; std::todo!().await", "a; @[std::todo!()].await"),
        ("f(x.await).await", "@[f(@[x].await)].await"),
        ("a.await.b().await", "@[@[a].await.b()].await"),
        ("a.await.await", "@[@[a].await].await"),
        ("(a.await)(b).await", "@[(@[a].await)(b)].await"),
        ("a.await[0].await", "@[@[a].await[0]].await"),
        (
            "x = f().await; y = g().await",
            "x = @[f()].await; y = @[g()].await",
        ),
        ("{ x.await; } (y).f()", "{ @[x].await; } (y).f()"),
    ];

    #[test]
    fn the_expression_of_an_await_is_found() {
        for (body, marked) in FOUND {
            assert_found(body, marked);
        }
    }

    #[test]
    fn awaits_of_others_stay() {
        for body in [
            "spawn(async { x.await })",
            "spawn(async move { x.await }); f()",
            "|| async { x.await }",
            "let f = async |x: u8| -> u8 { x.await };",
            "let f = async move || { x.await };",
            "async fn f<A, B>(x: A) -> u8 where A: B { x.await }",
            "async move |x| x.f()",
            "impl A { async fn f() { x.await } }",
            "vec![async { x.await }]",
            "let x = 1; x.f()",
        ] {
            assert_found(body, body);
        }
        assert_found(
            "async fn f() { x.await } f().await",
            "async fn f() { x.await } @[f()].await",
        );
        assert_found(
            "let f: fn(u8) -> u8 = x.await;",
            "let f: fn(u8) -> u8 = @[x].await;",
        );
    }

    #[test]
    fn what_is_not_clear_is_none() {
        for body in [
            "match x { y => y }.await",
            "if x { y } else { z }.await",
            "loop { break x }.await",
            "{ x }.await",
            "S { x }.await",
            "{ x } (y).await",
            "<T as A>::f().await",
            "<T>::f(x).await",
            "vec![x.await]",
            "println!(\"{}\", x.await)",
            "async |x| x.await",
            "f(async |x| x, y.await)",
            "#[allow(x)] (y).await",
            "x?.await",
            "await",
        ] {
            assert_eq!(marked(body), None, "{body}");
        }
    }

    #[test]
    fn only_those_outside_of_a_loop_are_stray() {
        for (body, stray) in [
            ("break;", true),
            ("if x { continue }", true),
            ("loop { } break;", true),
            ("f(|x| { break })", true),
            ("loop { if x { break 1 } }", false),
            (
                "for x in y() { match x { 1 => continue, _ => break } }",
                false,
            ),
            ("'a: while let Some(x) = y { break }", false),
            ("'a: { break 'a 1 }", false),
        ] {
            let tokens = body
                .parse()
                .unwrap_or_else(|error| panic!("{body}: {error}"));
            assert_eq!(may(tokens, STRAY_BREAK), stray, "{body}");
        }
    }

    fn names(sig: TokenStream, body: &TokenStream) -> Vec<String> {
        let sig: Signature = syn::parse2(sig).unwrap_or_else(|error| panic!("{error}"));
        let names = taken_apart(&sig, body);
        names.iter().map(|name| name.ident.to_string()).collect()
    }

    #[test]
    fn an_argument_is_bound_again_with_those_behind_it() {
        let sig = quote!(async fn f(&self, a: A, mut b: B, c: &C, d: D));
        for body in [
            quote!(let x = b.field; g().await),
            quote!(spawn(move || b.0)),
            quote!(let B { x, .. } = b; g().await),
            quote!(let B(x) = b else { return };),
            quote!(match b {
                B(x) => g(x).await,
            }),
            quote!(if let Some(x) = b {
                g(x).await
            }),
        ] {
            assert_eq!(names(sig.clone(), &body), ["b", "d"], "{body}");
        }
    }

    #[test]
    fn others_stay() {
        let sig = quote!(async fn f(self, a: A, b: &B));
        for body in [
            quote!(a.len()),
            quote!(a.get::<u8>()),
            quote!(a.await),
            quote!(g(a).await),
            quote!(b.field),
            quote!(self.field),
            quote!(a..b),
            quote!(x == a + 1),
        ] {
            assert_eq!(names(sig.clone(), &body), [""; 0], "{body}");
        }
    }

    #[test]
    fn what_cannot_be_bound_again_would_be_dropped_too_late() {
        for sig in [
            quote!(async fn f(a: A, _: B)),
            quote!(async fn f(a: A, (b, c): B)),
            quote!(async fn f(a: A, _b: B)),
            quote!(async fn f(a: A, #[cfg(unix)] b: B)),
        ] {
            assert_eq!(names(sig, &quote!(a.b)), [""; 0]);
        }
        let behind = names(quote!(async fn f((b, c): B, a: A)), &quote!(a.b));
        assert_eq!(behind, ["a"]);
    }
}
