//! The rules for an `impl` block and its methods.

use proc_macro2::{Span, TokenStream};
use syn::LitStr;
use syn::ext::IdentExt;

use super::function::{check_pairs, function, health};
use super::{Checked, Surroundings};
use crate::args::{Args, Place};
use crate::item::{Block, Member, Method, Target, type_name};

/// An `impl` block, checked.
pub(crate) struct CheckedBlock {
    /// All tokens before the braces.
    pub(crate) head: TokenStream,
    /// Inner attributes at the top.
    pub(crate) attrs: TokenStream,
    /// What stands between the braces.
    pub(crate) parts: Vec<Part>,
    /// Where the braces are.
    pub(crate) braces: Span,
}

/// One item of a block.
pub(crate) enum Part {
    /// Left alone.
    Other(TokenStream),
    /// A method that is monitored.
    Method(Box<Checked>),
}

/// Checks a block's arguments, and each of its methods with its own.
pub(crate) fn block(args: Args, block: Block, errors: &mut Vec<syn::Error>) -> CheckedBlock {
    check_pairs(&args, errors);
    let only_pub = args.only_pub.given() && !block.of_trait;
    let nameless = !args.prefix.given() && type_name(&block.self_type).is_none();
    let mut rules = Rules {
        unnamed: false,
        around: surroundings(args, &block),
        only_pub,
        errors,
    };
    let mut parts = Vec::new();
    for member in block.members {
        parts.push(match member {
            Member::Other(tokens) => Part::Other(tokens),
            Member::Unread(tokens, error) => {
                rules.errors.push(error);
                Part::Other(tokens)
            }
            Member::Method(method) => rules.method(*method),
        });
    }
    if rules.unnamed && nameless {
        let message = "this type has no name to put before those of the methods: give one, `prefix = \"Name\"`, or none, \
                       `prefix = \"\"`";
        errors.push(syn::Error::new_spanned(&block.self_type, message));
    }
    CheckedBlock {
        head: block.head,
        attrs: block.attrs,
        parts,
        braces: block.braces,
    }
}

fn surroundings(args: Args, block: &Block) -> Surroundings {
    let prefix = match (
        args.prefix.value().map(LitStr::value),
        type_name(&block.self_type),
    ) {
        (Some(prefix), _) => prefix,
        (None, Some(name)) => name.unraw().to_string(),
        (None, None) => String::new(),
    };
    let separator = if prefix.is_empty() { "" } else { "::" };
    Surroundings {
        prefix: format!("{prefix}{separator}"),
        health: health(
            args.task.value(),
            args.health.value().map(|flag| flag.value),
        )
        .unwrap_or_default(),
        buckets: args.buckets.take(),
        root: args.root.take(),
        generics: block.generics.clone(),
        in_block: true,
    }
}

struct Rules<'a> {
    around: Surroundings,
    /// Whether a method takes its name from the block.
    unnamed: bool,
    only_pub: bool,
    errors: &'a mut Vec<syn::Error>,
}

impl Rules<'_> {
    fn method(&mut self, method: Method) -> Part {
        let Method {
            target,
            own,
            faults,
        } = method;
        self.errors.extend(faults);
        if own.is_none() && self.only_pub && !target.public {
            return Part::Other(written(target));
        }
        let args = match own {
            Some(tokens) => Args::read(tokens, Place::Method, self.errors),
            None => Args::default(),
        };
        if args.skip.given() {
            for key in args.beside_skip() {
                let message = format!(
                    "`skip` goes alone: a method that is left alone has no use for `{key}`"
                );
                self.errors.push(syn::Error::new(key.span(), message));
            }
            return Part::Other(written(target));
        }
        self.unnamed |= !args.method.given();
        let checked = function(args, target, &self.around, self.errors);
        Part::Method(Box::new(checked))
    }
}

/// The method as it was, without attributes of ours.
fn written(target: Target) -> TokenStream {
    let (head, body) = (target.head, target.body.written());
    quote::quote!(#head #body)
}
