//! Each point where a call may be suspended goes through the runtime: of a body in place, each await is one of
//! `awaited(..)`; a body with an await that does not show is a future of its own.
//!
//! The tests parse the expansion with `syn`, so that they share nothing with the walk over tokens in `shape/body`.

use proc_macro2::TokenStream;
use proptest::prelude::*;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprAwait, ExprClosure, ExprPath, Item, ItemFn, Macro, Path, Token,
};

use super::expanded;

/// Functions of the runtime whose future may be awaited where a call runs.
const HOOKS: [&str; 4] = ["awaited", "run_async", "run_body", "run_begun"];

/// Macros that await nothing but their arguments.
const HARMLESS: [&str; 3] = ["format", "todo", "vec"];

/// Macros of the expansion.
const OURS: [&str; 3] = ["file", "line", "submit"];

fn tokens(text: &str) -> TokenStream {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One async context: the body of an `async fn`, or an async block.
#[derive(Default)]
struct Context<'a> {
    /// Whether a call in place starts in it.
    starts: bool,
    /// Where it may be suspended past the runtime.
    bare: Vec<String>,
    /// The contexts in it.
    inner: Vec<&'a Block>,
    /// Closures and items in it.
    others: Vec<String>,
}

impl<'ast> Visit<'ast> for Context<'ast> {
    fn visit_expr_await(&mut self, found: &'ast ExprAwait) {
        if !is_hooked(&found.base) {
            self.bare.push(found.to_token_stream().to_string());
        }
        visit::visit_expr_await(self, found);
    }

    fn visit_macro(&mut self, found: &'ast Macro) {
        let is_one_of = |names: [&str; 3]| names.iter().any(|name| ends_in(&found.path, name));
        if !is_one_of(OURS) && (!is_one_of(HARMLESS) || awaits(&found.tokens)) {
            self.bare.push(found.to_token_stream().to_string());
        }
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.starts |= has(&path.path, "InPlaceCall");
    }

    fn visit_expr_async(&mut self, found: &'ast ExprAsync) {
        self.inner.push(&found.block);
    }

    fn visit_expr_closure(&mut self, found: &'ast ExprClosure) {
        self.others.push(found.to_token_stream().to_string());
    }

    fn visit_item(&mut self, item: &'ast Item) {
        self.others.push(item.to_token_stream().to_string());
    }
}

fn has(path: &Path, name: &str) -> bool {
    path.segments.iter().any(|segment| segment.ident == name)
}

fn ends_in(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Whether an expression that is awaited is one of the runtime's, or the wait for a permit.
fn is_hooked(awaited: &Expr) -> bool {
    match awaited {
        Expr::Call(call) => is_hook(&call.func),
        Expr::MethodCall(call) => call.method == "permit",
        _ => false,
    }
}

fn is_hook(function: &Expr) -> bool {
    let Expr::Path(ExprPath { path, .. }) = function else {
        return false;
    };
    has(path, "__private") && HOOKS.iter().any(|name| ends_in(path, name))
}

/// The arguments of a macro, if they are expressions.
fn arguments(tokens: &TokenStream) -> Option<Punctuated<Expr, Token![,]>> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated;
    list.parse2(tokens.clone()).ok()
}

/// Whether a macro's arguments await something, or are no expressions.
fn awaits(tokens: &TokenStream) -> bool {
    let mut context = Context::default();
    let arguments = arguments(tokens);
    arguments
        .iter()
        .flatten()
        .for_each(|value| context.visit_expr(value));
    arguments.is_none() || !context.bare.is_empty()
}

/// True as long as the arguments of `vec!` and `format!` are expressions.
struct Sound(bool);

impl<'ast> Visit<'ast> for Sound {
    fn visit_macro(&mut self, found: &'ast Macro) {
        if ends_in(&found.path, "vec") || ends_in(&found.path, "format") {
            let arguments = arguments(&found.tokens);
            self.0 &= arguments.is_some();
            arguments
                .iter()
                .flatten()
                .for_each(|value| self.visit_expr(value));
        }
    }
}

