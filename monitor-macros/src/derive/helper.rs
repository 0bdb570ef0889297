//! `#[monitor(..)]` on a type or a variant.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, LitStr, Meta, Path, Token, Type};

use crate::args::{Once, check_name, refuse, string};
use crate::fragments::expression;
use crate::nearest::nearest;

/// What one or more `#[monitor(..)]` say together.
#[derive(Default)]
pub(super) struct Helper {
    /// `crate = path`.
    pub(super) root: Once<Path>,
    /// `error_type = "name"`.
    pub(super) error_type: Once<LitStr>,
    /// `fallback = "name"`.
    pub(super) fallback: Once<LitStr>,
    /// `transparent`.
    pub(super) transparent: Once<()>,
    /// `name = "value"`.
    pub(super) name: Once<LitStr>,
}

/// Where a helper attribute stands: what that is called, which keys it takes, and which are for the other derive alone.
pub(super) struct Position {
    pub(super) place: &'static str,
    pub(super) valid: &'static [&'static str],
    pub(super) ignored: &'static [&'static str],
}

/// The key and where it goes, for one that stands elsewhere.
const HOMES: &[(&str, &str)] = &[
    ("crate", "the type itself"),
    ("fallback", "the enum itself"),
    ("error_type", "a variant of an error, or an error struct"),
    ("transparent", "a variant of an error, or an error struct"),
    ("name", "a variant of an enum that derives `MonitorLabel`"),
];

impl Helper {
    /// Reads all `#[monitor(..)]` among `attrs`.
    pub(super) fn read(
        attrs: &[Attribute],
        position: &Position,
        errors: &mut Vec<syn::Error>,
    ) -> Self {
        let mut helper = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("monitor")) {
            let Meta::List(list) = &attr.meta else {
                let message = format!(
                    "`monitor` takes a list: `#[monitor({})]`",
                    example(position)
                );
                errors.push(syn::Error::new_spanned(attr.path(), message));
                continue;
            };
            let read = |input: ParseStream<'_>| helper.read_list(input, position, errors);
            if let Err(error) = list.parse_args_with(read) {
                errors.push(error);
            }
        }
        helper
    }

    fn read_list(
        &mut self,
        input: ParseStream<'_>,
        position: &Position,
        errors: &mut Vec<syn::Error>,
    ) -> syn::Result<()> {
        while !input.is_empty() {
            let key = Ident::parse_any(input).map_err(|error| {
                let message = format!("expected an argument: `{}`", example(position));
                syn::Error::new(error.span(), message)
            })?;
            if let Err(error) = check(&key, position) {
                errors.push(error);
                let _ = read_any(input);
            } else if let Err(error) = self.read_one(&key, input) {
                errors.push(error);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    fn read_one(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "error_type" => self.error_type.set(key, input, error_type),
            "fallback" => self.fallback.set(key, input, error_type),
            "name" => self.name.set(key, input, label_value),
            "transparent" => self.transparent.set(key, input, flag),
            _ => self.root.set(key, input, root),
        }
    }
}

fn example(position: &Position) -> &'static str {
    match position.valid {
        ["crate"] => "crate = path::to::monitor_core",
        ["name"] => "name = \"value\"",
        ["crate", "fallback"] => "fallback = \"name\"",
        _ => "error_type = \"name\"",
    }
}

fn check(key: &Ident, position: &Position) -> syn::Result<()> {
    let name = key.to_string();
    if position.valid.contains(&&*name) || position.ignored.contains(&&*name) {
        return Ok(());
    }
    let valid: Vec<_> = position
        .valid
        .iter()
        .map(|key| format!("`{key}`"))
        .collect();
    let valid = format!("valid on {}: {}", position.place, valid.join(", "));
    let known = HOMES.iter().find(|(known, _)| *known == name);
    let hint = nearest(&name, position.valid.iter().copied());
    let message = match (known, hint) {
        (Some((_, home)), _) => format!("`{name}` goes on {home} ({valid})"),
        (None, Some(near)) => {
            format!("unknown argument `{name}`; did you mean `{near}`? ({valid})")
        }
        (None, None) => format!("unknown argument `{name}` ({valid})"),
    };
    Err(syn::Error::new(key.span(), message))
}

/// Reads past a value that nobody asked for.
fn read_any(input: ParseStream<'_>) -> syn::Result<()> {
    if input.parse::<Option<Token![=]>>()?.is_some() {
        input.parse::<Expr>()?;
    } else if input.peek(syn::token::Paren) {
        input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}

fn text(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<LitStr> {
    if input.peek(Token![=]) && !input.peek2(Token![=]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() && !input.peek(Token![,]) {
            let value = expression(input)?;
            return match string(&value) {
                Some(text) => Ok(text.clone()),
                None => refuse(&value, format_args!("`{key}` is a string literal")),
            };
        }
    }
    let message = format!("the argument `{key}` needs a value: `{key} = {example}`");
    Err(syn::Error::new(key.span(), message))
}

fn error_type(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = text(key, input, "\"name\"")?;
    check_name("the error type", &name).map(|()| name)
}

fn label_value(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = text(key, input, "\"value\"")?;
    check_name("the value of the label", &name).map(|()| name)
}

fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    let message = format!("`{key}` takes no value: write `{key}` alone");
    let error = syn::Error::new(input.span(), message);
    let _ = read_any(input);
    Err(error)
}

fn root(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let message = format!("the argument `{key}` needs a path: `crate = path::to::monitor_core`");
    if input.parse::<Option<Token![=]>>()?.is_none() {
        return Err(syn::Error::new(key.span(), message));
    }
    let span = input.span();
    input.call(Path::parse_mod_style).map_err(|_| {
        let _ = input.parse::<Expr>();
        syn::Error::new(span, message)
    })
}

/// Refuses helper attributes on fields: none is read there.
pub(super) fn refuse_on_fields(fields: &syn::Fields, errors: &mut Vec<syn::Error>) {
    for attr in fields.iter().flat_map(|field| &field.attrs) {
        if attr.path().is_ident("monitor") {
            let message =
                "`monitor` goes on the type or on a variant: it says nothing about a field";
            errors.push(syn::Error::new_spanned(attr.path(), message));
        }
    }
}

/// The only field, for what is `transparent`.
pub(super) fn only_field<'a>(
    key: &Ident,
    fields: &'a syn::Fields,
    errors: &mut Vec<syn::Error>,
) -> Option<(syn::Member, &'a Type)> {
    let all: Punctuated<&syn::Field, Token![,]> = fields.iter().collect();
    match (all.first(), all.len()) {
        (Some(field), 1) => {
            let member = match &field.ident {
                Some(name) => syn::Member::Named(name.clone()),
                None => syn::Member::Unnamed(syn::Index::from(0)),
            };
            Some((member, &field.ty))
        }
        (_, count) => {
            let message = format!("`transparent` asks the only field, and there are {count}");
            errors.push(syn::Error::new(key.span(), message));
            None
        }
    }
}
