//! How a function has to be wrapped: decided by its signature, and by its body only where that saves work at run time.

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, GenericArgument, Path, PathArguments, PathSegment, ReturnType, Signature, Type,
    TypeInfer, TypeParamBound,
};

/// How the body becomes a call.
pub(crate) enum Shape {
    /// The body moves into a closure. Also an `async fn` that cannot suspend: no inner future, so its own is no larger.
    Sync,
    /// The body stays where it is, between the two ends of the call: an `async fn` that has no way out but its end.
    Inline,
    /// The body moves into an inner future, awaited at once: an `async fn` that may return early. An argument that the bare
    /// function would use up before its first await takes its place twice then, in the outer future and in the inner.
    Async,
    /// The function never returns: a guard alone.
    Never,
    /// `#[track_caller]` would not survive a closure: a guard alone, which sees no return value.
    TrackCaller(Span),
    /// The function returns a future: that is the call.
    Future(Wrap),
}

/// How a returned future is wrapped.
pub(crate) enum Wrap {
    /// `impl Future`.
    Opaque,
    /// `Pin<Box<dyn Future>>`: boxed again.
    Pinned,
    /// `Box<dyn Future + Unpin>`: boxed again.
    Boxed,
    /// The body ends in `Box::pin(async ..)`: wrapped inside of that box.
    Tail(Tail),
}

/// A body that ends in `Box::pin(async ..)`.
pub(crate) struct Tail {
    /// Everything before the parentheses.
    pub(crate) before: TokenStream,
    /// What stands between them.
    pub(crate) future: TokenStream,
    /// Where they are.
    pub(crate) parentheses: Span,
}

/// What the expansion needs to know of the return type.
pub(crate) struct Returned {
    /// The value the outcome is read from, with every `impl Trait` erased to `_`.
    pub(crate) value: Type,
    /// The type of the body, likewise; differs from `value` where the function returns a future.
    pub(crate) body: Type,
}

impl Shape {
    /// Decides.
    pub(crate) fn of(sig: &Signature, attrs: &[Attribute], body: &TokenStream) -> (Self, Returned) {
        let returned = return_type(&sig.output);
        if let Type::Never(_) = returned {
            return (Self::Never, Returned::plain(&returned));
        }
        if sig.asyncness.is_some() {
            return (Self::of_async(body), Returned::plain(&returned));
        }
        if let Some((wrap, output)) = future_output(&returned) {
            let wrap = match (wrap, tail(body)) {
                (Wrap::Pinned, Some(tail)) => Wrap::Tail(tail),
                (wrap, _) => wrap,
            };
            let body = erase(returned);
            return (
                Self::Future(wrap),
                Returned {
                    value: erase(output),
                    body,
                },
            );
        }
        let shape = match attrs
            .iter()
            .find(|attr| attr.path().is_ident("track_caller"))
        {
            Some(attr) => Self::TrackCaller(attr.path().segments[0].ident.span()),
            None => Self::Sync,
        };
        (shape, Returned::plain(&returned))
    }

    fn of_async(body: &TokenStream) -> Self {
        if !contains(body.clone(), &["await"]) {
            Self::Sync
        } else if contains(body.clone(), &["return", "?"]) {
            Self::Async
        } else {
            Self::Inline
        }
    }
}

impl Returned {
    fn plain(ty: &Type) -> Self {
        let erased = erase(ty.clone());
        Self {
            value: erased.clone(),
            body: erased,
        }
    }
}

/// Whether this type says `Result` in so many words.
pub(crate) fn names_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

fn return_type(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => bare(ty).clone(),
    }
}

/// The type without parentheses and invisible groups.
fn bare(mut ty: &Type) -> &Type {
    loop {
        match ty {
            Type::Group(group) => ty = &group.elem,
            Type::Paren(paren) => ty = &paren.elem,
            other => return other,
        }
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The last type argument of a path segment: `T` of `Box<T>` and of `BoxFuture<'a, T>`.
fn type_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments
        .args
        .iter()
        .rev()
        .find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(bare(ty)),
            _ => None,
        })
}

/// Whether a return type is a future, how that is wrapped, and what it resolves to.
fn future_output(ty: &Type) -> Option<(Wrap, Type)> {
    if let Type::ImplTrait(opaque) = ty {
        return Some((Wrap::Opaque, output_of(&opaque.bounds)?));
    }
    let segment = last_segment(ty)?;
    let argument = type_argument(segment)?;
    match segment.ident.to_string().as_str() {
        "Pin" => Some((Wrap::Pinned, dyn_future_in_box(argument)?)),
        "Box" => Some((Wrap::Boxed, dyn_future(argument)?)),
        "BoxFuture" | "LocalBoxFuture" => Some((Wrap::Pinned, argument.clone())),
        _ => None,
    }
}

fn dyn_future_in_box(ty: &Type) -> Option<Type> {
    let segment = last_segment(ty)?;
    if segment.ident != "Box" {
        return None;
    }
    dyn_future(type_argument(segment)?)
}

