//! The values of single arguments. A fault is reported at the wrong token, with a correct form.

use std::fmt::Display;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseBuffer, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprLit, ExprUnary, Lit, LitBool, LitStr, Macro, Path, Token, UnOp, parenthesized, token,
};

use super::{example, separated, unless};

/// The longest name of a method, an error type or a task type, bytes; the runtime has the same limit for names given at
/// run time.
const MAX_NAME_BYTES: usize = 120;

/// The value of the label `method`, or an error type.
#[derive(Clone)]
pub(crate) enum Name {
    /// A literal, checked here.
    Literal(LitStr),
    /// Of a method: the path of a constant, or a macro, checked by the runtime's `method_name` while compiling. Of an
    /// error: the path of a function that returns its type.
    Path(Box<Expr>),
}

/// How many calls may run at once; none, if as many as the configuration has workers.
pub(crate) type Limit = Option<Expr>;

/// All faults: one build reports every one.
pub(crate) type Faults = Vec<syn::Error>;

/// Returns an error at a place.
pub(crate) fn fault<T>(at: Span, message: impl Display) -> syn::Result<T> {
    Err(syn::Error::new(at, message))
}

/// Reads past a `=`, if there is one and something behind it.
pub(super) fn equals(input: ParseStream<'_>) -> bool {
    input.peek(Token![=])
        && !input.peek(Token![==])
        && input.parse::<Token![=]>().is_ok()
        && !input.is_empty()
        && !input.peek(Token![,])
}

/// Reads the `=` after `key`.
fn assigned(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if equals(input) {
        return Ok(());
    }
    let message = format!("the argument `{key}` needs a value: `{}`", example(key));
    fault(key.span(), message)
}

/// Reads `= value` after `key`, as any expression: one of the wrong kind is then refused as a whole.
fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    assigned(key, input)?;
    input.parse()
}

/// Reads `= value` after a key as something.
pub(super) fn of<T>(
    read: impl Fn(&Expr) -> syn::Result<T>,
) -> impl Fn(&Ident, ParseStream<'_>) -> syn::Result<T> {
    move |key, input| read(&value(key, input)?)
}

/// Opens the parentheses after `key`.
pub(super) fn list<'a>(key: &Ident, input: ParseStream<'a>) -> syn::Result<ParseBuffer<'a>> {
    if !input.peek(token::Paren) {
        let message = format!("the argument `{key}` needs a list: `{}`", example(key));
        return fault(key.span(), message);
    }
    let content;
    parenthesized!(content in input);
    Ok(content)
}

pub(super) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) || input.peek(token::Paren) {
        return Err(input.error(format!("`{key}` takes no value: write `{key}` alone")));
    }
    Ok(())
}

/// Refuses a value. The result of a macro is not known yet, so a macro cannot stand for a literal.
pub(super) fn refuse<T>(value: &Expr, message: impl Display) -> syn::Result<T> {
    let Expr::Macro(made) = bare(value) else {
        return Err(syn::Error::new_spanned(value, message));
    };
    let name = made.mac.path.segments.last().map(|last| &last.ident);
    let name = name.into_token_stream();
    let why = format!("`{name}!` is expanded after this attribute, so write its result");
    Err(syn::Error::new_spanned(value, format!("{message}: {why}")))
}

/// An expression without parentheses around it.
pub(super) fn bare(mut value: &Expr) -> &Expr {
    while let Expr::Paren(inner) = value {
        value = &inner.expr;
    }
    value
}