fn is_sound(function: &ItemFn) -> bool {
    let mut sound = Sound(true);
    sound.visit_item_fn(function);
    sound.0
}

/// Adds the faults of a context, and of those in it: awaits without a hook where a call runs, and hooks where none does.
fn look(block: &Block, is_function: bool, faults: &mut Vec<String>) {
    let mut context = Context::default();
    context.visit_block(block);
    if !is_function && !context.starts {
        context.others = vec![block.to_token_stream().to_string()];
        context.bare.clear();
        context.inner.clear();
    }
    let bare = context
        .bare
        .iter()
        .map(|bare| format!("not hooked: {bare}"));
    faults.extend(bare);
    let hooked = context
        .others
        .iter()
        .filter(|other| other.contains("awaited ("));
    faults.extend(hooked.map(|other| format!("hooked: {other}")));
    for inner in context.inner {
        look(inner, false, faults);
    }
}

/// Takes the hooks off, and puts parentheses around the expression of each await, so that the text shows its bounds.
struct Unhooked;

impl VisitMut for Unhooked {
    fn visit_expr_await_mut(&mut self, found: &mut ExprAwait) {
        visit_mut::visit_expr_await_mut(self, found);
        let mut base = bare(*found.base.clone());
        if let Expr::Call(call) = &base
            && is_hook(&call.func)
            && call.args.len() == 2
        {
            base = bare(call.args[0].clone());
        }
        *found.base = syn::parse_quote!((#base));
    }
}

fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::Paren(inner) => bare(*inner.expr),
        other => other,
    }
}

fn unhooked(block: &Block) -> String {
    let mut block = block.clone();
    Unhooked.visit_block_mut(&mut block);
    block.to_token_stream().to_string()
}

/// The expansion of a function, or the faults of its awaits.
fn looked_at(args: &str, function: &ItemFn) -> Result<String, String> {
    let output = expanded(tokens(args), function.to_token_stream());
    let parsed: ItemFn =
        syn::parse2(output.clone()).map_err(|error| format!("{error}: {output}"))?;
    let mut faults = Vec::new();
    look(&parsed.block, true, &mut faults);
    if function.sig.asyncness.is_some() {
        let (body, whole) = (unhooked(&function.block), unhooked(&parsed.block));
        faults.extend((!whole.contains(&body)).then(|| format!("another body: {body}")));
    }
    if faults.is_empty() {
        return Ok(output.to_string());
    }
    Err(format!("{faults:#?} in {output}"))
}

/// Functions, and whether their bodies stay in place.
const FUNCTIONS: &[(&str, bool)] = &[
    ("async fn f() -> u8 { g(x.await, y().await).await }", true),
    (
        "async fn f() { if a.await { b.await } else { while c.await { d.await; } } }",
        true,
    ),
    ("async fn f() -> ! { loop { g().await; } }", true),
    (
        "async fn f() -> ! { loop { match x { _ => g() }.await } }",
        false,
    ),
    ("async fn f() -> ! { loop { join!(a, b); } }", false),
    (
        "async fn f() -> impl Fn(&A) -> B { g().await; move |a| a.b() }",
        true,
    ),
    (
        "async fn f() -> impl Fn(&A) -> B { if x { return g().await } g().await?; h() }",
        true,
    ),
    (
        "async fn f() -> impl Fn(&A) -> B { join!(a, b); move |a: &A| a.b() }",
        false,
    ),
    (
        "async fn f() -> (impl Fn(&A) -> B, u8) { (g(), select! { x = y => 1 }) }",
        false,
    ),
    ("async fn f() -> impl Trait { todo!() }", true),
    (
        "async fn f() -> impl Trait { todo!(\"{}\", x.await) }",
        false,
    ),
    ("async fn f() -> impl Stream<Item = u8> { g().await }", true),
    (
        "async fn f() -> impl Stream<Item = u8> { g().await? }",
        false,
    ),
    (
        "async fn f() -> impl Stream<Item = u8> { join!(a, b) }",
        false,
    ),
    ("async fn f() { x << y.await >> z; }", false),
    ("async fn f() { unsafe { x } (y).await }", false),
    ("async fn f() { g(async |c| -c, x.await) }", false),
    ("async fn f() { let h = async |c| { c } + x.await; }", false),
    ("async fn f() { g(async |c| { x.await }, y.await) }", true),
    (
        "async fn f() { g(async |c| -> u8 { x.await }, y.await) }",
        true,
    ),
    (
        "async fn f() { async fn g() -> B<{ 1 }> { x.await } g().await }",
        true,
    ),
    (
        "async fn f() { fn g<const N: usize>(b: B<{ N }>) where B<{ 1 }>: C { h(async { x.await }) } y.await }",
        true,
    ),
    (
        "async fn f() { g(async |c| -> B<{ 1 }> { x.await }, y.await) }",
        true,
    ),
    (
        "fn f() -> impl Future<Output = u8> { async move { g().await } }",
        true,
    ),
    (
        "fn f() -> BoxFuture<'a, u8> { Box::pin(async move { g().await }) }",
        false,
    ),
    (
        "fn f() -> impl Future<Output = u8> { async move { join!(a, b) } }",
        false,
    ),
];

