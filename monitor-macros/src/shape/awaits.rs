//! The awaits of a body, and the expressions they are of: found over tokens, for a body is not parsed.
//!
//! What stands in an async block, an async closure or a function inside of the body is not awaited by the body.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

use super::flow::{is_async_block, macro_path, may_suspend, strip_separator, strip_word};

/// Words that are no part of an expression which ends behind them.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub",
    "ref", "return", "static", "struct", "trait", "type", "unsafe", "use", "where", "while",
    "yield",
];

/// Makes an await's expression another one.
type Rewrite<'a> = &'a dyn Fn(&[TokenTree]) -> TokenStream;

/// Whether each await of a body can be found, with the expression it is of.
pub(super) fn are_clear(body: TokenStream) -> bool {
    rewritten(body, &|expression| expression.iter().cloned().collect()).is_some()
}

/// The body with the expression of each of its awaits made another one; none if it is not clear what one is of.
pub(crate) fn rewritten(body: TokenStream, rewrite: Rewrite<'_>) -> Option<TokenStream> {
    if !may_suspend(body.clone()) {
        return Some(body);
    }
    let mut level = Level::new(rewrite);
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Ident(word) if word == "await" => level.awaits(token)?,
            TokenTree::Ident(word) if word == "fn" => {
                level.push(token);
                // Without a name it is a type.
                if let Some(TokenTree::Ident(_)) = tokens.peek() {
                    level.push_to_block(&mut tokens);
                }
            }
            TokenTree::Punct(bar) if bar.as_char() == '|' && level.is_async() => {
                level.push(token);
                level.closure(&mut tokens)?;
            }
            TokenTree::Group(group) => level.group(group)?,
            _ => level.push(token),
        }
    }
    Some(level.before.into_iter().collect())
}

/// The tokens between two delimiters, so far.
struct Level<'a> {
    rewrite: Rewrite<'a>,
    before: Vec<TokenTree>,
    /// Where expressions stand that are awaited, from their first token to their `await`.
    awaited: Vec<(usize, usize)>,
}

impl<'a> Level<'a> {
    fn new(rewrite: Rewrite<'a>) -> Self {
        Self {
            rewrite,
            before: Vec::new(),
            awaited: Vec::new(),
        }
    }

    fn push(&mut self, token: TokenTree) {
        self.before.push(token);
    }

    /// An `await`: what is before its dot becomes another expression.
    fn awaits(&mut self, word: TokenTree) -> Option<()> {
        let dot = self.before.pop()?;
        if !is(&dot, '.') {
            return None;
        }
        let start = self.start_of_expression()?;
        let expression = self.before.split_off(start);
        self.before.extend((self.rewrite)(&expression));
        self.before.extend([dot, word]);
        self.awaited.retain(|(_, end)| *end <= start);
        self.awaited.push((start, self.before.len()));
        Some(())
    }

    fn group(&mut self, group: &Group) -> Option<()> {
        let suspends = !is_async_block(group, &self.before) && may_suspend(group.stream());
        let group = if !suspends {
            // It also keeps the spans of its two delimiters.
            group.clone()
        } else if self.is_opaque(group) {
            return None;
        } else {
            let mut other = Group::new(group.delimiter(), rewritten(group.stream(), self.rewrite)?);
            other.set_span(group.span());
            other
        };
        self.push(TokenTree::Group(group));
        Some(())
    }

    /// Whether a group is a macro's, which may show its tokens to the world, or one that a macro made.
    fn is_opaque(&self, group: &Group) -> bool {
        let called = match &self.before[..] {
            [path @ .., bang] if is(bang, '!') => macro_path(path).is_some(),
            _ => false,
        };
        called || group.delimiter() == Delimiter::None
    }

    /// Whether a `|` begins the arguments of an async closure.
    fn is_async(&self) -> bool {
        let start = strip_word(&self.before, |word| word == "move").unwrap_or(&self.before);
        strip_word(start, |word| word == "async").is_some()
    }

    /// Passes over what comes before a block, and that.
    fn push_to_block(&mut self, tokens: &mut impl Iterator<Item = TokenTree>) {
        for token in tokens {
            let end = is_block(&token) || is(&token, ';');
            self.push(token);
            if end {
                return;
            }
        }
    }

    /// Passes over an async closure behind its first `|`; where its body is no block, it is not clear how far that goes, so
    /// behind it there must be no await at all.
    fn closure(&mut self, tokens: &mut impl Iterator<Item = TokenTree>) -> Option<()> {
        loop {
            let token = tokens.next()?;
            let last = is(&token, '|');
            self.push(token);
            if last {
                break;
            }
        }
        let next = tokens.next()?;
        let typed = is(&next, '-');
        let is_body = is_block(&next);
        self.push(next);
        if typed {
            self.push_to_block(tokens);
        } else if !is_body {
            let body = self.before.len() - 1;
            self.before.extend(tokens);
            let rest = self.before[body..].iter().cloned().collect();
            return (!may_suspend(rest)).then_some(());
        }
        Some(())
    }

