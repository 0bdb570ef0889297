//! Arguments that an asynchronous body takes apart: it moves a field out of one, or matches on one.
//!
//! An `async fn` binds its arguments before its body. Where something may panic while an argument is whole, it would be dropped
//! then, and if a part is moved out later the compiler keeps a place for all of it over every await behind that. The start of
//! a call is such a place. Behind a `let` that moves the argument as a whole it is forgotten, as without the attribute.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{FnArg, Pat, PatIdent, Signature, Type};

use super::flow::strip_word;

/// The arguments to bind again once the call has begun: from the first that is taken apart, as they are to be dropped in
/// the order in which they were. None, if one among them cannot be bound again.
pub(super) fn taken_apart(sig: &Signature, body: &TokenStream) -> Vec<PatIdent> {
    let first = sig.inputs.iter().position(|input| {
        matches!(again(input), Again::Bind(name) if is_taken_apart(&name.ident.to_string(), body))
    });
    let inputs = sig.inputs.iter().skip(first.unwrap_or(usize::MAX));
    let mut names = Vec::new();
    for input in inputs {
        match again(input) {
            Again::Bind(name) => names.push(name.clone()),
            Again::Leave => {}
            Again::Cannot => return Vec::new(),
        }
    }
    names
}

/// Whether an argument can be bound again.
enum Again<'a> {
    /// By its name.
    Bind(&'a PatIdent),
    /// There is no need: it has nothing to drop.
    Leave,
    /// It has no name, or one that says that it is not used.
    Cannot,
}

fn again(input: &FnArg) -> Again<'_> {
    let FnArg::Typed(argument) = input else {
        return Again::Cannot;
    };
    match (&*argument.ty, &*argument.pat) {
        (Type::Reference(_), _) => Again::Leave,
        (_, Pat::Ident(name))
            if argument.attrs.is_empty()
                && name.by_ref.is_none()
                && name.subpat.is_none()
                && !name.ident.to_string().starts_with('_') =>
        {
            Again::Bind(name)
        }
        _ => Again::Cannot,
    }
}

/// Whether a body may move a part out of this argument; it may also just read one.
fn is_taken_apart(name: &str, body: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = body.clone().into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(word) if word == name => {
            let (before, after) = (&tokens[..at], &tokens[at + 1..]);
            has_a_field(after) || is_matched_on(before, after)
        }
        TokenTree::Group(group) => is_taken_apart(name, &group.stream()),
        _ => false,
    })
}

/// `.field` or `.0`, and neither a method nor an await.
fn has_a_field(after: &[TokenTree]) -> bool {
    let [TokenTree::Punct(dot), field, rest @ ..] = after else {
        return false;
    };
    let called = match rest.first() {
        Some(TokenTree::Group(arguments)) => arguments.delimiter() == Delimiter::Parenthesis,
        Some(TokenTree::Punct(colon)) => {
            colon.as_char() == ':' && colon.spacing() == Spacing::Joint
        }
        _ => false,
    };
    let field = match field {
        TokenTree::Ident(word) => word != "await" && !called,
        TokenTree::Literal(_) => true,
        _ => false,
    };
    dot.as_char() == '.' && dot.spacing() == Spacing::Alone && field
}

/// `= name;`, `= name {`, `= name else {` or `match name {`.
fn is_matched_on(before: &[TokenTree], after: &[TokenTree]) -> bool {
    let given = matches!(before.last(), Some(TokenTree::Punct(sign)) if sign.as_char() == '=');
    let ends = match after.first() {
        Some(TokenTree::Punct(sign)) => sign.as_char() == ';',
        Some(TokenTree::Group(block)) => block.delimiter() == Delimiter::Brace,
        Some(TokenTree::Ident(word)) => word == "else",
        _ => false,
    };
    ends && (given || strip_word(before, |word| word == "match").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn names(sig: TokenStream, body: &TokenStream) -> Vec<String> {
        let sig: Signature = syn::parse2(sig).unwrap_or_else(|error| panic!("{error}"));
        let names = taken_apart(&sig, body);
        names.iter().map(|name| name.ident.to_string()).collect()
    }

    #[test]
    fn an_argument_is_bound_again_with_those_behind_it() {
        let sig = quote!(async fn f(&self, a: A, mut b: B, c: &C, d: D));
        for body in [
            quote!(let x = b.field; g().await),
            quote!(spawn(move || b.0)),
            quote!(let B { x, .. } = b; g().await),
            quote!(let B(x) = b else { return };),
            quote!(match b {
                B(x) => g(x).await,
            }),
            quote!(if let Some(x) = b {
                g(x).await
            }),
        ] {
            assert_eq!(names(sig.clone(), &body), ["b", "d"], "{body}");
        }
    }

    #[test]
    fn others_stay() {
        let sig = quote!(async fn f(self, a: A, b: &B));
        for body in [
            quote!(a.len()),
            quote!(a.get::<u8>()),
            quote!(a.await),
            quote!(g(a).await),
            quote!(b.field),
            quote!(self.field),
            quote!(a..b),
            quote!(x == a + 1),
        ] {
            assert_eq!(names(sig.clone(), &body), [""; 0], "{body}");
        }
    }

    #[test]
    fn what_cannot_be_bound_again_would_be_dropped_too_late() {
        for sig in [
            quote!(async fn f(a: A, _: B)),
            quote!(async fn f(a: A, (b, c): B)),
            quote!(async fn f(a: A, _b: B)),
            quote!(async fn f(a: A, #[cfg(unix)] b: B)),
        ] {
            assert_eq!(names(sig, &quote!(a.b)), [""; 0]);
        }
        let behind = names(quote!(async fn f((b, c): B, a: A)), &quote!(a.b));
        assert_eq!(behind, ["a"]);
    }
}
