//! `labels(key = expr, .., capped(key = expr, max = N))`.

use proc_macro2::{Ident, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Lit, LitInt, token};

use super::value::{equals, fault, inside, list, literal, refuse};
use super::{separated, unless};

/// The most labels a method may have.
const MAX_LABELS: usize = 8;
/// The most values a capped label may have.
const MAX_VALUES: u32 = 10_000;

/// A label beside `method`.
#[derive(Clone)]
pub(crate) struct Label {
    /// Its name, without `r#`.
    pub(crate) name: Ident,
    /// How many different values it may have, each any text; none, if they are those of a type that lists them.
    pub(crate) max: Option<LitInt>,
    /// Its value, in terms of the function's arguments.
    pub(crate) value: Expr,
}

pub(super) fn labels(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Label>> {
    let content = list(key, input)?;
    if content.is_empty() {
        let message = "`labels` names no label: `labels(key = expr, ..)`";
        return fault(key.span(), message);
    }
    let mut labels: Vec<Label> = Vec::new();
    let faults = separated(&content, |input| {
        let label = read_label(input)?;
        let name = &label.name;
        let message = if labels.iter().any(|known| known.name == *name) {
            format!("the label `{name}` is given twice")
        } else if labels.len() == MAX_LABELS {
            format!("a method has at most {MAX_LABELS} labels of its own")
        } else {
            labels.push(label);
            return Ok("the label".to_owned());
        };
        fault(name.span(), message)
    });
    unless(faults, labels)
}

fn read_label(input: ParseStream<'_>) -> syn::Result<Label> {
    let name = read_name(input)?;
    if name == "capped" && input.peek(token::Paren) {
        return read_capped(&name, &list(&name, input)?);
    }
    // The value is read before the name is checked, so that faults in both are reported.
    let value = read_value(&name, input)?;
    let (name, max) = (check_name(&name)?, None);
    Ok(Label { name, max, value })
}

fn read_name(input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let message = "the name of a label is a word without quotes: `labels(key = expr)`";
        return fault(literal.span(), message);
    }
    Ident::parse_any(input)
        .map_err(|error| syn::Error::new(error.span(), "expected a label: `key = expr`"))
}

fn read_value(name: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    if equals(input) {
        return inside(name, input.parse()?);
    }
    let name = name.unraw();
    let message = format!("the label `{name}` needs a value: `{name} = expr`");
    fault(name.span(), message)
}

fn read_capped(capped: &Ident, content: ParseStream<'_>) -> syn::Result<Label> {
    let form =
        "`capped` takes a label and the most values it may have: `capped(key = expr, max = 100)`";
    let mut pairs = Vec::new();
    let mut read = |input: ParseStream<'_>| {
        let name = read_name(input)?;
        if pairs.len() > 1 || pairs.len() == 1 && name != "max" {
            return fault(name.span(), form);
        }
        pairs.push((read_value(&name, input)?, name));
        Ok("the label".to_owned())
    };
    let faults = separated(content, |input| {
        // The rest of a faulty list is skipped: it would be reported as a second fault.
        read(input).inspect_err(|_| while input.parse::<TokenTree>().is_ok() {})
    });
    unless(faults, ())?;
    let Ok([(value, name), (max, _)]) = <[_; 2]>::try_from(pairs) else {
        return fault(capped.span(), form);
    };
    let max = Some(limit(&max)?);
    let name = check_name(&name)?;
    Ok(Label { name, max, value })
}

fn limit(value: &Expr) -> syn::Result<LitInt> {
    if let Some(Lit::Int(max)) = literal(value)
        && max.suffix().is_empty()
        && matches!(max.base10_parse(), Ok(1..=MAX_VALUES))
    {
        return Ok(max.clone());
    }
    let message = format!("`max` is a whole number from 1 to {MAX_VALUES}");
    refuse(value, message)
}

/// Why a name cannot be that of a label.
fn reserved(name: &str) -> Option<&'static str> {
    Some(match name {
        "method" => "every series of a call has it already",
        "status" => "the series of a call have it already",
        "type" => "the series of errors have it already",
        "le" => "Prometheus keeps it for the bounds of histograms",
        "quantile" => "Prometheus keeps it for the quantiles of summaries",
        "overflow" => "it marks the values over the limit of a label",
        "inittime" => "the configuration may put it on every series",
        "_name_" => "pages that escape names with dots write it as `__name__`",
        name if name.starts_with("__") => "Prometheus keeps names that begin with `__`",
        _ => return None,
    })
}

fn check_name(name: &Ident) -> syn::Result<Ident> {
    let name = name.unraw();
    let text = name.to_string();
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let why = match reserved(&text) {
        Some(why) => format!("is reserved: {why}"),
        None if text.chars().all(valid) => return Ok(name),
        None => "is not valid: Prometheus takes the letters a to z, digits and `_`".to_owned(),
    };
    fault(name.span(), format!("the label name `{text}` {why}"))
}
