//! For any function: all its tokens are in the expansion, once and in their order. And if other attribute macros can
//! parse it without the attribute, they can parse it with the attribute.

use proc_macro2::TokenStream;
use proptest::prelude::*;

use super::off::off;
use super::{assert_parses, expanded, flat, is_parsed};

fn tokens(text: &str) -> TokenStream {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(choices).prop_map(str::to_owned)
}

/// Heads up to the arguments; `async` or not is the first of the pair.
fn head() -> impl Strategy<Value = (bool, String)> {
    let attributes = prop::collection::vec(
        one_of(&[
            "#[cold]",
            "#[inline(always)]",
            "/** text */",
            "#[cfg_attr(x, must_use)]",
            "#[deprecated]",
        ]),
        0..3,
    );
    let visibility = one_of(&["", "pub", "pub(crate)", "pub(in crate::x)"]);
    let qualifiers = prop::sample::select(&[
        (false, ""),
        (true, "async"),
        (false, "unsafe"),
        (true, "async unsafe"),
        (false, "extern \"C\""),
        (false, "unsafe extern \"C\""),
    ]);
    let generics = one_of(&[
        "",
        "<T>",
        "<'a, T: Clone + 'a>",
        "<const N: usize>",
        "<T = [u8; { 1 }]>",
    ]);
    (attributes, visibility, qualifiers, generics).prop_map(
        |(attributes, visibility, (is_async, qualifiers), generics)| {
            let attributes = attributes.join(" ");
            (
                is_async,
                format!("{attributes} {visibility} {qualifiers} fn r#fn{generics}"),
            )
        },
    )
}

const ARGUMENTS: &[&str] = &[
    "()",
    "(a: u8)",
    "(&self, a: &str, _: u8)",
    "(self: Pin<&mut Self>, mut a: Vec<T>)",
    "((a, b): (u8, u8), [c, ..]: [u8; 3])",
    "(a: impl Fn(u8) -> u8,)",
];

/// Return types; for those of a future or stream, an `async fn` has them as values.
const RETURNS: &[&str] = &[
    "",
    "-> ()",
    "-> !",
    "-> Result<Vec<u8>, E>",
    "-> impl Sized + 'a",
    "-> impl Fn(&A) -> B",
    "-> (impl for<'b> FnMut(&'b u8), u8)",
    "-> Result<impl ToString, Box<dyn Error>>",
    "-> impl Future<Output = Result<(), E>> + Send",
    "-> Pin<Box<dyn Future<Output = u8> + 'a>>",
    "-> Box<dyn Future<Output = u8> + Unpin>",
    "-> BoxFuture<'a, Result<(), E>>",
    "-> impl Stream<Item = u8>",
    "-> BoxStream<'a, Result<u8, E>>",
    "-> <T as Trait>::Out",
    "-> [u8; { 1 + 2 }]",
];

/// Bodies of any token trees, each with a word of its own, so that two of them are never mistaken for one another.
fn body() -> impl Strategy<Value = String> {
    let leaf = one_of(&[
        "let x = 1;",
        "y.await",
        "z?",
        "return q",
        "if !b { } else { }",
        "'a: loop { break 'a }",
        "\"text\"",
        "1.5e3",
        "..=",
        "made!(1, 2)",
        "format!(\"{}\", 1)",
        "use a::b;",
        "->",
        "$",
        "#",
        "'x'",
        "|c| c",
        "async move { }",
        "::<>",
    ]);
    let tree = leaf.prop_recursive(3, 24, 4, |inner| {
        (
            prop::collection::vec(inner, 0..4),
            one_of(&["()", "[]", "{}"]),
        )
            .prop_map(|(parts, pair)| {
                let (open, close) = pair.split_at(1);
                format!("{open} {} {close}", parts.join(" "))
            })
    });
    let tails = one_of(&[
        "",
        "Box::pin(async move { 1 })",
        "async { 2 }",
        "; Box::pin(async { w })",
        "; async move { v }",
    ]);
    (prop::collection::vec(tree, 0..6), tails).prop_map(|(parts, tail)| {
        let parts: Vec<String> = parts
            .into_iter()
            .enumerate()
            .map(|(place, part)| format!("word{place} {part}"))
            .collect();
        format!("{{ {} {tail} }}", parts.join(" "))
    })
}

