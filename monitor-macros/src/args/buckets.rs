//! `buckets = "time"`, `"size"`, `[0.1, 1.0]` or the path of a constant.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Expr, ExprArray, ExprLit, ExprPath, ExprUnary, Lit, LitStr, UnOp};

use super::value::{Faults, bare, refuse, string, value};
use crate::nearest::nearest;

/// The most bounds a histogram may have.
const MAX_BOUNDS: usize = 64;

/// The bounds of a method's duration histogram.
#[derive(Clone)]
pub(crate) enum Buckets {
    /// The preset for durations.
    Time,
    /// The preset for sizes.
    Size,
    /// These: finite, not negative, increasing.
    List(Vec<(f64, Span)>),
    /// A constant, checked by the runtime's `bounds` while compiling.
    Constant(ExprPath),
}

pub(super) fn buckets(key: &Ident, input: ParseStream<'_>) -> syn::Result<Buckets> {
    let value = value(key, input)?;
    if let Some(name) = string(&value) {
        return preset(name);
    }
    match bare(&value) {
        Expr::Path(path) => Ok(Buckets::Constant(path.clone())),
        Expr::Array(list) => bounds(list).map(Buckets::List),
        Expr::Reference(reference) if matches!(*reference.expr, Expr::Array(_)) => {
            let message = "the list of bounds is written without `&`";
            Err(syn::Error::new(reference.and_token.span, message))
        }
        _ => refuse(
            &value,
            "`buckets` is `\"time\"`, `\"size\"`, a list like `[0.1, 1.0]`, or the path of a constant",
        ),
    }
}

fn preset(name: &LitStr) -> syn::Result<Buckets> {
    let text = name.value();
    let hint = match text.as_str() {
        "time" => return Ok(Buckets::Time),
        "size" => return Ok(Buckets::Size),
        _ => nearest(&text, ["time", "size"]).map(|near| format!("; did you mean {near:?}?")),
    };
    let hint = hint.unwrap_or_default();
    let message = format!("there are no buckets {text:?}{hint} (valid: \"time\", \"size\")");
    Err(syn::Error::new(name.span(), message))
}

fn bounds(list: &ExprArray) -> syn::Result<Vec<(f64, Span)>> {
    if list.elems.is_empty() {
        let message = "the list of bounds is empty: `buckets = [0.1, 1.0]`";
        return Err(syn::Error::new_spanned(list, message));
    }
    let mut faults = Faults::default();
    let mut bounds: Vec<(f64, Span)> = Vec::new();
    let mut last_seen: Option<f64> = None;
    for (place, expr) in list.elems.iter().enumerate() {
        match bound(expr).and_then(|bound| after(last_seen, bound, expr)) {
            Ok(_) if place == MAX_BOUNDS => faults.push(syn::Error::new_spanned(
                expr,
                format!("a histogram has at most {MAX_BOUNDS} bounds"),
            )),
            Ok(bound) => bounds.push((bound, expr.span())),
            Err(error) => faults.push(error),
        }
        last_seen = bound(expr).ok();
    }
    faults.or(bounds)
}

fn bound(expr: &Expr) -> syn::Result<f64> {
    let fault = |message: &str| refuse(expr, message);
    let number = match bare(expr) {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) if matches!(number.suffix(), "" | "f64") => number.base10_digits().parse(),
        Expr::Lit(ExprLit {
            lit: Lit::Float(number),
            ..
        }) if matches!(number.suffix(), "" | "f64") => number.base10_digits().parse(),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr: inner,
            ..
        }) if matches!(**inner, Expr::Lit(_)) => {
            return fault("a bound is not negative: no call takes less than no time");
        }
        Expr::Path(_) => {
            return fault(
                "a bound in a list is a number: bounds that have names go into a constant, `buckets = path::BOUNDS`",
            );
        }
        _ => return fault("a bound is a number, as in `[0.1, 1.0]`"),
    };
    match number {
        Ok(number) if f64::is_finite(number) => Ok(number),
        _ => fault("a bound is finite: what is above the last one is counted as infinite anyway"),
    }
}

fn after(last: Option<f64>, bound: f64, expr: &Expr) -> syn::Result<f64> {
    match last {
        Some(last) if bound <= last => {
            let message = format!("the bounds increase: {bound:?} is not above {last:?}");
            Err(syn::Error::new_spanned(expr, message))
        }
        _ => Ok(bound),
    }
}
