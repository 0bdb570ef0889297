//! An attribute that wraps a body as `#[no_panic]` does, without its trick at link time.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Moves the body into a closure, with a guard beside it.
#[proc_macro_attribute]
pub fn guarded(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(body)) = tokens.pop() else {
        return TokenStream::new();
    };
    let parse = |code: &str| code.parse::<TokenStream>().unwrap_or_default();
    let group = |delimiter, stream| TokenTree::Group(Group::new(delimiter, stream));
    let mut closure = parse("move ||");
    closure.extend([TokenTree::Group(body)]);
    let mut inner = parse("struct __Guard; impl ::core::ops::Drop for __Guard { fn drop(&mut self) {} }");
    inner.extend(parse("let __guard = __Guard; let __result ="));
    inner.extend([group(Delimiter::Parenthesis, closure)]);
    inner.extend(parse("(); ::core::mem::forget(__guard); __result"));
    tokens.push(group(Delimiter::Brace, inner));
    tokens.into_iter().collect()
}
