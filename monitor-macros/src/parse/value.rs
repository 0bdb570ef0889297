//! The values of single arguments. A fault is reported at the token that is wrong, and says what to write instead.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseBuffer, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprAsync, ExprAwait, ExprClosure, ExprLit, ExprPath, ExprReturn, ExprTry, ExprUnary,
    Lit, LitBool, LitStr, Macro, Path, Token, UnOp, parenthesized, token,
};

use super::example;
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
    Err(syn::Error::new(key.span(), message))
}

/// Reads `= value` after `key`, as any expression: one of the wrong kind is then refused as a whole.
pub(super) fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    assigned(key, input)?;
    expression(input)
}

/// Opens the parentheses after `key`.
pub(super) fn list<'a>(key: &Ident, input: ParseStream<'a>) -> syn::Result<ParseBuffer<'a>> {
    if !input.peek(token::Paren) {
        let message = format!("the argument `{key}` needs a list: `{}`", example(key));
        return Err(syn::Error::new(key.span(), message));
    }
    let content;
    parenthesized!(content in input);
    Ok(content)
}

pub(super) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
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

/// The text of a string literal.
pub(super) fn string(value: &Expr) -> Option<&LitStr> {
    match literal(value) {
        Some(Lit::Str(text)) => Some(text),
        _ => None,
    }
}

