//! The values of single arguments. A fault is reported at the token that is wrong, and says what to write instead.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{
    Expr, ExprLit, ExprPath, ExprUnary, Lit, LitBool, LitStr, Path, Token, UnOp, parenthesized,
    token,
};

use super::exits::inside;
use super::keys::example;
use crate::fragments::expression;

/// The longest name of a method, an error type or a task type, bytes; the runtime has the same limit for names given at
/// run time.
const MAX_NAME_BYTES: usize = 120;

/// The value of the label `method`.
#[derive(Clone)]
pub(crate) enum MethodName {
    /// A literal, checked here.
    Literal(LitStr),
    /// The path of a constant, or a macro: checked by the runtime's `method_name` while compiling.
    Constant(Box<Expr>),
}

/// Where the type of an error comes from, if not from the configured rules.
pub(crate) enum ErrorType {
    /// Every failure has this one.
    Name(LitStr),
    /// A function of the error tells.
    Function(ExprPath),
}

/// How many calls may run at once.
pub(crate) enum Limit {
    /// As many as the configuration has workers.
    Workers,
    /// This many.
    Count(Box<Expr>),
}

/// Reads `= value` after `key`, as any expression: one of the wrong kind is then refused as a whole.
pub(super) fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    equals(key, input)?;
    expression(input)
}

/// Reads the `=` after `key`.
fn equals(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) && !input.peek(Token![==]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return Ok(());
        }
    }
    let message = format!(
        "the argument `{key}` needs a value: `{}`",
        example(&key.to_string())
    );
    Err(syn::Error::new(key.span(), message))
}

pub(super) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    if input.peek(Token![=]) || input.peek(token::Paren) {
        let message = format!("`{key}` takes no value: write `{key}` alone");
        return Err(syn::Error::new(input.span(), message));
    }
    Ok(())
}

/// Refuses a value. What a macro makes is known to the compiler later, so one does not help where a literal is missing.
pub(crate) fn refuse<T>(value: &Expr, message: impl std::fmt::Display) -> syn::Result<T> {
    let Expr::Macro(made) = bare(value) else {
        return Err(syn::Error::new_spanned(value, message));
    };
    let name = made.mac.path.segments.last();
    let name = name.map_or_else(String::new, |last| format!("`{}!`", last.ident));
    let message =
        format!("{message}: {name} is expanded after this attribute, so write out what it gives");
    Err(syn::Error::new_spanned(value, message))
}

/// An expression without parentheses around it.
pub(crate) fn bare(mut value: &Expr) -> &Expr {
    while let Expr::Paren(inner) = value {
        value = &inner.expr;
    }
    value
}