/// The fault of a row, if there is one.
fn fault_of(function: &str, in_place: bool) -> Option<String> {
    let parsed = syn::parse_str(function).unwrap_or_else(|error| panic!("{function}: {error}"));
    let output = match looked_at("", &parsed) {
        Ok(output) => output,
        Err(faults) => return Some(format!("{function}: {faults}")),
    };
    let moved = [
        "run_async",
        "run_body",
        "run_begun",
        "awaited (async move {",
    ];
    let moved = moved.iter().any(|form| output.contains(form));
    (moved == in_place).then(|| format!("{function}: in place: {}: {output}", !moved))
}

#[test]
fn each_point_where_a_call_may_be_suspended_is_hooked() {
    let rows = FUNCTIONS.iter();
    let faults: Vec<_> = rows
        .filter_map(|(function, in_place)| fault_of(function, *in_place))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_future_that_waits_for_its_permit_or_holds_its_call_is_hooked_too() {
    for (args, function) in [
        ("max_concurrency = 1", "async fn f() { g().await }"),
        (
            "max_concurrency = 1",
            "async fn f() -> R { g().await?; h() }",
        ),
        (
            "max_concurrency = workers",
            "fn f() -> BoxFuture<'a, u8> { g() }",
        ),
        (
            "call = c_",
            "fn f() -> BoxFuture<'a, u8> { Box::pin(async { g().await }) }",
        ),
    ] {
        let parsed = syn::parse_str(function).unwrap_or_else(|error| panic!("{error}"));
        let output = looked_at(args, &parsed).unwrap_or_else(|faults| panic!("{faults}"));
        let permits = usize::from(args.contains("max_concurrency"));
        assert_eq!(output.matches(". permit (").count(), permits, "{output}");
        assert_eq!(output.matches("awaited (").count(), 1, "{output}");
    }
}

/// Expressions without others in them.
const LEAVES: &[&str] = &[
    "x",
    "1",
    "a::b",
    "f()",
    "a::f::<B<C>>()",
    "::a::f()",
    "x.0.1",
    "x.y",
    "S { f: 1 }",
    "\"s\"",
    "'c'",
    "todo!()",
    "<T as A>::f()",
    "async { x.await }",
    "async move || -1",
    "[1; 2]",
    "join!(a, b)",
];

/// Expressions with one or two others in them, `@` and `~`.
const NODES: &[&str] = &[
    "@.await",
    "@.await",
    "@.await",
    "@.await + ~.await",
    "f(@.await, ~)",
    "(@).await",
    "@.m::<B<C>>(~).await",
    "(@)",
    "f(@)",
    "f(y, @)(~)",
    "@.m(~)",
    "@[~]",
    "-@",
    "!@",
    "&mut @",
    "*@",
    "@ + ~",
    "@ < ~",
    "@ << ~",
    "@ >> ~",
    "@ << y.await >> ~",
    "{ unsafe { @ } (~).await }",
    "@ && ~",
    "@..~",
    "..=@",
    "@ as B<u8>",
    "[@, ~]",
    "(@, ~)",
    "S { f: @, ..~ }",
    "x = @",
    "return @",
    "@?",
    "if @ { ~ } else { 1 }",
    "if let Some(p) = @ { ~ } else { 1 }",
    "match @ { p if ~ => 1, _ => 2 }",
    "match x { A | B => @, _ => ~ }",
    "{ @; ~ }",
    "{ if @ { } ~.await }",
    "{ if x { } (@).await; ~ }",
    "{ match x { _ => @ } -~ }",
    "unsafe { @ }",
    "loop { break @ }",
    "{ 'a: { break 'a (@) } }",
    "{ while @ { ~; } }",
    "{ for p in @ { ~; } }",
    "{ let p: B<u8> = @; ~ }",
    "{ let Some(p) = @ else { loop { } }; ~ }",
    "{ #[allow(x)] @; ~ }",
    "async { @ }",
    "async move { @; ~ }",
    "async |c| @",
    "f(async |c| @, ~)",
    "f(async |c| { @ }, ~)",
    "f(async |c| -c, @)",
    "f(async move |c| -> B<{ 1 }> { @ }, ~)",
    "f(|c| async { @ }, ~)",
    "{ async fn g() -> B<{ 1 }> { @ } ~ }",
    "{ async fn g() { @; } ~ }",
    "{ fn g<const N: usize>(b: B<{ N }>) where B<{ 1 }>: C { h(async { @ }) } ~ }",
    "{ impl A { async fn g(&self) { @; } } ~ }",
    "{ let f: fn(u8) -> u8 = @; ~ }",
    "{ use a::b; @ }",
    "vec![@, ~]",
    "vec![async { @ }, ~]",
    "format!(\"{}\", @)",
    "select! { p = @ => ~ }",
];

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES).prop_map(str::to_owned);
    leaf.prop_recursive(5, 32, 2, |inner| {
        let node = prop::sample::select(NODES);
        (node, inner.clone(), inner)
            .prop_map(|(node, one, two)| node.replace('@', &one).replace('~', &two))
    })
}

