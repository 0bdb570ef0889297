//! `buckets = "time"`, `"size"`, `[0.1, 1.0]` or the path of a constant.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Expr, ExprArray, ExprPath, Lit, LitStr};

use super::value::{bare, fault, is_negative, literal, refuse};
use super::{is_near, unless};

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

pub(super) fn buckets(value: &Expr) -> syn::Result<Buckets> {
    if let Some(Lit::Str(name)) = literal(value) {
        return preset(name);
    }
    match bare(value) {
        Expr::Path(path) => Ok(Buckets::Constant(path.clone())),
        Expr::Array(list) => bounds(list).map(Buckets::List),
        Expr::Reference(reference) if matches!(*reference.expr, Expr::Array(_)) => {
            let message = "the list of bounds is written without `&`";
            fault(reference.and_token.span, message)
        }
        _ => refuse(
            value,
            "`buckets` is `\"time\"`, `\"size\"`, a list like `[0.1, 1.0]`, or the path of a constant",
        ),
    }
}

fn preset(name: &LitStr) -> syn::Result<Buckets> {
    let text = name.value();
    let hint = match text.as_str() {
        "time" => return Ok(Buckets::Time),
        "size" => return Ok(Buckets::Size),
        _ => ["time", "size"]
            .into_iter()
            .find(|preset| is_near(&text, preset, 1)),
    };
    let hint = hint.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    let message = format!("there are no buckets {text:?}{hint} (valid: \"time\", \"size\")");
    fault(name.span(), message)
}

fn bounds(list: &ExprArray) -> syn::Result<Vec<(f64, Span)>> {
    if list.elems.is_empty() {
        let message = "the list of bounds is empty: `buckets = [0.1, 1.0]`";
        return Err(syn::Error::new_spanned(list, message));
    }
    let mut faults = Vec::new();
    let mut bounds: Vec<(f64, Span)> = Vec::new();
    let mut highest: Option<f64> = None;
    for (place, expr) in list.elems.iter().enumerate() {
        let bound = bound(expr);
        let before = std::mem::replace(&mut highest, bound.as_ref().ok().copied());
        let message = match (bound, before) {
            (Err(error), _) => {
                faults.push(error);
                continue;
            }
            (Ok(bound), Some(before)) if bound <= before => {
                format!("the bounds increase: {bound:?} is not above {before:?}")
            }
            (Ok(_), _) if place == MAX_BOUNDS => {
                format!("a histogram has at most {MAX_BOUNDS} bounds")
            }
            (Ok(bound), _) => {
                bounds.push((bound, expr.span()));
                continue;
            }
        };
        faults.push(syn::Error::new_spanned(expr, message));
    }
    unless(faults, bounds)
}

fn bound(expr: &Expr) -> syn::Result<f64> {
    let digits = match literal(expr) {
        Some(Lit::Int(number)) if matches!(number.suffix(), "" | "f64") => number.base10_digits(),
        Some(Lit::Float(number)) if matches!(number.suffix(), "" | "f64") => number.base10_digits(),
        _ => {
            let message = match bare(expr) {
                negative if is_negative(negative) => {
                    "a bound is not negative: no call takes less than no time"
                }
                Expr::Path(_) => {
                    "a bound in a list is a number: bounds that have names go into a constant, `buckets = path::BOUNDS`"
                }
                _ => "a bound is a number, as in `[0.1, 1.0]`",
            };
            return refuse(expr, message);
        }
    };
    match digits.parse() {
        Ok(number) if f64::is_finite(number) => Ok(number),
        _ => refuse(
            expr,
            "a bound is finite: what is above the last one is counted as infinite anyway",
        ),
    }
}