/// The text of a string literal.
pub(crate) fn string(value: &Expr) -> Option<&LitStr> {
    match bare(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

/// Checks a name that becomes the value of a label.
pub(crate) fn check_name(what: &str, name: &LitStr) -> syn::Result<()> {
    let bytes = name.value().len();
    let message = if bytes == 0 {
        format!("{what} is empty")
    } else if bytes > MAX_NAME_BYTES {
        format!("{what} has {bytes} bytes; at most {MAX_NAME_BYTES} are allowed")
    } else if !name.suffix().is_empty() {
        format!("{what} has the suffix `{}`", name.suffix())
    } else {
        return Ok(());
    };
    Err(syn::Error::new(name.span(), message))
}

pub(super) fn method_name(key: &Ident, input: ParseStream<'_>) -> syn::Result<MethodName> {
    let value = value(key, input)?;
    if let Some(name) = string(&value) {
        check_name("the method name", name)?;
        return Ok(MethodName::Literal(name.clone()));
    }
    match bare(&value) {
        Expr::Path(_) | Expr::Macro(_) => Ok(MethodName::Constant(Box::new(value))),
        _ => refuse(
            &value,
            "the method name is a string literal or the path of a `&'static str` constant",
        ),
    }
}

pub(super) fn prefix(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = text(key, input, "the prefix")?;
    if name.value().is_empty() {
        return Ok(name);
    }
    check_name("the prefix", &name).map(|()| name)
}

pub(super) fn task(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = text(key, input, "the task type")?;
    check_name("the task type", &name).map(|()| name)
}

fn text(key: &Ident, input: ParseStream<'_>, what: &str) -> syn::Result<LitStr> {
    let value = value(key, input)?;
    match string(&value) {
        Some(text) => Ok(text.clone()),
        None => refuse(&value, format_args!("{what} is a string literal")),
    }
}

pub(super) fn health(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitBool> {
    let value = value(key, input)?;
    match bare(&value) {
        Expr::Lit(ExprLit {
            lit: Lit::Bool(flag),
            ..
        }) => Ok(flag.clone()),
        _ => refuse(&value, "`health` is `true` or `false`"),
    }
}

pub(super) fn error_type(key: &Ident, input: ParseStream<'_>) -> syn::Result<ErrorType> {
    let value = value(key, input)?;
    if let Some(name) = string(&value) {
        check_name("the error type", name)?;
        return Ok(ErrorType::Name(name.clone()));
    }
    match bare(&value) {
        Expr::Path(path) => Ok(ErrorType::Function(path.clone())),
        _ => refuse(
            &value,
            "the error type is a string literal or the path of a `fn(&E) -> &'static str`",
        ),
    }
}

pub(super) fn expected(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    let content = list(key, input)?;
    let names = Punctuated::<_, Token![,]>::parse_terminated_with(&content, expression)?;
    if names.is_empty() {
        let message = "`expected` names no error type: `expected(\"name\", ..)`";
        return Err(syn::Error::new(key.span(), message));
    }
    let mut faults = Faults::default();
    let mut known: Vec<LitStr> = Vec::new();
    for name in names {
        match expected_name(&name, &known) {
            Ok(name) => known.push(name),
            Err(error) => faults.push(error),
        }
    }
    faults.or(known)
}

fn expected_name(name: &Expr, known: &[LitStr]) -> syn::Result<LitStr> {
    let Some(name) = string(name) else {
        return refuse(name, "an expected error type is a string literal");
    };
    check_name("the error type", name)?;
    if known.iter().any(|before| before.value() == name.value()) {
        let message = format!("the error type {:?} is given twice", name.value());
        return Err(syn::Error::new(name.span(), message));
    }
    Ok(name.clone())
}

/// Opens the parentheses after `key`.
pub(super) fn list<'a>(
    key: &Ident,
    input: ParseStream<'a>,
) -> syn::Result<syn::parse::ParseBuffer<'a>> {
    if !input.peek(token::Paren) {
        let message = format!(
            "the argument `{key}` needs a list: `{}`",
            example(&key.to_string())
        );
        return Err(syn::Error::new(key.span(), message));
    }
    let content;
    parenthesized!(content in input);
    Ok(content)
}

/// A function of the returned value: a closure of one parameter, or whatever else can be called.
pub(super) fn predicate(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = value(key, input)?;
    match &value {
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) => {
            let message =
                format!("`{key}` takes a function of the returned value: `{key} = |answer| ..`");
            refuse(&value, message)
        }
        Expr::Closure(closure) if closure.inputs.len() != 1 => {
            let message = format!(
                "the closure of `{key}` takes one argument, the returned value: `|answer| ..`"
            );
            let parameters = &closure.inputs;
            if parameters.is_empty() {
                return Err(syn::Error::new(closure.or1_token.span, message));
            }
            Err(syn::Error::new_spanned(parameters, message))
        }
        _ => inside(key, value),
    }
}

pub(super) fn size(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = value(key, input)?;
    match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(_), ..
        }) => Ok(value),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) => {
            let message = format!(
                "`{key}` is a number of bytes, computed from the arguments: an integer or an `Option` of one"
            );
            refuse(&value, message)
        }
        _ => inside(key, value),
    }
}

pub(super) fn deadline(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = value(key, input)?;
    match &value {
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) => refuse(
            &value,
            "`deadline` is the time left, computed from the arguments: a `Duration` or an `Option<Duration>`",
        ),
        _ => inside(key, value),
    }
}

pub(super) fn limit(key: &Ident, input: ParseStream<'_>) -> syn::Result<Limit> {
    let value = value(key, input)?;
    let negative = matches!(
        &value,
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if matches!(**expr, Expr::Lit(_))
    );
    match &value {
        Expr::Path(path) if path.path.is_ident("workers") => Ok(Limit::Workers),
        Expr::Lit(ExprLit {
            lit: Lit::Int(_), ..
        }) => Ok(Limit::Count(Box::new(value))),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) => refuse(
            &value,
            "`max_concurrency` is a number of calls (0: no limit), or `workers` for the configured number",
        ),
        _ if negative => refuse(&value, "`max_concurrency` is not negative (0: no limit)"),
        _ => inside(key, value).map(|count| Limit::Count(Box::new(count))),
    }
}

pub(super) fn binding(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let message = "`call` takes the name that the body uses: `call = call`";
    match value(key, input)? {
        Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => {
            match path.path.get_ident() {
                Some(name) if !is_keyword(name) => Ok(name.clone()),
                _ => refuse(&Expr::Path(path), message),
            }
        }
        other => refuse(&other, message),
    }
}

/// The keywords that an expression path may consist of.
fn is_keyword(name: &Ident) -> bool {
    ["self", "Self", "super", "crate"]
        .iter()
        .any(|word| name == word)
}

pub(super) fn root(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    equals(key, input)?;
    let span = input.span();
    input
        .call(Path::parse_mod_style)
        .map_err(|_| syn::Error::new(span, "expected a path: `crate = path::to::monitor_core`"))
}

/// Faults collected while a list is read.
#[derive(Default)]
pub(super) struct Faults(Option<syn::Error>);

impl Faults {
    pub(super) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    pub(super) fn extend(&mut self, more: Self) {
        if let Some(error) = more.0 {
            self.push(error);
        }
    }

    /// The faults, or else this.
    pub(super) fn or<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
