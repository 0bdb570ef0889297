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
    /// A preset, by the name of its constant in the runtime.
    Preset(&'static str),
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
    let nearest = |edits| {
        let mut presets = [("time", "TIME_BOUNDS"), ("size", "SIZE_BOUNDS")].into_iter();
        presets.find(|(preset, _)| is_near(&text, preset, edits))
    };
    if let Some((_, constant)) = nearest(0) {
        return Ok(Buckets::Preset(constant));
    }
    let hint = nearest(1).map(|(near, _)| format!("; did you mean {near:?}?"));
    let hint = hint.unwrap_or_default();
    let message = format!("there are no buckets {text:?}{hint} (valid: \"time\", \"size\")");
    fault(name.span(), message)
}

fn bounds(list: &ExprArray) -> syn::Result<Vec<(f64, Span)>> {
    if list.elems.is_empty() {
        let message = "the list of bounds is empty: `buckets = [0.1, 1.0]`";
        return Err(syn::Error::new_spanned(list, message));
    }
    let (mut faults, mut bounds) = (Vec::new(), Vec::new());
    let mut before = None;
    for (place, expr) in list.elems.iter().enumerate() {
        let read = bound(expr);
        let highest = std::mem::replace(&mut before, read.as_ref().ok().copied());
        match read.and_then(|bound| check_bound(expr, bound, highest, place)) {
            Ok(bound) => bounds.push((bound, expr.span())),
            Err(fault) => faults.push(fault),
        }
    }
    unless(faults, bounds)
}

fn check_bound(expr: &Expr, bound: f64, before: Option<f64>, place: usize) -> syn::Result<f64> {
    let message = match before {
        Some(before) if bound <= before => {
            format!("the bounds increase: {bound:?} is not above {before:?}")
        }
        _ if place == MAX_BOUNDS => format!("a histogram has at most {MAX_BOUNDS} bounds"),
        _ => return Ok(bound),
    };
    Err(syn::Error::new_spanned(expr, message))
}

fn bound(expr: &Expr) -> syn::Result<f64> {
    let digits = match literal(expr) {
        Some(Lit::Int(number)) if matches!(number.suffix(), "" | "f64") => number.base10_digits(),
        Some(Lit::Float(number)) if matches!(number.suffix(), "" | "f64") => number.base10_digits(),
        _ => "",
    };
    let message = match (digits.parse(), bare(expr)) {
        (Ok(number), _) if f64::is_finite(number) => return Ok(number),
        (Ok(_), _) => "a bound is finite: a larger value is counted as infinite in any case",
        (_, sign) if is_negative(sign) => "a bound is not negative: a call takes no negative time",
        (_, Expr::Path(_)) => {
            "a bound in a list is a number; for named bounds, write a constant of all of them, \
                               `buckets = path::BOUNDS`"
        }
        _ => "a bound is a number, as in `[0.1, 1.0]`",
    };
    refuse(expr, message)
}