/// Bodies of statements that any parser knows, with all ways to wait and to leave.
fn sound_body() -> impl Strategy<Value = String> {
    let statement = one_of(&[
        "let x = 1;",
        "let Some(x) = y else { return };",
        "y.await;",
        "f(x).await.g::<A>()[0].await;",
        "{ y }.await;",
        "if (y).await { <A as B>::f().await; }",
        "let Parts { p, .. } = a;",
        "g(a.field);",
        "z?;",
        "if !b { return q; }",
        "'a: loop { break 'a }",
        "let v = 'b: { break 'b 1 };",
        "made!(1, 2);",
        "let f = |c: u8| -> u8 { c };",
        "use a::b;",
        "static S: u8 = 1;",
        "const { 1 };",
        "while let Some(w) = x { continue }",
    ]);
    // Not at the end: of a function that returns a future, that is no body, and `max_concurrency` is refused there.
    let end = one_of(&[
        "",
        "1",
        "z?",
        "loop { todo!() }",
        "return q",
        "x.await?",
        "match x { _ => 1 }",
        "(move |s| s.len())",
        "if x { return |s| s } else { |s| s }",
        "Box::pin(async move { 1 })",
        "Box::pin(async { x.await? })",
        "async move { z?; return 2 }",
        "async { x.await }",
    ]);
    (prop::collection::vec(statement, 0..4), end)
        .prop_map(|(statements, end)| format!("{{ {} {end} }}", statements.join(" ")))
}

/// Arguments of an attribute: any of each line, or none.
const CHOICES: [&[&str]; 14] = [
    &["method = \"X\"", "method = path::NAME"],
    &[
        "task = \"x\"",
        "health = false",
        "unhealthy(share = 0.9, window = 60.5, at_least = 20, cancelled = true)",
    ],
    &["expected(\"A\", \"B\")"],
    &["labels(a_ = a.x, capped(b_ = b(), max = 3))"],
    &["request_size = a.len()"],
    &["deadline = Some(d)"],
    &["buckets = \"time\"", "buckets = [0, 1.5]", "buckets = B"],
    &["crate = a::b"],
    &["ok_if = |it| it.x", "error_if = path::is_bad"],
    &["error_type = \"A\"", "error_type = path::kind"],
    &["response_size = Vec::len"],
    &["call = handle_"],
    &[
        "max_concurrency = 4",
        "max_concurrency = workers",
        "future",
        "stream",
    ],
    &["root"],
];

/// The arguments of an attribute.
fn args() -> impl Strategy<Value = Vec<String>> {
    let line = |choices: &'static [&str]| prop::option::of(one_of(choices)).boxed();
    let lines = Vec::from(CHOICES.map(line));
    lines.prop_map(|parts: Vec<_>| parts.into_iter().flatten().collect())
}

