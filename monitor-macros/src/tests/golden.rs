//! Whole expansions, checked in. `UPDATE_GOLDEN=1` writes them anew.

use std::path::PathBuf;
use std::{env, fs};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::quote;

use super::{assert_parses, expanded, flat};

/// Name, arguments and function.
type Case = (&'static str, TokenStream, TokenStream);

/// One function of each shape, with the arguments of its attribute.
fn shapes() -> Vec<Case> {
    let mut shapes = functions();
    shapes.extend(lasting());
    shapes.push(everything());
    shapes
}

/// Functions that are the call.
fn functions() -> Vec<Case> {
    let result = quote!(Result<usize, Refused>);
    vec![
        (
            "sync",
            quote!(),
            quote!(fn process(text: &str) -> #result { check(text)?; Ok(text.len()) }),
        ),
        (
            "async_early_return",
            quote!(),
            quote!(async fn process(text: &str) -> #result { check(text).await?; Ok(text.len()) }),
        ),
        (
            "async_in_place",
            quote!(call = call, max_concurrency = 8),
            quote!(
                async fn process(text: &str) -> usize {
                    load(text, call).await
                }
            ),
        ),
        (
            "root",
            quote!(root),
            quote!(
                async fn process(text: &str) -> usize {
                    load(text).await
                }
            ),
        ),
        (
            "closure",
            quote!(call = call),
            quote!(
                fn process(least: usize) -> impl Fn(&str) -> bool {
                    move |text| text.len() >= least
                }
            ),
        ),
        (
            "never",
            quote!(health = false),
            quote!(
                fn process() -> ! {
                    loop {}
                }
            ),
        ),
    ]
}

/// Functions that return the call.
fn lasting() -> Vec<Case> {
    vec![
        (
            "boxed_future",
            quote!(),
            quote! {
                fn process<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + 'a>> {
                    let length = text.len();
                    Box::pin(async move { length })
                }
            },
        ),
        (
            "future_made_elsewhere",
            quote!(method = NAME),
            quote!(
                fn process() -> impl Future<Output = Result<(), Refused>> {
                    ready(Ok(()))
                }
            ),
        ),
        (
            "stream",
            quote!(error_if = Item::is_bad),
            quote!(
                fn process() -> BoxStream<'static, Item> {
                    Box::pin(items())
                }
            ),
        ),
    ]
}

fn everything() -> Case {
    let args = quote! {
        task = "text",
        error_type = kind,
        expected("NOT_FOUND"),
        labels(tier = req.tier, own = self.own, capped(tenant = &req.tenant, max = 100)),
        request_size = req.body.len(),
        response_size = Response::len,
        deadline = req.left,
        buckets = [0.1, 1],
        ok_if = |answer| answer.is_ok(),
        crate = renamed,
    };
    let item = quote! {
        pub(crate) fn process(&self, mut req: Request<'a>) -> Result<Response, Refused> { self.run(req) }
    };
    ("everything", args, item)
}

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/golden").join(format!("{name}.txt"))
}

/// Lines and indentation, for readers; only the tokens are compared.
#[derive(Default)]
struct Page {
    text: String,
    depth: usize,
    /// Whether the next token goes without a space before it.
    glued: bool,
}

fn pretty(tokens: TokenStream) -> String {
    let mut page = Page {
        glued: true,
        ..Page::default()
    };
    page.write(tokens);
    page.text.truncate(page.text.trim_end().len());
    page.text + "\n"
}

impl Page {
    fn write(&mut self, tokens: TokenStream) {
        let mut before = String::new();
        for token in tokens {
            match &token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.token("{", false);
                    self.depth += 1;
                    self.newline();
                    self.write(group.stream());
                    self.depth -= 1;
                    self.newline();
                    self.token("}", true);
                    self.newline();
                }
                TokenTree::Group(group) => {
                    let shown = if group.delimiter() == Delimiter::Bracket {
                        "[]"
                    } else {
                        "()"
                    };
                    let (open, close) = shown.split_at(1);
                    let called = before
                        .chars()
                        .all(|letter| letter.is_alphanumeric() || "_!>#".contains(letter));
                    self.token(open, called);
                    self.glued = true;
                    self.write(group.stream());
                    self.token(close, true);
                    self.glued = false;
                }
                TokenTree::Punct(sign) => {
                    let joint = sign.spacing() == Spacing::Joint;
                    // The first colon of a path, or the second.
                    let path = sign.as_char() == ':' && (joint || before == "::");
                    let begins = path && joint && !is_segment(&before);
                    let tight = path || ",;.?:".contains(sign.as_char());
                    self.token(&sign.to_string(), tight && !begins);
                    self.glued = joint || path || "&.!'#".contains(sign.as_char());
                    if sign.as_char() == ';' {
                        self.newline();
                    }
                }
                word => self.token(&word.to_string(), false),
            }
            let joint_colon = matches!(&token, TokenTree::Punct(sign) if sign.as_char() == ':' && sign.spacing() == Spacing::Joint);
            let shown = if joint_colon {
                "::".to_owned()
            } else {
                token.to_string()
            };
            before = shown;
        }
    }

    fn token(&mut self, token: &str, tight: bool) {
        if matches!(token, "," | ";" | ")" | ".") {
            self.text.truncate(self.text.trim_end().len());
        } else if !self.glued && !tight {
            self.text.push(' ');
        }
        self.text.push_str(token);
        self.glued = false;
    }

    fn newline(&mut self) {
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.text.push_str(&"    ".repeat(self.depth));
        self.glued = true;
    }
}