fn dyn_future(ty: &Type) -> Option<Type> {
    match ty {
        Type::TraitObject(object) => output_of(&object.bounds),
        _ => None,
    }
}

fn output_of<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> Option<Type> {
    bounds.into_iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => output_of_path(&bound.path),
        _ => None,
    })
}

fn output_of_path(path: &Path) -> Option<Type> {
    let segment = path
        .segments
        .last()
        .filter(|segment| segment.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
        _ => None,
    })
}

/// Replaces every `impl Trait` by `_`: it may not be written in a body.
fn erase(mut ty: Type) -> Type {
    struct Erase;
    impl VisitMut for Erase {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Type::ImplTrait(opaque) = ty {
                *ty = Type::Infer(TypeInfer {
                    underscore_token: syn::Token![_](opaque.impl_token.span),
                });
            } else {
                visit_mut::visit_type_mut(self, ty);
            }
        }
    }
    Erase.visit_type_mut(&mut ty);
    ty
}

/// Macros of the standard library: what they expand to suspends and returns only where their arguments do. `todo!` and
/// `unimplemented!` are not here: clippy does not ask an async function that holds one to await, which a closure would hide.
const PLAIN_MACROS: &str = "assert assert_eq assert_ne cfg column concat dbg debug_assert debug_assert_eq \
    debug_assert_ne env eprint eprintln file format format_args include_bytes include_str line matches module_path \
    option_env panic print println stringify unreachable vec write writeln";

/// Words that stand before a negation: `if !x` is no macro call.
const KEYWORDS: &[&str] = &["break", "else", "if", "in", "match", "return", "while"];

/// Whether one of these words or signs stands anywhere in `tokens`, or may come out of a macro there.
fn contains(tokens: TokenStream, words: &[&str]) -> bool {
    let mut previous: [Option<TokenTree>; 2] = [None, None];
    for token in tokens {
        let found = match (&token, &previous) {
            (TokenTree::Ident(ident), _) => words.iter().any(|word| ident == word),
            (TokenTree::Punct(bang), [before, Some(TokenTree::Ident(name))])
                if bang.as_char() == '!' =>
            {
                bang.spacing() == Spacing::Alone && !is_harmless(before.as_ref(), &name.to_string())
            }
            (TokenTree::Punct(sign), _) => words.contains(&&*sign.to_string()),
            (TokenTree::Group(group), _) => contains(group.stream(), words),
            _ => false,
        };
        if found {
            return true;
        }
        previous = [previous[1].take(), Some(token)];
    }
    false
}

/// Whether `name !` is no macro call, or one of the standard library: under its bare name, for in a path it may be anyone's.
fn is_harmless(before: Option<&TokenTree>, name: &str) -> bool {
    let in_path = matches!(before, Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
    KEYWORDS.contains(&name) || (!in_path && PLAIN_MACROS.split(' ').any(|plain| plain == name))
}

/// Recognises `.. Box::pin(async ..)` at the end of a body that cannot return before.
fn tail(body: &TokenStream) -> Option<Tail> {
    let mut before: Vec<TokenTree> = body.clone().into_iter().collect();
    let TokenTree::Group(call) = before.pop()? else {
        return None;
    };
    let statements = strip_box_pin(&before)?;
    let ended = match statements.last() {
        None => true,
        Some(TokenTree::Punct(end)) => end.as_char() == ';',
        Some(TokenTree::Group(block)) => block.delimiter() == Delimiter::Brace,
        Some(_) => false,
    };
    if !ended
        || !is_async_block(&call)
        || contains(statements.iter().cloned().collect(), &["return"])
    {
        return None;
    }
    Some(Tail {
        before: before.into_iter().collect(),
        future: call.stream(),
        parentheses: call.span(),
    })
}

/// What stands before a final `Box::pin`, written with or without a path before `Box`.
fn strip_box_pin(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let tokens = strip_separator(strip_word(tokens, |word| word == "pin")?)?;
    let mut tokens = strip_word(tokens, |word| word == "Box")?;
    while let Some(path) = strip_separator(tokens) {
        tokens = strip_word(path, |word| word != "return").unwrap_or(path);
    }
    Some(tokens)
}

fn strip_word(tokens: &[TokenTree], is: impl Fn(&str) -> bool) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., TokenTree::Ident(word)] if is(&word.to_string()) => Some(rest),
        _ => None,
    }
}

fn strip_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [rest @ .., TokenTree::Punct(first), TokenTree::Punct(second)]
            if first.as_char() == ':' && second.as_char() == ':' =>
        {
            Some(rest)
        }
        _ => None,
    }
}

fn is_async_block(call: &Group) -> bool {
    if call.delimiter() != Delimiter::Parenthesis {
        return false;
    }
    let tokens: Vec<TokenTree> = call.stream().into_iter().collect();
    let is =
        |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
    match &tokens[..] {
        [first, TokenTree::Group(_)] => is(first, "async"),
        [first, second, TokenTree::Group(_)] => is(first, "async") && is(second, "move"),
        _ => false,
    }
}
