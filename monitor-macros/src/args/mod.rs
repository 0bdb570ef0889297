//! The attribute's arguments: named, in any order, each at most once.
//!
//! What can be told from an argument alone is checked here; what depends on other arguments or on the item, in `validate`.

mod buckets;
mod exits;
mod keys;
mod labels;
mod once;
mod value;

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Lit, LitBool, LitStr, Path, Token};

pub(crate) use buckets::Buckets;
pub(crate) use keys::Place;
#[cfg(test)]
pub(crate) use keys::keys;
pub(crate) use labels::{Kind, Label};
pub(crate) use once::Once;
pub(crate) use value::{ErrorType, Limit, MethodName, check_name, refuse, string};

/// What was written between the attribute's parentheses.
#[derive(Default)]
pub(crate) struct Args {
    /// `method = "X"` or `method = PATH`.
    pub(crate) method: Once<MethodName>,
    /// `prefix = "X"`.
    pub(crate) prefix: Once<LitStr>,
    /// `only_pub`.
    pub(crate) only_pub: Once<()>,
    /// `skip`.
    pub(crate) skip: Once<()>,
    /// `ok_if = |answer| ..`.
    pub(crate) ok_if: Once<Expr>,
    /// `error_if = |answer| ..`.
    pub(crate) error_if: Once<Expr>,
    /// `error_type = "name"` or `error_type = path`.
    pub(crate) error_type: Once<ErrorType>,
    /// `expected("name", ..)`.
    pub(crate) expected: Once<Vec<LitStr>>,
    /// `task = "name"`.
    pub(crate) task: Once<LitStr>,
    /// `health = false`.
    pub(crate) health: Once<LitBool>,
    /// `labels(key = expr, ..)`.
    pub(crate) labels: Once<Vec<Label>>,
    /// `request_size = expr`.
    pub(crate) request_size: Once<Expr>,
    /// `response_size = |answer| ..`.
    pub(crate) response_size: Once<Expr>,
    /// `deadline = expr`.
    pub(crate) deadline: Once<Expr>,
    /// `call = ident`.
    pub(crate) call: Once<Ident>,
    /// `max_concurrency = expr` or `max_concurrency = workers`.
    pub(crate) max_concurrency: Once<Limit>,
    /// `buckets = ..`.
    pub(crate) buckets: Once<Buckets>,
    /// `future`.
    pub(crate) future: Once<()>,
    /// `stream`.
    pub(crate) stream: Once<()>,
    /// `crate = path`.
    pub(crate) root: Once<Path>,
    /// All words of all arguments, also of those at fault.
    pub(crate) words: HashSet<String>,
}

impl Args {
    /// Reads all arguments. Every fault is added to `errors`; reading goes on at the next comma.
    pub(crate) fn read(tokens: TokenStream, place: Place, errors: &mut Vec<syn::Error>) -> Self {
        let mut args = Self {
            words: words(tokens.clone()),
            ..Self::default()
        };
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.read_one(input, place) {
                    errors.push(error);
                    recover(input);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    fn read_one(&mut self, input: ParseStream<'_>, place: Place) -> syn::Result<()> {
        let key = read_key(input)?;
        keys::check(&key, place)?;
        self.read_value(&key, input)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(());
        }
        let message = format!("expected `,` after the argument `{key}`");
        Err(syn::Error::new(input.span(), message))
    }

    fn read_value(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "method" => self.method.set(key, input, value::method_name),
            "prefix" => self.prefix.set(key, input, value::prefix),
            "only_pub" => self.only_pub.set(key, input, value::flag),
            "skip" => self.skip.set(key, input, value::flag),
            "ok_if" => self.ok_if.set(key, input, value::predicate),
            "error_if" => self.error_if.set(key, input, value::predicate),
            "error_type" => self.error_type.set(key, input, value::error_type),
            "expected" => self.expected.set(key, input, value::expected),
            "task" => self.task.set(key, input, value::task),
            "health" => self.health.set(key, input, value::health),
            "labels" => self.labels.set(key, input, labels::labels),
            "request_size" => self.request_size.set(key, input, value::size),
            "response_size" => self.response_size.set(key, input, value::predicate),
            "deadline" => self.deadline.set(key, input, value::deadline),
            "call" => self.call.set(key, input, value::binding),
            "max_concurrency" => self.max_concurrency.set(key, input, value::limit),
            "buckets" => self.buckets.set(key, input, buckets::buckets),
            "future" => self.future.set(key, input, value::flag),
            "stream" => self.stream.set(key, input, value::flag),
            _ => self.root.set(key, input, value::root),
        }
    }

    /// Whether an argument is about the value.
    pub(crate) fn ask_the_value(&self) -> bool {
        let keys = [
            self.ok_if.key(),
            self.error_if.key(),
            self.error_type.key(),
            self.response_size.key(),
        ];
        keys.iter().any(Option::is_some)
    }

    /// Whether no expression of the arguments is about what the function was given or gives.
    pub(crate) fn touch_nothing(&self) -> bool {
        let keys = [
            self.ok_if.key(),
            self.error_if.key(),
            self.labels.key(),
            self.request_size.key(),
            self.response_size.key(),
            self.deadline.key(),
        ];
        let counted = matches!(self.max_concurrency.value(), Some(Limit::Count(_)));
        keys.iter().all(Option::is_none) && !counted
    }

    /// The keys given beside `skip`.
    pub(crate) fn beside_skip(&self) -> Vec<&Ident> {
        let keys = [
            self.method.key(),
            self.ok_if.key(),
            self.error_if.key(),
            self.error_type.key(),
            self.expected.key(),
            self.task.key(),
            self.health.key(),
            self.labels.key(),
            self.request_size.key(),
            self.response_size.key(),
            self.deadline.key(),
            self.call.key(),
            self.max_concurrency.key(),
            self.buckets.key(),
            self.future.key(),
            self.stream.key(),
            self.root.key(),
        ];
        keys.into_iter().flatten().collect()
    }
}

/// The words among some tokens, at any depth.
pub(crate) fn words(tokens: TokenStream) -> HashSet<String> {
    let mut words = HashSet::new();
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                words.insert(word.to_string());
            }
            TokenTree::Group(group) => words.extend(self::words(group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    words
}

fn read_key(input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let message = match &literal {
            Lit::Str(name) => format!("arguments are named: write `method = {:?}`", name.value()),
            _ => "arguments are named: write `method = \"name\"`".to_owned(),
        };
        return Err(syn::Error::new(literal.span(), message));
    }
    Ident::parse_any(input)
        .map_err(|error| syn::Error::new(error.span(), "expected an argument: `key = value`"))
}

/// Goes on to the next comma, and past the value of a key that was refused: that may hold commas of its own.
fn recover(input: ParseStream<'_>) {
    if input.peek(Token![=]) && !input.peek(Token![==]) {
        let ahead = input.fork();
        let value = ahead
            .parse::<Token![=]>()
            .and_then(|_| ahead.parse::<Expr>());
        if value.is_ok() {
            let _ = input
                .parse::<Token![=]>()
                .and_then(|_| input.parse::<Expr>());
        }
    }
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