/// Whether a path may go on after this.
fn is_segment(token: &str) -> bool {
    token != "return"
        && token
            .chars()
            .all(|letter| letter.is_alphanumeric() || "_>".contains(letter))
}

#[test]
fn expansions_are_as_checked_in() {
    for (name, args, item) in shapes() {
        let output = expanded(args, item);
        let path = path(name);
        if env::var_os("UPDATE_GOLDEN").is_some()
            && let Err(error) = fs::write(&path, pretty(output.clone()))
        {
            panic!("{}: {error}", path.display());
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        let golden: TokenStream = golden.parse().unwrap_or_default();
        assert_eq!(
            flat(output.clone()),
            flat(golden),
            "{name} is now\n{}",
            pretty(output)
        );
    }
}

#[test]
fn a_root_is_around_the_start_of_its_call_and_changes_nothing_else() {
    for (name, args, item) in shapes() {
        if name == "root" {
            continue;
        }
        let rooted = quote!(root, #args);
        let rooted = flat(expanded(rooted, item.clone()));
        let at = rooted.iter().position(|token| token == "Root");
        let at = at.unwrap_or_else(|| panic!("{name}: {rooted:?}"));
        let start = &rooted[at + 2];
        assert!(
            ["{", "__monitor_start"].contains(&&**start),
            "{name}: {start}"
        );
        assert_eq!(
            without_root(rooted, at),
            flat(expanded(args, item)),
            "{name}"
        );
    }
}

/// The tokens without the path that ends there and the parentheses behind it.
fn without_root(mut tokens: Vec<String>, at: usize) -> Vec<String> {
    let path = tokens[..at]
        .iter()
        .rev()
        .take_while(|token| *token == ":" || is_segment(token));
    let from = at - path.count();
    let mut depth = 0_u32;
    let end = tokens[at..].iter().position(|token| {
        depth += u32::from(token == "(");
        depth -= u32::from(token == ")");
        depth == 0 && token == ")"
    });
    tokens.remove(at + end.unwrap_or_default());
    tokens.drain(from..at + 2);
    tokens
}

#[test]
fn a_root_whose_arguments_are_read_starts_once() {
    let args = quote!(root, labels(tier = tier));
    for (item, start) in [
        (
            quote!(
                async fn f(tier: Tier) -> u8 {
                    g().await
                }
            ),
            "Start :: start (:: monitor_core :: __private :: Root (__monitor_start))",
        ),
        (
            quote!(
                async fn f(tier: Tier) -> R {
                    g().await?;
                    h()
                }
            ),
            "Start :: start (:: monitor_core :: __private :: Root (__monitor_start))",
        ),
        (
            quote!(
                async fn f(tier: Tier) -> R {
                    g()?;
                    h()
                }
            ),
            "run_sync :: < R , _ > (:: monitor_core :: __private :: Root (__monitor_start)",
        ),
        (
            quote!(
                fn f(tier: Tier) -> u8 {
                    g()
                }
            ),
            "start (:: monitor_core :: __private :: Root (__monitor_start))",
        ),
        (
            quote!(
                fn f(tier: Tier) -> BoxFuture<'a, u8> {
                    Box::pin(async move { 1 })
                }
            ),
            "(:: monitor_core :: __private :: Root (__monitor_start) ,",
        ),
        (
            quote!(
                fn f(tier: Tier) -> BoxStream<'a, u8> {
                    g()
                }
            ),
            "(:: monitor_core :: __private :: Root (__monitor_start) ,",
        ),
    ] {
        let text = expanded(args.clone(), item).to_string();
        assert!(text.contains(start), "{start} in {text}");
        assert_eq!(text.matches("Root (").count(), 1, "{text}");
    }
}

