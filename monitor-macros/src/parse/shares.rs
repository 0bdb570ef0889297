//! `unhealthy(share = 0.5, window = 30, at_least = 10, cancelled = true)`: parts of the share rule.

use std::ops::RangeInclusive;
use std::time::Duration;

use proc_macro2::{Ident, Literal};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Lit, LitBool};

use super::value::{equals, fault, list, literal, refuse};
use super::{is_near, separated, unless};

/// The parts that were given, each with the name of its function in the runtime's `ShareParts`.
#[derive(Clone, Default)]
pub(crate) struct Shares {
    /// From 0 to 1.
    pub(crate) share: Option<Literal>,
    /// Whole seconds, and nanoseconds.
    pub(crate) window: Option<[Literal; 2]>,
    /// At least 1.
    pub(crate) at_least: Option<Literal>,
    pub(crate) cancelled: Option<LitBool>,
}

/// Each part, and how one may write it.
const PARTS: [(&str, &str); 4] = [
    ("share", "share = 0.5"),
    ("window", "window = 30"),
    ("at_least", "at_least = 10"),
    ("cancelled", "cancelled = true"),
];

pub(super) fn unhealthy(key: &Ident, input: ParseStream<'_>) -> syn::Result<Shares> {
    let content = list(key, input)?;
    if content.is_empty() {
        let message = "`unhealthy` has no part: `unhealthy(share = 0.5)`";
        return fault(key.span(), message);
    }
    let (mut shares, mut seen) = (Shares::default(), Vec::new());
    let faults = separated(&content, |input| {
        let (part, name) = part(input)?;
        if seen.contains(&name) {
            return fault(part.span(), format!("the part `{name}` is given twice"));
        }
        seen.push(name);
        shares.set(name, &input.parse()?)?;
        Ok(format!("the part `{name}`"))
    });
    unless(faults, shares)
}

/// Reads the name of a part, and the `=` behind it.
fn part(input: ParseStream<'_>) -> syn::Result<(Ident, &'static str)> {
    let Ok(part) = Ident::parse_any(input) else {
        return Err(input.error("the parts of `unhealthy` are named: `unhealthy(share = 0.5)`"));
    };
    let name = part.to_string();
    let Some((known, example)) = PARTS.into_iter().find(|(known, _)| name == *known) else {
        let near = PARTS.iter().find(|(known, _)| is_near(&name, known, 2));
        let hint = near.map(|(near, _)| format!("; did you mean `{near}`?"));
        let hint = hint.unwrap_or_default();
        let valid = "(valid: `share`, `window`, `at_least`, `cancelled`)";
        let message = format!("unknown part `{name}` of `unhealthy`{hint} {valid}");
        return fault(part.span(), message);
    };
    if equals(input) {
        return Ok((part, known));
    }
    let message = format!("the part `{known}` needs a value: `unhealthy({example})`");
    fault(part.span(), message)
}

impl Shares {
    fn set(&mut self, part: &str, value: &Expr) -> syn::Result<()> {
        match part {
            "share" => {
                let message = "`share` is a number from 0 to 1 (0: never)";
                let share = number(value, 0.0..=1.0, message)?;
                self.share = Some(Literal::f64_suffixed(share));
            }
            "window" => {
                let message = "`window` is a number of seconds from 2 to 600";
                let window = number(value, 2.0..=600.0, message)?;
                let window = Duration::from_secs_f64(window);
                let nanos = Literal::u32_suffixed(window.subsec_nanos());
                self.window = Some([Literal::u64_suffixed(window.as_secs()), nanos]);
            }
            "at_least" => self.at_least = Some(Literal::u64_suffixed(calls(value)?)),
            _ => match literal(value) {
                Some(Lit::Bool(flag)) => self.cancelled = Some(flag.clone()),
                _ => return refuse(value, "`cancelled` is `true` or `false`"),
            },
        }
        Ok(())
    }
}

fn number(value: &Expr, range: RangeInclusive<f64>, message: &str) -> syn::Result<f64> {
    let digits = match literal(value) {
        Some(Lit::Int(number)) if matches!(number.suffix(), "" | "f64") => number.base10_digits(),
        Some(Lit::Float(number)) if matches!(number.suffix(), "" | "f64") => number.base10_digits(),
        _ => "",
    };
    match digits.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => refuse(value, message),
    }
}

fn calls(value: &Expr) -> syn::Result<u64> {
    let calls = match literal(value) {
        Some(Lit::Int(number)) if matches!(number.suffix(), "" | "u64") => number.base10_parse(),
        _ => Ok(0),
    };
    match calls {
        Ok(calls) if calls > 0 => Ok(calls),
        _ => refuse(value, "`at_least` is a number of calls, 1 or more"),
    }
}
