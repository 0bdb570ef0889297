//! `#[derive(MonitorLabel)]`: the variants of an enum without fields are the values of a label.

use proc_macro2::{Literal, TokenStream};
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DeriveInput, Fields, LitStr, Variant};

use super::{implementation, mixed, read, refuse_on_fields, root, unlinted};
use crate::parse::{Faults, ON_LABEL, ON_LABEL_ENUM, check_name, fault};

/// The value that stands for all others.
const OVERFLOW: &str = "overflow";

pub(super) fn derive(input: &DeriveInput, errors: &mut Faults) -> syn::Result<TokenStream> {
    let helper = read(&input.attrs, ON_LABEL_ENUM, errors);
    let data = variants(input)?;
    let values = values(data, errors);
    let arms = data.variants.iter().enumerate().map(|(index, variant)| {
        let (name, index) = (unlinted(&variant.ident), Literal::usize_suffixed(index));
        mixed!(Self::#name => #index)
    });
    let items = mixed! {
        const VALUES: &'static [&'static ::core::primitive::str] = &[#(#values),*];

        #[inline]
        fn index(&self) -> ::core::primitive::usize {
            match self {
                #(#arms,)*
            }
        }
    };
    let root = root(&helper);
    Ok(implementation(input, &root, "MonitorLabel", &items))
}

fn variants(input: &DeriveInput) -> syn::Result<&DataEnum> {
    let (span, what) = match &input.data {
        Data::Enum(data) if data.variants.is_empty() => {
            let message = "a label needs a value: this enum has no variants";
            return fault(input.ident.span(), message);
        }
        Data::Enum(data) => return Ok(data),
        Data::Struct(data) => (data.struct_token.span, "a struct"),
        Data::Union(data) => (data.union_token.span, "a union"),
    };
    let message = format!(
        "`MonitorLabel` is derived for an enum without fields, whose variants are the values; this is {what}"
    );
    fault(span, message)
}

fn values(data: &DataEnum, errors: &mut Faults) -> Vec<LitStr> {
    let mut values: Vec<LitStr> = Vec::new();
    for variant in &data.variants {
        refuse_fields(variant, errors);
        let name = &variant.ident;
        let helper = read(&variant.attrs, ON_LABEL, errors);
        let named = LitStr::new(&snake_case(&name.unraw().to_string()), name.span());
        let value = helper.label.value().cloned().unwrap_or(named);
        errors.extend(check_value(&value, &values).err());
        values.push(value);
    }
    values
}

fn refuse_fields(variant: &Variant, errors: &mut Faults) {
    if matches!(variant.fields, Fields::Unit) {
        return;
    }
    let name = &variant.ident;
    let message =
        format!("the variant `{name}` has fields: all values of a label are known while compiling");
    errors.push(syn::Error::new_spanned(&variant.fields, message));
    refuse_on_fields(&variant.fields, errors);
}

fn check_value(value: &LitStr, before: &[LitStr]) -> syn::Result<()> {
    check_name("the value of the label", value)?;
    let text = value.value();
    let message = if text == OVERFLOW {
        format!(
            "the value {text:?} marks those over the limit: use another, `#[monitor(name = \"..\")]`"
        )
    } else if before.iter().any(|known| known.value() == text) {
        format!("two variants have the value {text:?}: rename one, `#[monitor(name = \"..\")]`")
    } else {
        return Ok(());
    };
    fault(value.span(), message)
}

/// `HTTPServer2Go` is `http_server2_go`: a word begins at a capital after a small letter or digit, and at the last of
/// several capitals before a small letter.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before = '_';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|next| next.is_lowercase());
        let breaks = before != '_' && (!before.is_uppercase() || next_is_small);
        if letter.is_uppercase() && breaks {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        before = letter;
    }
    snake
}
