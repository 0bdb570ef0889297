//! Ways out of a function, which an argument's expression must not take.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprAsync, ExprAwait, ExprClosure, ExprReturn, ExprTry, Macro, Token};

use super::value::Faults;

/// Refuses an expression that would leave the function, or suspend it, in the middle of its instrumentation.
pub(super) fn inside(key: &Ident, value: Expr) -> syn::Result<Expr> {
    let mut exits = Exits(key, Faults::default());
    exits.visit_expr(&value);
    exits.1.or(value)
}

struct Exits<'a>(&'a Ident, Faults);

impl Exits<'_> {
    fn refuse(&mut self, span: Span, what: &str) {
        let key = self.0.unraw();
        let message = format!(
            "the expression of `{key}` stands outside of the function's body: no {what} there"
        );
        self.1.push(syn::Error::new(span, message));
    }

    /// In a macro whose words are no list of expressions: a keyword is one there too, and so is a `?` that ends something.
    fn refuse_in(&mut self, tokens: TokenStream) {
        let mut ends_something = false;
        for token in tokens {
            match &token {
                TokenTree::Ident(word) if word == "return" => self.refuse(word.span(), "`return`"),
                TokenTree::Ident(word) if word == "await" => self.refuse(word.span(), "`.await`"),
                TokenTree::Punct(sign) if ends_something && sign.as_char() == '?' => {
                    self.refuse(sign.span(), "`?`");
                }
                TokenTree::Group(group) => self.refuse_in(group.stream()),
                _ => {}
            }
            ends_something = !matches!(token, TokenTree::Punct(_));
        }
    }
}

impl<'ast> Visit<'ast> for Exits<'_> {
    fn visit_expr_try(&mut self, expr: &'ast ExprTry) {
        self.refuse(expr.question_token.span, "`?`");
        visit::visit_expr_try(self, expr);
    }
    fn visit_expr_return(&mut self, expr: &'ast ExprReturn) {
        self.refuse(expr.return_token.span, "`return`");
        visit::visit_expr_return(self, expr);
    }
    fn visit_expr_await(&mut self, expr: &'ast ExprAwait) {
        self.refuse(expr.await_token.span, "`.await`");
        visit::visit_expr_await(self, expr);
    }
    fn visit_macro(&mut self, invocation: &'ast Macro) {
        let list = Punctuated::<Expr, Token![,]>::parse_terminated;
        match list.parse2(invocation.tokens.clone()) {
            Ok(values) => {
                let mut inner = Exits(self.0, Faults::default());
                values.iter().for_each(|value| inner.visit_expr(value));
                self.1.extend(inner.1);
            }
            Err(_) => self.refuse_in(invocation.tokens.clone()),
        }
    }
    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
}