/// Those that an `impl` block takes.
fn block_args() -> impl Strategy<Value = String> {
    let lines: [&'static [&str]; 5] = [
        CHOICES[1],
        CHOICES[6],
        CHOICES[7],
        &["prefix = \"P\"", "prefix = \"\""],
        &["only_pub"],
    ];
    let line = |choices: &'static [&str]| prop::option::of(one_of(choices)).boxed();
    Vec::from(lines.map(line))
        .prop_map(|parts: Vec<_>| parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Whether an argument is in order on such a function.
fn fits(arg: &str, is_async: bool, returns: &str) -> bool {
    let key = arg.split([' ', '(']).next().unwrap_or_default();
    let future = returns.contains("Future");
    let stream = returns.contains("Stream");
    let hidden = returns == "-> <T as Trait>::Out";
    match key {
        "ok_if" | "error_if" | "error_type" | "response_size" => returns != "-> !",
        "call" => is_async || !(future || stream || hidden),
        "max_concurrency" => !stream && (is_async || future),
        "future" => !is_async && (hidden || future),
        "stream" => hidden || stream,
        _ => true,
    }
}

/// The arguments that are in order on it.
fn fitting(args: &[String], is_async: bool, returns: &str) -> String {
    let fit = args.iter().filter(|arg| fits(arg, is_async, returns));
    fit.cloned().collect::<Vec<_>>().join(", ")
}

fn is_subsequence(inner: &[String], outer: &[String]) -> Result<(), String> {
    let mut rest = outer.iter();
    for token in inner {
        if !rest.any(|other| other == token) {
            return Err(token.clone());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_tokens_of_a_function_are_in_its_expansion_once(
        (is_async, head) in head(),
        arguments in one_of(ARGUMENTS),
        returns in one_of(RETURNS),
        body in body(),
        args in args(),
    ) {
        let text = format!("{head}{arguments} {returns} {body}");
        let item = flat(tokens(&text));
        let args = fitting(&args, is_async, &returns);
        let output = flat(expanded(tokens(&args), tokens(&text)));
        prop_assert_eq!(is_subsequence(&item, &output), Ok(()), "{} in {}", text, output.join(" "));
        for word in item.iter().filter(|token| token.starts_with("word")) {
            let times = output.iter().filter(|token| *token == word).count();
            prop_assert_eq!(times, 1, "{} in {}", word, output.join(" "));
        }
    }

    #[test]
    fn all_tokens_of_a_block_are_in_its_expansion_once(
        heads in prop::collection::vec((head(), one_of(ARGUMENTS), one_of(RETURNS), body(), prop::option::of(args())), 0..4),
        between in one_of(&["", "const A: u8 = { 1 };", "type B = C<{ 1 }>;", "made! { }", "made!();"]),
        args in block_args(),
    ) {
        let methods = heads.into_iter().enumerate().map(|(place, ((is_async, head), arguments, returns, body, args))| {
            let body = body.replace("word", &format!("word{place}_"));
            let attribute = args.map(|args| format!("#[monitored({})]", fitting(&args, is_async, &returns)));
            (attribute.unwrap_or_default(), format!("{head}{arguments} {returns} {body} {between}"))
        });
        let methods: Vec<_> = methods.collect();
        let block = |methods: String| format!("unsafe impl<T> Trait for a::Type<T> where T: Sized {{ {methods} }}");
        // Their own attributes are ours, and are gone.
        let text = block(methods.iter().map(|(_, method)| method.as_str()).collect());
        let attributed = methods.iter().flat_map(|(attribute, method)| [attribute.as_str(), method]);
        let attributed = block(attributed.collect());
        let item = flat(tokens(&text));
        let output = flat(expanded(tokens(&args), tokens(&attributed)));
        prop_assert_eq!(is_subsequence(&item, &output), Ok(()), "{} in {}", text, output.join(" "));
        for word in item.iter().filter(|token| token.starts_with("word")) {
            let times = output.iter().filter(|token| *token == word).count();
            prop_assert_eq!(times, 1, "{} in {}", word, output.join(" "));
        }
    }

    #[test]
    fn what_other_macros_can_parse_they_can_parse_under_the_attribute(
        (is_async, head) in head(),
        arguments in one_of(ARGUMENTS),
        returns in one_of(RETURNS),
        body in sound_body(),
        args in args(),
    ) {
        let item = tokens(&format!("{head}{arguments} {returns} {body}"));
        let args = tokens(&fitting(&args, is_async, &returns));
        prop_assume!(is_parsed(&item));
        assert_parses(&expanded(args.clone(), item.clone()));
        assert_parses(&off(args, item));
    }

    #[test]
    fn a_block_that_other_macros_can_parse_they_can_parse_under_the_attribute(
        (is_async, head) in head(),
        arguments in one_of(ARGUMENTS),
        returns in one_of(RETURNS),
        body in sound_body(),
        own in args(),
        args in block_args(),
    ) {
        let method = format!("{head}{arguments} {returns} {body}");
        let own = fitting(&own, is_async, &returns);
        prop_assume!(is_parsed(&tokens(&method)));
        let block = tokens(&format!("impl<T> Trait for Type<T> {{ #[monitored({own})] {method} }}"));
        assert_parses(&expanded(tokens(&args), block));
    }
}
