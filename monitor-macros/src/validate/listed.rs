//! Which values a label can have, known before the first call.
//!
//! The value of a bounded label is an expression of the function's arguments, and only the compiler knows its type. A
//! closure of these arguments has that type as its result, and can stand in the static of the call site, provided that
//! nothing in it belongs to the function: type parameters, `self`, `Self`. Otherwise the values are known at the first
//! call.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprPath, FnArg, Lifetime, Macro, Pat, PatIdent, PatType, Signature};

use super::{Argument, ListedLabel};
use crate::args::{Kind, Label, words};
use crate::item::parameter_name;

/// Finds the arguments that each label's value is made of.
pub(super) fn list(labels: Vec<Label>, sig: &Signature, outer: &[String]) -> Vec<ListedLabel> {
    let own = sig.generics.params.iter().filter_map(parameter_name);
    let generics: HashSet<String> = own.chain(outer.iter().cloned()).collect();
    let listed = |label: Label| ListedLabel {
        arguments: match label.kind {
            Kind::Bounded => arguments(&label.value, sig, &generics),
            Kind::Capped(_) => None,
        },
        label,
    };
    labels.into_iter().map(listed).collect()
}

fn arguments(value: &Expr, sig: &Signature, generics: &HashSet<String>) -> Option<Vec<Argument>> {
    if !stand_alone(&words(value.to_token_stream()), generics) {
        return None;
    }
    let used = Used::by(value);
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) if binds_any(&argument.pat, &used) => Some(argument),
        _ => None,
    });
    typed
        .map(|typed| argument(typed, &used, generics))
        .collect()
}

/// The names that an expression uses: what a macro makes of its words, nobody knows, so all of them.
struct Used(HashSet<String>);

impl Used {
    fn by(value: &Expr) -> HashSet<String> {
        let mut used = Self(HashSet::new());
        used.visit_expr(value);
        used.0
    }
}

impl<'ast> Visit<'ast> for Used {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if let Some(name) = path.path.get_ident() {
            self.0.insert(name.to_string());
        }
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.0.extend(words(invocation.tokens.clone()));
    }
}

fn argument(
    typed: &PatType,
    used: &HashSet<String>,
    generics: &HashSet<String>,
) -> Option<Argument> {
    let words = words(typed.ty.to_token_stream());
    let from_afar = words.iter().any(|word| is_likely_a_parameter(word));
    if from_afar || !stand_alone(&words, generics) {
        return None;
    }
    let mut pattern = (*typed.pat).clone();
    Immutable.visit_pat_mut(&mut pattern);
    let mut ty = (*typed.ty).clone();
    Elided.visit_type_mut(&mut ty);
    Some(Argument {
        pattern: unlinted(pattern.to_token_stream(), used),
        ty,
    })
}

/// Whether nothing among these words belongs to the function.
fn stand_alone(words: &HashSet<String>, generics: &HashSet<String>) -> bool {
    let bound = ["self", "Self", "impl", "for"];
    words.is_disjoint(generics) && !bound.iter().any(|word| words.contains(*word))
}

/// Whether a name looks like a type parameter: `T`, `K`, `T1`. Those of an `impl` block are not seen from a method.
fn is_likely_a_parameter(word: &str) -> bool {
    let mut letters = word.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_uppercase())
        && letters.all(|letter| letter.is_ascii_digit())
}

fn binds_any(pattern: &Pat, words: &HashSet<String>) -> bool {
    let is_used = |name: &Ident| words.contains(&name.to_string());
    bindings(pattern).iter().any(is_used)
}

/// The names that a pattern binds.
pub(super) fn bindings(pattern: &Pat) -> Vec<Ident> {
    struct Bindings(Vec<Ident>);
    impl<'ast> Visit<'ast> for Bindings {
        fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
            self.0.push(pattern.ident.clone());
            visit::visit_pat_ident(self, pattern);
        }
    }
    let mut bindings = Bindings(Vec::new());
    bindings.visit_pat(pattern);
    bindings.0
}

/// Takes `mut` off: nothing changes in the closure.
struct Immutable;

impl VisitMut for Immutable {
    fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
        if pattern.by_ref.is_none() {
            pattern.mutability = None;
        }
        visit_mut::visit_pat_ident_mut(self, pattern);
    }
}

/// Replaces lifetimes by `'_`: those of the function are unknown outside of it.
struct Elided;

impl VisitMut for Elided {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            let span = lifetime.span().resolved_at(Span::mixed_site());
            *lifetime = Lifetime::new("'_", span);
        }
    }
}

/// The pattern, where no lint speaks of bindings that the closure does not use.
fn unlinted(pattern: TokenStream, used: &HashSet<String>) -> TokenStream {
    let mark = |token: TokenTree| match token {
        TokenTree::Ident(word) if !used.contains(&word.to_string()) => {
            let span = word.span().resolved_at(Span::mixed_site());
            let mut word: Ident = word;
            word.set_span(span);
            TokenTree::Ident(word)
        }
        TokenTree::Group(group) => {
            let inner = unlinted(group.stream(), used);
            let mut outer = proc_macro2::Group::new(group.delimiter(), inner);
            outer.set_span(group.span());
            TokenTree::Group(outer)
        }
        other => other,
    };
    pattern.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn listed(sig: TokenStream, value: TokenStream) -> Option<String> {
        let sig: Signature = syn::parse2(sig).unwrap_or_else(|error| panic!("{error}"));
        let generics = sig
            .generics
            .params
            .iter()
            .filter_map(parameter_name)
            .collect();
        let value = syn::parse2(value).unwrap_or_else(|error| panic!("{error}"));
        let arguments = arguments(&value, &sig, &generics)?;
        let shown = arguments.iter().map(|argument| {
            let (pattern, ty) = (&argument.pattern, &argument.ty);
            quote!(#pattern: #ty).to_string()
        });
        Some(shown.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn only_arguments_that_are_named_count() {
        let sig = quote!(fn f(mut tier: Tier, req: &'a Request<'b>, other: impl Sized));
        assert_eq!(
            listed(sig.clone(), quote!(tier)).as_deref(),
            Some("tier : Tier")
        );
        let found = listed(sig.clone(), quote!(req.tier(true)));
        assert_eq!(found.as_deref(), Some("req : & '_ Request < '_ >"));
        assert_eq!(listed(sig.clone(), quote!(CONSTANT)).as_deref(), Some(""));
        assert_eq!(listed(sig, quote!(other.tier())), None);
    }

    #[test]
    fn what_belongs_to_the_function_or_its_block_is_not_listed() {
        let sig = quote!(fn f<Item>(&self, a: Item, b: Option<T>, c: fn(Self), d: u8));
        for value in [
            quote!(a),
            quote!(b),
            quote!(c),
            quote!(self.tier),
            quote!(d.cast::<Item>()),
        ] {
            assert_eq!(listed(sig.clone(), value), None);
        }
        assert_eq!(listed(sig, quote!(d > 1)).as_deref(), Some("d : u8"));
    }
}
