//! Functions with such values, in every shape that the attribute has.

use super::choice::Choice;
use super::values::Typed;

/// What kind of function it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sync,
    TrackCaller,
    Async,
    /// A future that is an async block.
    Future,
    /// The same in a pinned box.
    Pinned,
    Stream,
    /// The same in a pinned box.
    PinnedStream,
    /// A method of a monitored block.
    Method,
    AsyncMethod,
    /// A method of a trait with `#[async_trait]`.
    AsyncTrait,
}

const KINDS: &[Kind] = &[
    Kind::Sync,
    Kind::Sync,
    Kind::TrackCaller,
    Kind::Async,
    Kind::Async,
    Kind::Async,
    Kind::Future,
    Kind::Pinned,
    Kind::Stream,
    Kind::PinnedStream,
    Kind::Method,
    Kind::AsyncMethod,
    Kind::AsyncTrait,
];

/// A function to be, of which the attribute is one part.
#[derive(Debug)]
pub(super) struct Function {
    kind: Kind,
    /// What the attribute says.
    args: &'static str,
    ty: String,
    body: String,
    show: String,
}

impl Function {
    /// Any one.
    pub(super) fn random(choice: &mut Choice) -> Self {
        let kind = choice.of(KINDS);
        let typed = typed(choice, kind);
        let args = match kind {
            Kind::Sync | Kind::Method => {
                choice.of(&["", "call = handle", "labels(big = n > 3)", "task = \"t\""])
            }
            Kind::Async | Kind::AsyncMethod | Kind::AsyncTrait => choice.of(&[
                "",
                "",
                "call = handle",
                "labels(big = n > 3)",
                "max_concurrency = 2",
            ]),
            Kind::Future | Kind::Pinned => {
                choice.of(&["", "labels(big = n > 3)", "max_concurrency = 2"])
            }
            _ => "",
        };
        let body = kind.body(choice, &typed);
        Self {
            kind,
            args,
            ty: typed.ty,
            body,
            show: typed.show,
        }
    }

    /// As text; without the attribute or with it.
    pub(super) fn text(&self, case: usize, monitored: bool) -> String {
        let Self { args, ty, body, .. } = self;
        let own = if monitored {
            format!("#[monitored({args})] ")
        } else {
            String::new()
        };
        let on_block = if monitored { "#[monitored] " } else { "" };
        match self.kind {
            Kind::Sync => format!("{own}pub fn f{case}(n: u8) -> {ty} {{ {body} }}\n"),
            Kind::TrackCaller => {
                format!("{own}#[track_caller] pub fn f{case}(n: u8) -> {ty} {{ {body} }}\n")
            }
            Kind::Async => format!("{own}pub async fn f{case}(n: u8) -> {ty} {{ {body} }}\n"),
            Kind::Future => {
                format!("{own}pub fn f{case}(n: u8) -> impl Future<Output = {ty}> {{ {body} }}\n")
            }
            Kind::Pinned => format!(
                "{own}pub fn f{case}(n: u8) -> Pin<Box<dyn Future<Output = {ty}>>> {{ {body} }}\n"
            ),
            Kind::Stream => {
                format!("{own}pub fn f{case}(n: u8) -> impl Stream<Item = {ty}> {{ {body} }}\n")
            }
            Kind::PinnedStream => format!(
                "{own}pub fn f{case}(n: u8) -> Pin<Box<dyn Stream<Item = {ty}>>> {{ {body} }}\n"
            ),
            Kind::Method => format!(
                "pub struct S{case};\n{on_block}impl S{case} {{ {own}pub fn f{case}(&self, n: u8) -> {ty} {{ {body} }} }}\n"
            ),
            Kind::AsyncMethod => format!(
                "pub struct S{case};\n{on_block}impl S{case} {{ {own}pub async fn f{case}(&self, n: u8) -> {ty} {{ {body} }} }}\n"
            ),
            Kind::AsyncTrait => format!(
                "pub struct S{case};\n#[async_trait(?Send)] pub trait T{case} {{ async fn f{case}(&self, n: u8) -> {ty}; }}\n\
                 #[async_trait(?Send)] impl T{case} for S{case} {{ {own}async fn f{case}(&self, n: u8) -> {ty} {{ {body} }} }}\n"
            ),
        }
    }

