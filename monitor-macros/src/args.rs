//! The attribute's arguments: `key = value` pairs in any order, each at most once.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Lit, LitStr, Path, Token};

use crate::nearest::nearest;

/// The longest value of the label `method`, bytes; the runtime has the same limit for names given at run time.
const MAX_METHOD_BYTES: usize = 120;

/// The arguments that work on a function.
const VALID: &[&str] = &["method", "crate"];

/// The rest of the grammar. A key that is known but not built yet deserves a better answer than "unknown".
const PLANNED: &[&str] = &[
    "prefix",
    "only_pub",
    "skip",
    "ok_if",
    "error_if",
    "error_type",
    "expected",
    "task",
    "health",
    "labels",
    "request_size",
    "response_size",
    "deadline",
    "call",
    "max_concurrency",
    "buckets",
    "future",
    "stream",
];

/// What was written between the attribute's parentheses.
#[derive(Default)]
pub(crate) struct Args {
    /// `method = "X"` or `method = PATH`.
    pub(crate) method: Once<MethodName>,
    /// `crate = path`.
    pub(crate) root: Once<Path>,
}

/// The value of the label `method`.
pub(crate) enum MethodName {
    /// A literal, checked here.
    Literal(LitStr),
    /// A constant, checked by the runtime's `method_name` while compiling.
    Constant(Path),
}

/// An argument that may be given once.
pub(crate) struct Once<T>(Option<T>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    /// The value, if the argument was given.
    pub(crate) fn take(self) -> Option<T> {
        self.0
    }

    /// Reads the value, or refuses the key where it was given before; the value is read all the same, so that its own
    /// faults are reported too.
    fn set(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        read: impl FnOnce(&Ident, ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<()> {
        let value = read(key, input)?;
        if self.0.is_some() {
            let message = format!("the argument `{}` is given twice", key.unraw());
            return Err(syn::Error::new(key.span(), message));
        }
        self.0 = Some(value);
        Ok(())
    }
}

impl Args {
    /// Reads all arguments. Every fault is added to `errors`; reading goes on at the next comma.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Vec<syn::Error>) -> Self {
        let mut args = Self::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.read_one(input) {
                    errors.push(error);
                    skip_to_comma(input);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    fn read_one(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let key = read_key(input)?;
        match key.to_string().as_str() {
            "method" => self.method.set(&key, input, read_method)?,
            "crate" => self.root.set(&key, input, read_root)?,
            other => return Err(refuse(&key, other)),
        }
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(());
        }
        let message = format!("expected `,` after the argument `{key}`");
        Err(syn::Error::new(input.span(), message))
    }
}

fn read_key(input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let message = match &literal {
            Lit::Str(name) => format!("arguments are named: write `method = {:?}`", name.value()),
            _ => "arguments are named: write `method = \"name\"`".to_owned(),
        };
        return Err(syn::Error::new(literal.span(), message));
    }
    Ident::parse_any(input)
        .map_err(|error| syn::Error::new(error.span(), "expected an argument: `key = value`"))
}

fn refuse(key: &Ident, name: &str) -> syn::Error {
    if PLANNED.contains(&name) {
        let message = format!(
            "the argument `{name}` is not supported yet; supported: {}",
            valid()
        );
        return syn::Error::new(key.span(), message);
    }
    let hint = match nearest(name, VALID.iter().chain(PLANNED).copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    let message = format!("unknown argument `{name}`{hint} (valid: {})", valid());
    syn::Error::new(key.span(), message)
}

fn valid() -> String {
    let quoted: Vec<_> = VALID.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Reads the `=` after `key`.
fn read_equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) && !input.peek(Token![==]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return Ok(());
        }
    }
    let message = format!("the argument `{key}` needs a value: `{key} = {example}`");
    Err(syn::Error::new(key.span(), message))
}

fn read_method(key: &Ident, input: ParseStream<'_>) -> syn::Result<MethodName> {
    read_equals(key, input, "\"name\"")?;
    let value: Expr = input.parse()?;
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(name),
            ..
        }) => check_method(name),
        Expr::Path(path) if path.qself.is_none() => Ok(MethodName::Constant(path.path)),
        Expr::Group(group) => match *group.expr {
            Expr::Lit(ExprLit {
                lit: Lit::Str(name),
                ..
            }) => check_method(name),
            Expr::Path(path) if path.qself.is_none() => Ok(MethodName::Constant(path.path)),
            other => Err(not_a_name(&other)),
        },
        other => Err(not_a_name(&other)),
    }
}

fn not_a_name(value: &Expr) -> syn::Error {
    let message = "the method name is a string literal or the path of a `&'static str` constant";
    syn::Error::new_spanned(value, message)
}

fn check_method(name: LitStr) -> syn::Result<MethodName> {
    let bytes = name.value().len();
    if bytes == 0 {
        return Err(syn::Error::new(name.span(), "the method name is empty"));
    }
    if bytes > MAX_METHOD_BYTES {
        let message =
            format!("the method name has {bytes} bytes; at most {MAX_METHOD_BYTES} are allowed");
        return Err(syn::Error::new(name.span(), message));
    }
    if !name.suffix().is_empty() {
        let message = format!("the method name has the suffix `{}`", name.suffix());
        return Err(syn::Error::new(name.span(), message));
    }
    Ok(MethodName::Literal(name))
}

fn read_root(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    read_equals(key, input, "path::to::monitor_core")?;
    let span: Span = input.span();
    input
        .call(Path::parse_mod_style)
        .map_err(|_| syn::Error::new(span, "expected a path: `crate = path::to::monitor_core`"))
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