#[test]
fn other_attribute_macros_can_parse_an_expansion() {
    for (_, args, item) in shapes() {
        assert_parses(&expanded(args, item));
    }
    assert_parses(&expanded(
        quote!(),
        quote! { #[track_caller] fn process(at: usize) -> u8 { BYTES[at] } },
    ));
}

/// The one call on the path of a call: its arguments are the static, the values read off the function's arguments, and
/// the closure that reads the outcome. `InPlaceCall` starts and finishes the same call.
const CALLS: &[&str] = &[
    "InPlaceCall",
    "run_async",
    "run_begun",
    "run_body",
    "run_stream",
    "run_sync",
];

/// Around a body that makes the future or stream that is the call, and around that.
const MADE: &[&str] = &["Box", "make"];

/// In the closure that the call is given; once more for the size of the returned value.
const OUTCOME: &[&str] = &["Probe", "ReturnType"];

/// Evaluated while compiling: types, and parts of the static.
const COMPILED: &[&str] = &[
    "CallSite",
    "Item",
    "LabelKey",
    "Output",
    "SiteEntry",
    "SiteSettings",
    "TypeSource",
    "bounds",
    "file",
    "inventory",
    "label_values",
    "line",
    "method_name",
];

/// Around the futures that a body in place awaits.
const AWAITS: &[&str] = &["awaited"];

/// In a branch that is never taken.
const NEVER_RUN: &[&str] = &["edge"];

/// Used for the attribute's arguments only.
const ASKED: &[&str] = &[
    "CallArgs",
    "Root",
    "Start",
    "bounded",
    "error_type",
    "holds",
    "limit",
    "response_size",
    "text",
];

/// The names that an expansion takes from the runtime.
fn names(tokens: &[String]) -> Vec<&str> {
    let after = tokens.windows(4);
    let named = after.filter(|next| next[0] == "__private" && next[1] == ":" && next[2] == ":");
    named.map(|next| &*next[3]).collect()
}

#[test]
fn an_expansion_is_one_static_and_one_call_into_the_runtime() {
    for (name, args, item) in shapes() {
        let asks = !args.is_empty();
        let tokens = flat(expanded(args, item));
        // The `'static` of a lifetime is one token after its quote.
        let statics = tokens
            .windows(2)
            .filter(|pair| pair[1] == "static" && pair[0] != "'");
        assert_eq!(statics.count(), 1, "{name}");
        let names = names(&tokens);
        let count = |known: &[&str]| names.iter().filter(|name| known.contains(*name)).count();
        assert_eq!(count(CALLS), 1, "{name}: {names:?}");
        let looks = 1 + count(&["response_size"]);
        assert!(count(OUTCOME) <= looks, "{name}: {names:?}");
        assert!(asks || count(ASKED) == 0, "{name}: {names:?}");
        let all = [CALLS, MADE, OUTCOME, AWAITS, COMPILED, NEVER_RUN, ASKED].map(count);
        assert_eq!(all.iter().sum::<usize>(), names.len(), "{name}: {names:?}");
    }
}