    /// An expression of the text of what it gives.
    pub(super) fn shown(&self, case: usize, module: &str) -> String {
        let called = match self.kind {
            Kind::Method | Kind::AsyncMethod => format!("{module}::S{case}.f{case}(3)"),
            Kind::AsyncTrait => format!("{module}::T{case}::f{case}(&{module}::S{case}, 3)"),
            _ => format!("{module}::f{case}(3)"),
        };
        let value = match self.kind {
            Kind::Sync | Kind::TrackCaller | Kind::Method => called,
            Kind::Stream | Kind::PinnedStream => format!("support::first({called})"),
            _ => format!("support::block_on({called})"),
        };
        format!("{{ use support::*; let mut v = {value}; {} }}", self.show)
    }
}

fn typed(choice: &mut Choice, kind: Kind) -> Typed {
    match kind {
        Kind::Future | Kind::Pinned | Kind::Stream | Kind::PinnedStream => Typed::late(choice, 2),
        Kind::AsyncTrait => Typed::early(choice, 2),
        // Of a `Result` nothing is seen there, so it is refused.
        Kind::TrackCaller => loop {
            let typed = Typed::early(choice, 2);
            if !typed.ty.starts_with("Result<") {
                break typed;
            }
        },
        _ if choice.below(2) == 0 => Typed::opaque(choice),
        _ => Typed::early(choice, 2),
    }
}

impl Kind {
    fn body(self, choice: &mut Choice, typed: &Typed) -> String {
        match self {
            Self::Stream => format!("Once(Some({}))", typed.value),
            Self::PinnedStream => format!("Box::pin(Once(Some({})))", typed.value),
            Self::Future if choice.below(3) == 0 => format!("std::future::ready({})", typed.value),
            Self::Future => format!(
                "{}async move {{ {} }}",
                before(choice),
                block(choice, typed, true)
            ),
            Self::Pinned => {
                let other = typed.other.as_ref().unwrap_or(&typed.value);
                let early =
                    format!("if n > 200 {{ return Box::pin(std::future::ready({other})); }} ");
                let early = if choice.below(3) == 0 {
                    early
                } else {
                    before(choice).to_owned()
                };
                format!(
                    "{early}Box::pin(async move {{ {} }})",
                    block(choice, typed, true)
                )
            }
            Self::Async | Self::AsyncMethod | Self::AsyncTrait => {
                let waits = choice.below(3) > 0;
                block(choice, typed, waits)
            }
            _ => block(choice, typed, false),
        }
    }
}

fn before(choice: &mut Choice) -> &'static str {
    choice.of(&["", "let _k = step(n); "])
}

/// The statements of a body that gives such a value.
fn block(choice: &mut Choice, typed: &Typed, waits: bool) -> String {
    let asks = match &typed.ty {
        result if result.starts_with("Result<") => "let _k: u8 = \"1\".parse()?; ",
        option if option.starts_with("Option<") => "let _k = Some(n)?; ",
        _ => "",
    };
    let mut text = String::new();
    if waits {
        text.push_str(choice.of(&["tick().await; ", "let n = later(n).await; ", ""]));
    }
    text.push_str(choice.of(&["", "let _k = step(n); ", asks, asks]));
    text + &end(choice, typed)
}

fn end(choice: &mut Choice, typed: &Typed) -> String {
    let value = &typed.value;
    match (&typed.other, choice.below(6)) {
        (None, 0) => format!("if n < 200 {{ return {value}; }} unreachable!()"),
        (None, 1) => format!("{{ {value} }}"),
        (Some(other), 0) => format!("if n > 200 {{ return {other}; }} {value}"),
        (Some(other), 1) => {
            format!("match n {{ 200 => panic!(), 201 => return {other}, _ => {value} }}")
        }
        (Some(other), 2) => format!("if n > 200 {{ {other} }} else {{ {value} }}"),
        (None, 2) | (Some(_), 3) => format!("loop {{ break {value}; }}"),
        (Some(_), 4) => format!("given!({value})"),
        _ => value.clone(),
    }
}
