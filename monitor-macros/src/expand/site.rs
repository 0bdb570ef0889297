//! The static of a call site: all that is known of a method before its first call.
//!
//! That includes the values of its bounded labels. Such a value is an expression of the function's arguments, and only
//! the compiler knows its type. A closure of these arguments has that type as its result, and can stand in the static,
//! provided that nothing in it belongs to the function: type parameters, `self`, `Self`. Otherwise the values are known
//! at the first call.

use std::collections::HashSet;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Expr, ExprPath, Lifetime, Macro, PatIdent, PatType, Path,
    Signature, Type, TypePath,
};

use super::call::{Call, place};
use super::unlinted;
use crate::item::{bindings, parameter_name, typed_arguments};
use crate::parse::{Buckets, Label, Name, Shares, words};

impl Call<'_> {
    /// The call site and its registration, which makes the method known before its first call. In a block of its own:
    /// as the first thing in the body, an item would keep clippy from looking at the body (`inline_always`).
    pub(super) fn site(&self) -> TokenStream {
        let runtime = self.mixed_runtime();
        let (method, settings) = (self.method(), self.settings());
        // `file!` and `line!` return the place of these tokens, or of the outermost macro they come from.
        let at = self.checked.place;
        let here = self.runtime(at);
        let here = quote_spanned!(at=> #here::file!(), #here::line!());
        mixed! {
            {
                static __MONITOR_SITE: #runtime::CallSite =
                    #runtime::CallSite::new(#method, #here, #settings);
                #runtime::inventory::submit! { #runtime::SiteEntry(&__MONITOR_SITE) }
                &__MONITOR_SITE
            }
        }
    }

    /// The value of the label `method`; a constant is checked while compiling.
    pub(crate) fn method(&self) -> TokenStream {
        match &self.checked.method {
            Name::Literal(name) => name.to_token_stream(),
            Name::Path(name) => self.runs(place(&**name), "method_name", &name.to_token_stream()),
        }
    }

    /// The settings that differ from the defaults.
    fn settings(&self) -> TokenStream {
        let (runtime, args) = (self.mixed_runtime(), self.args);
        let mut settings = TokenStream::new();
        let mut set = |setting: &str, value: Option<TokenStream>| {
            let setting = Ident::new(setting, Span::mixed_site());
            settings.extend(value.map(|value| mixed!(#setting: #value,)));
        };
        let some = |value: &dyn ToTokens| mixed!(::core::option::Option::Some(#value));
        set("task", args.task.value().map(|name| some(name)));
        let health = args.health.value().filter(|_| !args.task.given());
        let no_health = health.filter(|health| !health.value);
        set("health", no_health.as_ref().map(ToTokens::to_token_stream));
        let types = match args.error_type.value() {
            Some(Name::Literal(name)) => Some(mixed!(#runtime::TypeSource::Named(#name))),
            Some(Name::Path(_)) => Some(mixed!(#runtime::TypeSource::Function)),
            None => None,
        };
        set("error_type", types);
        let names = args.expected.value();
        set("expected", names.map(|names| mixed!(&[#(#names),*])));
        let shares = args.unhealthy.value().filter(|_| no_health.is_none());
        set("unhealthy", shares.map(|shares| self.shares(shares)));
        let buckets = args.buckets.value();
        set("bounds", buckets.map(|buckets| some(&self.bounds(buckets))));
        if let Some(labels) = args.labels.value() {
            let keys = labels.iter().map(|label| self.label_key(label));
            set("labels", Some(mixed!(&[#(#keys),*])));
        }
        let (limited, streaming) = (args.max_concurrency.given(), self.checked.shape.is_stream());
        set("limited", limited.then(|| mixed!(true)));
        set("streaming", streaming.then(|| mixed!(true)));
        if settings.is_empty() {
            return mixed!(#runtime::SiteSettings::NONE);
        }
        mixed!(#runtime::SiteSettings { #settings ..#runtime::SiteSettings::NONE })
    }

    /// The parts of the share rule that the method has of its own.
    fn shares(&self, shares: &Shares) -> TokenStream {
        let runtime = self.mixed_runtime();
        let share = shares.share.iter().map(|share| mixed!(.share(#share)));
        let window = shares.window.iter();
        let window = window
            .map(|[seconds, nanos]| mixed!(.window(::core::time::Duration::new(#seconds, #nanos))));
        let at_least = shares.at_least.iter();
        let at_least = at_least.map(|calls| mixed!(.at_least(#calls)));
        let cancelled = shares.cancelled.iter();
        let cancelled = cancelled.map(|flag| mixed!(.cancelled(#flag)));
        mixed!(#runtime::ShareParts::NONE #(#share)* #(#window)* #(#at_least)* #(#cancelled)*)
    }

    /// The bounds of the method's durations; a constant is checked while compiling.
    pub(crate) fn bounds(&self, buckets: &Buckets) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        match buckets {
            Buckets::Preset(constant) => {
                let constant = Ident::new(constant, span);
                mixed!(&#runtime::#constant)
            }
            Buckets::List(bounds) => {
                let bounds = bounds.iter().map(|(bound, at)| {
                    let mut literal = Literal::f64_suffixed(*bound);
                    literal.set_span(at.resolved_at(span));
                    literal
                });
                self.runs(span, "bounds", &mixed!(&[#(#bounds),*]))
            }
            Buckets::Constant(path) => {
                let at = place(path);
                self.runs(at, "bounds", &quote_spanned!(at=> &#path))
            }
        }
    }

    /// Whether an argument's type may be a parameter of an `impl` block around the function, which a static cannot name.
    fn names_from_afar(&self, label: &Label) -> FromAfar {
        if self.checked.in_block || label.max.is_some() {
            return FromAfar::default();
        }
        names_from_afar(&label.value, &self.checked.target.sig)
    }

    /// Refuses, while compiling, names like those of parameters that turn out to be types: the values of such a label
    /// would not be known before its first call. In a branch that is never taken.
    pub(super) fn refuse_known_types(&self, label: &Label) -> Option<TokenStream> {
        let own = self.checked.target.sig.generics.params.iter();
        let own: HashSet<String> = own.filter_map(parameter_name).collect();
        let names = self.names_from_afar(label).types.into_iter();
        let looks = names.filter(|name| !own.contains(&name.to_string())).map(|name| {
            let at = place(&name);
            let runtime = self.runtime(at);
            quote_spanned!(at=> #runtime::late::<#name, _>(#runtime::LikelyParameter::<#name>::NEW.look());)
        });
        let looks: TokenStream = looks.collect();
        (!looks.is_empty()).then(|| mixed!(if false { #looks }))
    }

    fn label_key(&self, label: &Label) -> TokenStream {
        let runtime = self.mixed_runtime();
        let (name, sig) = (label.name.to_string(), &self.checked.target.sig);
        if let Some(max) = &label.max {
            return mixed!(#runtime::LabelKey::capped(#name, #max));
        }
        let Some(arguments) = arguments(&label.value, sig, &self.checked.outer_generics)
            .filter(|_| !self.names_from_afar(label).any)
        else {
            return mixed!(#runtime::LabelKey::late(#name));
        };
        let (patterns, types): (Vec<_>, Vec<_>) = arguments.into_iter().unzip();
        let (at, value) = (place(&label.value), self.label_value(label));
        let closure = quote_spanned!(at=> |(#(#patterns,)*): (#(#types,)*)| #value);
        let values = self.runs(at, "label_values", &closure);
        mixed!(#runtime::LabelKey::bounded(#name, #values))
    }
}

/// Looks for names like those of type parameters (`T`, `K2`) in the types of the arguments that a value is made of.
fn names_from_afar(value: &Expr, sig: &Signature) -> FromAfar {
    let used = used(value);
    let mut found = FromAfar::default();
    let is_used = |name: &Ident| used.contains(&name.to_string());
    for typed in typed_arguments(sig) {
        if bindings(&typed.pat).iter().any(is_used) {
            found.visit_type(&typed.ty);
        }
    }
    found
}

/// Paths that may begin with a parameter of the block around: `T`, `T::Item`. One with arguments, or below a module,
/// does not.
#[derive(Default)]
struct FromAfar {
    any: bool,
    /// Those that are a type alone. As an argument of another type, a name may be a constant's.
    types: Vec<Ident>,
}

impl<'ast> Visit<'ast> for FromAfar {
    fn visit_path(&mut self, path: &'ast Path) {
        let first = path.segments.first();
        let is_likely = first.is_some_and(|first| {
            first.arguments.is_none() && is_likely_a_parameter(&first.ident.to_string())
        });
        self.any |= is_likely && path.leading_colon.is_none();
        visit::visit_path(self, path);
    }

    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        let name = ty.path.get_ident();
        let name = name.filter(|name| is_likely_a_parameter(&name.to_string()));
        self.types.extend(name.cloned());
        visit::visit_type_path(self, ty);
    }

    fn visit_angle_bracketed_generic_arguments(
        &mut self,
        within: &'ast AngleBracketedGenericArguments,
    ) {
        let before = self.types.len();
        visit::visit_angle_bracketed_generic_arguments(self, within);
        self.types.truncate(before);
    }
}

/// The arguments of a function that a value is made of, as parameters of a closure: patterns and types. None, if it
/// cannot stand outside of the function.
fn arguments(
    value: &Expr,
    sig: &Signature,
    outer_generics: &[String],
) -> Option<Vec<(TokenStream, Type)>> {
    let own = sig.generics.params.iter().filter_map(parameter_name);
    let generics: HashSet<String> = own.chain(outer_generics.iter().cloned()).collect();
    if !stand_alone(&words(value.to_token_stream()), &generics) {
        return None;
    }
    let used = used(value);
    let is_used = |name: &Ident| used.contains(&name.to_string());
    typed_arguments(sig)
        .filter(|typed| bindings(&typed.pat).iter().any(is_used))
        .map(|typed| argument(typed, &used, &generics))
        .collect()
}

fn used(value: &Expr) -> HashSet<String> {
    let mut used = Used(HashSet::new());
    used.visit_expr(value);
    used.0
}

/// The names that an expression uses. Of a macro call, whose expansion is not known here, all words count.
struct Used(HashSet<String>);

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
) -> Option<(TokenStream, Type)> {
    let mut words = words(typed.ty.to_token_stream());
    // The head of a path: in the type of an argument, it is nothing else.
    words.remove("self");
    if !stand_alone(&words, generics) {
        return None;
    }
    let (mut pattern, mut ty) = ((*typed.pat).clone(), (*typed.ty).clone());
    Parameter { used }.visit_pat_mut(&mut pattern);
    Elided.visit_type_mut(&mut ty);
    Some((pattern.to_token_stream(), ty))
}

/// Whether nothing among these words belongs to the function.
fn stand_alone(words: &HashSet<String>, generics: &HashSet<String>) -> bool {
    let bound = ["self", "Self", "impl", "for"];
    words.is_disjoint(generics) && !bound.iter().any(|word| words.contains(*word))
}

/// Whether a name looks like a type parameter: `T`, `K`, `T1`. Those of an `impl` block are not seen from a method.
fn is_likely_a_parameter(word: &str) -> bool {
    let rest = word.strip_prefix(|first: char| first.is_ascii_uppercase());
    rest.is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_digit()))
}

/// Takes `mut` off a pattern, for nothing changes in the closure, and gives names that the closure does not use a span
/// on which no lint is reported.
struct Parameter<'a> {
    used: &'a HashSet<String>,
}

impl VisitMut for Parameter<'_> {
    fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
        if pattern.by_ref.is_none() {
            pattern.mutability = None;
        }
        visit_mut::visit_pat_ident_mut(self, pattern);
    }

    fn visit_ident_mut(&mut self, name: &mut Ident) {
        if !self.used.contains(&name.to_string()) {
            *name = unlinted(name);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn listed(sig: TokenStream, value: TokenStream) -> Option<String> {
        let sig: Signature = syn::parse2(sig).unwrap_or_else(|error| panic!("{error}"));
        let value = syn::parse2(value).unwrap_or_else(|error| panic!("{error}"));
        let arguments = arguments(&value, &sig, &[])?;
        if names_from_afar(&value, &sig).any {
            return None;
        }
        let shown = arguments
            .iter()
            .map(|(pattern, ty)| quote!(#pattern: #ty).to_string());
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
        let sig = quote!(fn f<Item>(&self, a: Item, b: Option<T>, c: fn(Self), d: u8, e: [u8; N], f: &self::A, g: m::B, h: C<u8>));
        for value in [
            quote!(a),
            quote!(b),
            quote!(c),
            quote!(self.tier),
            quote!(d.cast::<Item>()),
            quote!(e),
        ] {
            assert_eq!(listed(sig.clone(), value), None);
        }
        assert_eq!(
            listed(sig.clone(), quote!(d > 1)).as_deref(),
            Some("d : u8")
        );
        let paths = listed(sig, quote!(f.or(g, h)));
        assert_eq!(
            paths.as_deref(),
            Some("f : & self :: A, g : m :: B, h : C < u8 >")
        );
    }
}
