//! The rules for an `impl` block and its methods.

use proc_macro2::TokenStream;
use syn::LitStr;
use syn::ext::IdentExt;

use super::function::{exclusions, function};
use super::{Checked, Surroundings};
use crate::item::{Block, Member, Method, type_name};
use crate::parse::{Args, Place};

/// An `impl` block, checked.
pub(crate) struct CheckedBlock {
    /// The block without its members.
    pub(crate) block: Block,
    /// What stands between the braces.
    pub(crate) parts: Vec<Part>,
}

/// One item of a block.
pub(crate) enum Part {
    /// Left alone.
    Other(TokenStream),
    /// A method that is monitored.
    Method(Box<Checked>),
}

/// Checks a block's arguments, and each of its methods with its own.
pub(crate) fn block(args: Args, mut block: Block, errors: &mut Vec<syn::Error>) -> CheckedBlock {
    errors.extend(exclusions(&args));
    let named = type_name(&block.self_type).map(|name| name.unraw().to_string());
    let prefix = args.prefix.value().map(LitStr::value).or(named);
    let nameless = prefix.is_none();
    let prefix = prefix.filter(|prefix| !prefix.is_empty());
    let mut rules = Rules {
        unnamed: false,
        only_pub: args.only_pub.given() && !block.of_trait,
        around: Surroundings {
            prefix: prefix.map_or_else(String::new, |prefix| prefix + "::"),
            generics: std::mem::take(&mut block.generics),
            args,
            in_block: true,
        },
        errors,
    };
    let mut parts = Vec::new();
    for member in std::mem::take(&mut block.members) {
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
    CheckedBlock { block, parts }
}

/// The methods of a block, one after the other.
struct Rules<'a> {
    around: Surroundings,
    /// Whether a method takes its name from the block.
    unnamed: bool,
    only_pub: bool,
    errors: &'a mut Vec<syn::Error>,
}

impl Rules<'_> {
    fn method(&mut self, method: Method) -> Part {
        let target = method.target;
        self.errors.extend(method.faults);
        let hidden = method.own.is_none() && self.only_pub && !target.public;
        let own = method.own.unwrap_or_default();
        let args = Args::read(own, Place::METHOD, self.errors);
        for key in args.given() {
            if args.skip.given() && key != "skip" {
                let message = format!(
                    "`skip` goes alone: a method that is left alone has no use for `{key}`"
                );
                self.errors.push(syn::Error::new(key.span(), message));
            }
        }
        if hidden || args.skip.given() {
            return Part::Other(target.written());
        }
        self.unnamed |= !args.method.given();
        let checked = function(args, target, &self.around, self.errors);
        Part::Method(Box::new(checked))
    }
}