/// The literal that an expression is.
pub(super) fn literal(value: &Expr) -> Option<&Lit> {
    match bare(value) {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

/// Whether an expression is a literal with a sign.
pub(super) fn is_negative(value: &Expr) -> bool {
    matches!(value, Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if matches!(**expr, Expr::Lit(_)))
}

/// Checks a name that becomes the value of a label.
pub(crate) fn check_name(what: &str, name: &LitStr) -> syn::Result<()> {
    let why = match (name.value().len(), name.suffix()) {
        (0, _) => "is empty".to_owned(),
        (1..=MAX_NAME_BYTES, "") => return Ok(()),
        (1..=MAX_NAME_BYTES, suffix) => format!("has the suffix `{suffix}`"),
        (bytes, _) => format!("has {bytes} bytes; at most {MAX_NAME_BYTES} are allowed"),
    };
    fault(name.span(), format_args!("{what} {why}"))
}

/// The name in a string literal; for any other expression, an error with the message `expected`.
fn text(value: &Expr, what: &str, expected: &str) -> syn::Result<LitStr> {
    match literal(value) {
        Some(Lit::Str(name)) => check_name(what, name).map(|()| name.clone()),
        _ => refuse(value, expected),
    }
}

pub(super) fn name(what: &str, expected: &str) -> impl Fn(&Expr) -> syn::Result<LitStr> {
    move |value| text(value, what, expected)
}

pub(super) fn prefix(value: &Expr) -> syn::Result<LitStr> {
    match literal(value) {
        Some(Lit::Str(none)) if none.value().is_empty() => Ok(none.clone()),
        _ => text(value, "the prefix", "the prefix is a string literal"),
    }
}

/// A name, or an expression of a kind that `gives` one.
pub(super) fn name_or(
    gives: fn(&Expr) -> bool,
    what: &str,
    expected: &str,
) -> impl Fn(&Expr) -> syn::Result<Name> {
    move |value| match bare(value) {
        path if gives(path) => Ok(Name::Path(Box::new(path.clone()))),
        _ => text(value, what, expected).map(Name::Literal),
    }
}

pub(super) fn health(value: &Expr) -> syn::Result<LitBool> {
    match literal(value) {
        Some(Lit::Bool(flag)) => Ok(flag.clone()),
        _ => refuse(value, "`health` is `true` or `false`"),
    }
}

pub(super) fn expected(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    let content = list(key, input)?;
    if content.is_empty() {
        let message = "`expected` names no error type: `expected(\"name\", ..)`";
        return fault(key.span(), message);
    }
    let mut names: Vec<LitStr> = Vec::new();
    let faults = separated(&content, |input| {
        let expected = "an expected error type is a string literal";
        let name = text(&input.parse()?, "the error type", expected)?;
        if names.iter().any(|before| before.value() == name.value()) {
            let message = format!("the error type {:?} is given twice", name.value());
            return fault(name.span(), message);
        }
        names.push(name);
        Ok("the error type".to_owned())
    });
    unless(faults, names)
}

/// A function of the returned value: a closure of one parameter, or any other expression that can be called.
pub(super) fn predicate(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = value(key, input)?;
    if let Expr::Closure(closure) = &value {
        let message =
            format!("the closure of `{key}` takes one argument, the returned value: `|answer| ..`");
        return match closure.inputs.len() {
            1 => Ok(value),
            0 => fault(closure.or1_token.span, message),
            _ => Err(syn::Error::new_spanned(&closure.inputs, message)),
        };
    }
    let expected = format!("`{key}` takes a function of the returned value: `{key} = |answer| ..`");
    computed(key, value, false, &expected)
}

/// An expression of the function's arguments.
pub(super) fn of_arguments(
    integer: bool,
    expected: &str,
) -> impl Fn(&Ident, ParseStream<'_>) -> syn::Result<Expr> {
    move |key, input| computed(key, value(key, input)?, integer, expected)
}

pub(super) fn limit(key: &Ident, input: ParseStream<'_>) -> syn::Result<Limit> {
    let expected = "`max_concurrency` is a number of calls (0: no limit), or `workers` for the configured number";
    let value = value(key, input)?;
    match &value {
        Expr::Path(path) if path.path.is_ident("workers") => Ok(None),
        sign if is_negative(sign) => {
            refuse(sign, "`max_concurrency` is not negative (0: no limit)")
        }
        _ => computed(key, value, true, expected).map(Some),
    }
}

/// An expression that stands beside the body: no closure, no constant but an integer where one is fine, and nothing
/// that leaves the function.
fn computed(key: &Ident, value: Expr, integer: bool, expected: &str) -> syn::Result<Expr> {
    match &value {
        Expr::Lit(literal) if integer && matches!(literal.lit, Lit::Int(_)) => Ok(value),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) => {
            refuse(&value, expected)
        }
        _ => inside(key, value),
    }
}

/// The names of the statuses that an error may set, and the variants they stand for.
const STATUSES: [(&str, &str); 6] = [
    ("CONNECTION_ERROR", "ConnectionError"),
    ("FATAL", "Fatal"),
    ("INTERNAL", "Internal"),
    ("OTHER_EXCEPTION", "OtherException"),
    ("UNKNOWN", "Unknown"),
    ("OK", "Ok"),
];

/// The variant of `TaskStatus` that a status names.
pub(super) fn status(value: &Expr) -> syn::Result<Ident> {
    let name = match bare(value) {
        Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => path.path.get_ident(),
        _ => None,
    };
    let known = STATUSES
        .iter()
        .find(|(status, _)| name.is_some_and(|name| name == status));
    let Some((_, variant)) = known else {
        let names = STATUSES.map(|(status, _)| format!("`{status}`")).join(", ");
        return refuse(value, format!("`status` is one of these words: {names}"));
    };
    Ok(Ident::new(variant, Span::mixed_site()))
}

pub(super) fn binding(value: &Expr) -> syn::Result<Ident> {
    let name = match value {
        Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => path.path.get_ident(),
        _ => None,
    };
    // The keywords that a path may consist of.
    let keywords = ["self", "Self", "super", "crate"];
    let expected = "`call` takes the name that the body uses: `call = call`";
    match name.filter(|name| keywords.iter().all(|word| name != word)) {
        Some(name) => Ok(name.clone()),
        None => refuse(value, expected),
    }
}

pub(super) fn crate_path(message: &str) -> impl Fn(&Ident, ParseStream<'_>) -> syn::Result<Path> {
    move |key, input| {
        assigned(key, input)?;
        let at = input.span();
        input.call(Path::parse_mod_style).or_else(|_| {
            let _ = input.parse::<Expr>();
            fault(at, format_args!("{message}: `{}`", example(key)))
        })
    }
}

/// Refuses an expression that would leave the function, or suspend it, in the middle of its instrumentation.
pub(super) fn inside(key: &Ident, value: Expr) -> syn::Result<Expr> {
    let mut exits = Exits(key.unraw(), Vec::new());
    exits.visit_expr(&value);
    unless(exits.1, value)
}

/// The ways out of a function that the expression of an argument takes.
struct Exits(Ident, Faults);

impl Exits {
    fn refuse(&mut self, span: Span, what: &str) {
        let key = &self.0;
        let message = format!(
            "the expression of `{key}` stands outside of the function's body: no `{what}` there"
        );
        self.1.push(syn::Error::new(span, message));
    }

    /// In a macro whose words are no list of expressions: a keyword is one there too, and so is a `?` that ends
    /// something.
    fn refuse_in(&mut self, tokens: TokenStream) {
        let mut ends_something = false;
        for token in tokens {
            match (token.to_string().as_str(), &token) {
                ("return", _) => self.refuse(token.span(), "return"),
                ("await", _) => self.refuse(token.span(), ".await"),
                ("?", _) if ends_something => self.refuse(token.span(), "?"),
                (_, TokenTree::Group(group)) => self.refuse_in(group.stream()),
                _ => {}
            }
            ends_something = !matches!(token, TokenTree::Punct(_));
        }
    }
}

impl<'ast> Visit<'ast> for Exits {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Try(expr) => self.refuse(expr.question_token.span, "?"),
            Expr::Return(expr) => self.refuse(expr.return_token.span, "return"),
            Expr::Await(expr) => self.refuse(expr.await_token.span, ".await"),
            Expr::Closure(_) | Expr::Async(_) => return,
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        let list = Punctuated::<Expr, Token![,]>::parse_terminated;
        match list.parse2(invocation.tokens.clone()) {
            Ok(values) => values.iter().for_each(|value| self.visit_expr(value)),
            Err(_) => self.refuse_in(invocation.tokens.clone()),
        }
    }
}