const RETURNS: &[&str] = &[
    "",
    "-> u8",
    "-> R",
    "-> !",
    "-> impl Fn(&A) -> B",
    "-> impl Sized",
    "-> (impl Fn(A), B)",
    "-> impl Stream<Item = u8>",
];

fn function() -> impl Strategy<Value = String> {
    let body = (prop::collection::vec(expression(), 0..3), expression());
    (prop::sample::select(RETURNS), body, any::<bool>()).prop_map(
        |(returns, (mut parts, end), is_async)| {
            parts.push(end);
            let body = parts.join("; ");
            if is_async {
                return format!("async fn f() {returns} {{ {body} }}");
            }
            format!("fn f() -> impl Future<Output = u8> {{ async move {{ {body} }} }}")
        },
    )
}

const ARGS: &[&str] = &[
    "",
    "root",
    "call = c_",
    "labels(a_ = a)",
    "max_concurrency = 2",
    "max_concurrency = 2, call = c_",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn each_await_of_any_body_is_hooked(function in function(), args in prop::sample::select(ARGS)) {
        let parsed = syn::parse_str(&function);
        prop_assume!(parsed.as_ref().is_ok_and(is_sound));
        let fits = !(args.starts_with("max") && function.contains("-> impl Stream"));
        prop_assume!(fits);
        let looked_at = looked_at(args, &parsed?);
        prop_assert!(looked_at.is_ok(), "{}: {:?}", function, looked_at);
    }
}