    /// Where the expression begins that ends here: a name, a path, a call, a field, in any order behind each other.
    fn start_of_expression(&self) -> Option<usize> {
        let mut at = self.before.len();
        loop {
            if let Some((start, _)) = self.awaited.iter().find(|(_, end)| *end == at) {
                return Some(*start);
            }
            let (last, before) = self.before[..at].split_last()?;
            at = match last {
                TokenTree::Group(group) => match before_group(group, before)? {
                    Before::More(at) => at,
                    Before::Start(start) => return Some(start),
                },
                TokenTree::Ident(word) if is_keyword(&word.to_string()) => return None,
                TokenTree::Literal(_) | TokenTree::Ident(_) => match field_of(before) {
                    Some(receiver) => receiver.len(),
                    None => return start_of_path(before),
                },
                TokenTree::Punct(_) => start_of_arguments(&self.before[..at])?,
            };
        }
    }
}

/// What stands before a part of an expression.
enum Before {
    /// A further part, which ends there.
    More(usize),
    /// None: the expression begins there.
    Start(usize),
}

/// What stands before a group that ends an expression.
fn before_group(group: &Group, before: &[TokenTree]) -> Option<Before> {
    let start = before.len();
    let after_expression = match before.last() {
        Some(TokenTree::Ident(word)) if word == "await" => true,
        Some(TokenTree::Ident(_)) => strip_name(before).is_some(),
        Some(TokenTree::Group(group)) => group.delimiter() != Delimiter::Brace,
        Some(TokenTree::Literal(_)) => true,
        Some(angle) if is(angle, '>') => start_of_arguments(before).is_some(),
        _ => false,
    };
    match group.delimiter() {
        Delimiter::Brace if is_async_block(group, before) => {
            let start = strip_word(before, |word| word == "move").unwrap_or(before);
            Some(Before::Start(start.len() - 1))
        }
        Delimiter::Brace => {
            let unsafe_block = strip_word(before, |word| word == "unsafe")?;
            Some(Before::Start(unsafe_block.len()))
        }
        Delimiter::None => None,
        // An attribute.
        _ if before.last().is_some_and(|sign| is(sign, '#')) => None,
        _ if after_expression => Some(Before::More(start)),
        // After a block, this may be a statement of its own or the arguments of a call.
        _ if matches!(before.last(), Some(TokenTree::Group(_))) => None,
        _ => match before {
            [path @ .., bang] if is(bang, '!') && macro_path(path).is_some() => {
                start_of_path(strip_name(path)?).map(Before::Start)
            }
            // Behind an operator or a keyword, or at the beginning.
            _ => Some(Before::Start(start)),
        },
    }
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// What a field or method is of, if its name comes next: no range ends here.
fn field_of(before: &[TokenTree]) -> Option<&[TokenTree]> {
    let (dot, receiver) = before.split_last()?;
    let range = matches!(receiver.last(), Some(TokenTree::Punct(first)) if first.as_char() == '.' && first.spacing() == Spacing::Joint);
    (is(dot, '.') && !range).then_some(receiver)
}

/// What stands before a final name; none before a keyword or a lifetime.
fn strip_name(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let rest = strip_word(tokens, |word| !is_keyword(word))?;
    let lifetime = rest.last().is_some_and(|quote| is(quote, '\''));
    (!lifetime).then_some(rest)
}

/// Where a path begins whose last name comes next.
fn start_of_path(mut before: &[TokenTree]) -> Option<usize> {
    while let Some(path) = strip_separator(before) {
        before = match path.last() {
            Some(angle) if is(angle, '>') => strip_name(&path[..start_of_arguments(path)?])?,
            _ => match strip_name(path) {
                Some(rest) => rest,
                // It begins with the separator.
                None => return Some(path.len()),
            },
        };
    }
    Some(before.len())
}

/// Where the name ends that has these generic arguments, `::<..>`; none if the last sign is something else.
fn start_of_arguments(tokens: &[TokenTree]) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate().rev() {
        let arrow = at > 0
            && matches!(&tokens[at - 1], TokenTree::Punct(first) if "-=".contains(first.as_char()) && first.spacing() == Spacing::Joint);
        if is(token, '>') && !arrow {
            depth += 1;
        } else if is(token, '<') {
            depth = depth.checked_sub(1)?;
        }
        if depth == 0 {
            // The first token was no angle, or this is the one that it closes.
            return is(token, '<')
                .then(|| strip_separator(&tokens[..at]))
                .flatten()
                .map(<[TokenTree]>::len);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::tests::flat;

    /// The tokens of a body, with each expression that it awaits in `@[..]`.
    fn marked(body: &str) -> Option<Vec<String>> {
        let mark = |expression: &[TokenTree]| {
            let expression: TokenStream = expression.iter().cloned().collect();
            quote::quote!(@[#expression])
        };
        rewritten(parsed(body), &mark).map(flat)
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
}