/// Whether an expression is a literal with a sign.
pub(super) fn is_negative(value: &Expr) -> bool {
    matches!(value, Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if matches!(**expr, Expr::Lit(_)))
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

/// A name in the words of `what`; `called` is what a value that is no string literal is said to be.
fn name(key: &Ident, input: ParseStream<'_>, what: &str, called: &str) -> syn::Result<LitStr> {
    let value = value(key, input)?;
    let Some(name) = string(&value) else {
        return refuse(&value, format_args!("{called} is a string literal"));
    };
    check_name(what, name).map(|()| name.clone())
}

pub(super) fn task(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    name(key, input, "the task type", "the task type")
}

pub(super) fn error_name(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    name(key, input, "the error type", &format!("`{key}`"))
}

pub(super) fn label_value(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    name(key, input, "the value of the label", "`name`")
}

pub(super) fn prefix(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let value = value(key, input)?;
    match string(&value) {
        Some(none) if none.value().is_empty() => Ok(none.clone()),
        Some(name) => check_name("the prefix", name).map(|()| name.clone()),
        None => refuse(&value, "the prefix is a string literal"),
    }
}

pub(super) fn method_name(key: &Ident, input: ParseStream<'_>) -> syn::Result<MethodName> {
    let value = value(key, input)?;
    match (string(&value), bare(&value)) {
        (Some(name), _) => {
            check_name("the method name", name).map(|()| MethodName::Literal(name.clone()))
        }
        (None, Expr::Path(_) | Expr::Macro(_)) => Ok(MethodName::Constant(Box::new(value))),
        _ => refuse(
            &value,
            "the method name is a string literal or the path of a `&'static str` constant",
        ),
    }
}

pub(super) fn error_type(key: &Ident, input: ParseStream<'_>) -> syn::Result<ErrorType> {
    let value = value(key, input)?;
    match (string(&value), bare(&value)) {
        (Some(name), _) => {
            check_name("the error type", name).map(|()| ErrorType::Name(name.clone()))
        }
        (None, Expr::Path(path)) => Ok(ErrorType::Function(path.clone())),
        _ => refuse(
            &value,
            "the error type is a string literal or the path of a `fn(&E) -> &'static str`",
        ),
    }
}

pub(super) fn health(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitBool> {
    let value = value(key, input)?;
    match literal(&value) {
        Some(Lit::Bool(flag)) => Ok(flag.clone()),
        _ => refuse(&value, "`health` is `true` or `false`"),
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

/// A function of the returned value: a closure of one parameter, or whatever else can be called.
pub(super) fn predicate(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = value(key, input)?;
    if let Expr::Closure(closure) = &value
        && closure.inputs.len() != 1
    {
        let message =
            format!("the closure of `{key}` takes one argument, the returned value: `|answer| ..`");
        return Err(if closure.inputs.is_empty() {
            syn::Error::new(closure.or1_token.span, message)
        } else {
            syn::Error::new_spanned(&closure.inputs, message)
        });
    }
    let message = format!("`{key}` takes a function of the returned value: `{key} = |answer| ..`");
    let is_function = matches!(value, Expr::Closure(_));
    computed(key, value, |_| is_function, &message)
}

pub(super) fn size(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let message = "`request_size` is a number of bytes, computed from the arguments: an integer or an `Option` of one";
    computed(key, value(key, input)?, is_integer, message)
}

pub(super) fn deadline(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let message = "`deadline` is the time left, computed from the arguments: a `Duration` or an `Option<Duration>`";
    computed(key, value(key, input)?, |_| false, message)
}

pub(super) fn limit(key: &Ident, input: ParseStream<'_>) -> syn::Result<Limit> {
    let value = value(key, input)?;
    match &value {
        Expr::Path(path) if path.path.is_ident("workers") => return Ok(Limit::Workers),
        negative if is_negative(negative) => {
            return refuse(&value, "`max_concurrency` is not negative (0: no limit)");
        }
        _ => {}
    }
    let message = "`max_concurrency` is a number of calls (0: no limit), or `workers` for the configured number";
    computed(key, value, is_integer, message).map(|count| Limit::Count(Box::new(count)))
}

fn is_integer(value: &Expr) -> bool {
    matches!(
        value,
        Expr::Lit(ExprLit {
            lit: Lit::Int(_),
            ..
        })
    )
}

/// An expression that stands beside the body: no constant or closure, unless it is one that `may_be`, and none that leaves the
/// function.
fn computed(
    key: &Ident,
    value: Expr,
    may_be: impl Fn(&Expr) -> bool,
    message: &str,
) -> syn::Result<Expr> {
    match &value {
        other if may_be(other) => inside(key, value),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) => {
            refuse(&value, message)
        }
        _ => inside(key, value),
    }
}

pub(super) fn binding(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let value = value(key, input)?;
    let name = match &value {
        Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => path.path.get_ident(),
        _ => None,
    };
    // The keywords that a path may consist of.
    let keywords = ["self", "Self", "super", "crate"];
    match name {
        Some(name) if !keywords.iter().any(|word| name == word) => Ok(name.clone()),
        _ => refuse(
            &value,
            "`call` takes the name that the body uses: `call = call`",
        ),
    }
}

pub(super) fn root(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    path(key, input, "expected a path")
}

pub(super) fn derive_root(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    path(key, input, "the argument `crate` needs a path")
}

fn path(key: &Ident, input: ParseStream<'_>, message: &str) -> syn::Result<Path> {
    assigned(key, input)?;
    let message = format!("{message}: `{}`", example(key));
    let ahead = input.fork();
    let path = input.call(Path::parse_mod_style);
    path.map_err(|_| {
        let _ = input.parse::<Expr>();
        syn::Error::new(ahead.span(), message)
    })
}

/// Refuses an expression that would leave the function, or suspend it, in the middle of its instrumentation.
pub(super) fn inside(key: &Ident, value: Expr) -> syn::Result<Expr> {
    let mut exits = Exits(key, Faults::default());
    exits.visit_expr(&value);
    exits.1.or(value)
}

/// The ways out of a function that an argument's expression takes.
struct Exits<'a>(&'a Ident, Faults);

impl Exits<'_> {
    fn refuse(&mut self, span: Span, what: &str) {
        let key = self.0.unraw();
        let message = format!(
            "the expression of `{key}` stands outside of the function's body: no `{what}` there"
        );
        self.1.push(syn::Error::new(span, message));
    }

    /// In a macro whose words are no list of expressions: a keyword is one there too, and so is a `?` that ends something.
    fn refuse_in(&mut self, tokens: TokenStream) {
        let mut ends_something = false;
        for token in tokens {
            match &token {
                TokenTree::Ident(word) if word == "return" => self.refuse(word.span(), "return"),
                TokenTree::Ident(word) if word == "await" => self.refuse(word.span(), ".await"),
                TokenTree::Punct(sign) if ends_something && sign.as_char() == '?' => {
                    self.refuse(sign.span(), "?");
                }
                TokenTree::Group(group) => self.refuse_in(group.stream()),
                _ => {}
            }
            ends_something = !matches!(token, TokenTree::Punct(_));
        }
    }
}

impl<'ast> Visit<'ast> for Exits<'_> {
    fn visit_expr_try(&mut self, expr: &'ast ExprTry) {
        self.refuse(expr.question_token.span, "?");
        visit::visit_expr_try(self, expr);
    }
    fn visit_expr_return(&mut self, expr: &'ast ExprReturn) {
        self.refuse(expr.return_token.span, "return");
        visit::visit_expr_return(self, expr);
    }
    fn visit_expr_await(&mut self, expr: &'ast ExprAwait) {
        self.refuse(expr.await_token.span, ".await");
        visit::visit_expr_await(self, expr);
    }
    fn visit_macro(&mut self, invocation: &'ast Macro) {
        let list = Punctuated::<Expr, Token![,]>::parse_terminated;
        match list.parse2(invocation.tokens.clone()) {
            Ok(values) => values.iter().for_each(|value| self.visit_expr(value)),
            Err(_) => self.refuse_in(invocation.tokens.clone()),
        }
    }
    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
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

    /// The faults, or else this.
    pub(super) fn or<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
