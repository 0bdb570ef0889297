//! Fragments of a `macro_rules!`, in groups without delimiters.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use super::{expanded, flat};
use crate::attribute::monitored;
use crate::derive;

fn fragment(tokens: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(Delimiter::None, tokens)).into()
}

fn tokens(text: &str) -> TokenStream {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Puts `value` in the place of each `@`.
fn filled(template: TokenStream, value: &TokenStream) -> TokenStream {
    let fill = |token: TokenTree| -> TokenStream {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '@' => value.clone(),
            TokenTree::Group(group) => {
                let content = filled(group.stream(), value);
                TokenTree::Group(Group::new(group.delimiter(), content)).into()
            }
            other => other.into(),
        }
    };
    template.into_iter().flat_map(fill).collect()
}

/// An item, the arguments of its attribute, and the tokens that `@` stands for.
type Row = (&'static str, &'static str, &'static [&'static str]);

const FUNCTION: &str = "async fn f(a: A, n: usize) -> Result<Vec<u8>, E> { g(a, n).await }";
const BLOCK: &str = "impl A { fn f(&self) -> u8 { 1 } }";
const ERRORS: &str = "enum E { #[monitor(error_type = @)] A, B }";
const FALLBACK: &str = "#[monitor(fallback = @)] enum E { A, B }";
const ERRORS_OF: &str = "#[monitor(crate = @)] enum E { A }";
const LABEL: &str = "enum E { #[monitor(name = @)] A, B }";
const LABEL_OF: &str = "#[monitor(crate = @)] enum E { A }";

/// All arguments that take a value.
const ARGUMENTS: &[Row] = &[
    (
        FUNCTION,
        "method = @",
        &["\"X\"", "r\"X\"", "X", "a::X", "b\"X\"", "1", "-1", "1.5"],
    ),
    (FUNCTION, "task = @", &["\"x\"", "x", "1", "-1"]),
    (FUNCTION, "health = @", &["true", "false", "\"x\""]),
    (
        FUNCTION,
        "unhealthy(share = @)",
        &["0.5", "1", "2", "-1", "x", "\"x\""],
    ),
    (FUNCTION, "unhealthy(window = @)", &["60", "2.5", "1", "x"]),
    (
        FUNCTION,
        "unhealthy(at_least = @)",
        &["20", "0", "1.5", "-1"],
    ),
    (FUNCTION, "unhealthy(cancelled = @)", &["true", "1"]),
    (FUNCTION, "unhealthy(@ = 0.5)", &["share", "shar", "x"]),
    (FUNCTION, "error_type = @", &["\"X\"", "a::kind", "-1"]),
    (FUNCTION, "expected(@)", &["\"X\"", "x", "-1"]),
    (FUNCTION, "expected(\"A\", @, \"B\")", &["\"X\"", "\"A\""]),
    (
        FUNCTION,
        "buckets = @",
        &["\"time\"", "\"tme\"", "[0.5, 1]", "&[1]", "a::B", "-1"],
    ),
    (
        FUNCTION,
        "buckets = [0, @, 3]",
        &["1", "1.5", "-1", "2f64", "2u8", "\"x\"", "x", "4", "1 + 1"],
    ),
    (
        FUNCTION,
        "labels(a_ = @)",
        &["a.x", "n > 1", "true", "-1", "a?"],
    ),
    (
        FUNCTION,
        "labels(capped(a_ = @, max = 3))",
        &["a.x", "\"x\"", "&a.x"],
    ),
    (
        FUNCTION,
        "labels(capped(a_ = a.x, max = @))",
        &["3", "0", "-3", "3u8", "\"3\"", "x"],
    ),
    (
        FUNCTION,
        "request_size = @",
        &["7", "n", "a.len()", "n + 1", "-7", "\"x\""],
    ),
    (FUNCTION, "deadline = @", &["a.left", "LIMIT", "1"]),
    (
        FUNCTION,
        "response_size = @",
        &["Vec::len", "|it| it.len()", "1"],
    ),
    (
        FUNCTION,
        "ok_if = @",
        &["Result::is_ok", "|it| it.is_ok()", "|a, b| a", "true"],
    ),
    (FUNCTION, "error_if = @", &["Result::is_err", "\"x\""]),
    (FUNCTION, "call = @", &["handle", "a::b", "\"x\""]),
    (
        FUNCTION,
        "max_concurrency = @",
        &["4", "workers", "n", "n + 1", "-4", "1.5", "\"x\""],
    ),
    (FUNCTION, "crate = @", &["x", "a::b", "\"x\""]),
    (BLOCK, "prefix = @", &["\"X\"", "\"\"", "x", "-1"]),
    (BLOCK, "task = @", &["\"x\"", "1"]),
    (BLOCK, "health = @", &["false", "0"]),
    (BLOCK, "unhealthy(share = @)", &["0.5", "2"]),
    (BLOCK, "buckets = @", &["\"size\"", "[1, 2]"]),
    (BLOCK, "crate = @", &["a::b"]),
];

/// A derive, on an item with an `@` for each of the values.
type DeriveRow = (
    &'static str,
    fn(TokenStream) -> TokenStream,
    &'static [&'static str],
);

/// All of the derives.
const DERIVED: &[DeriveRow] = &[
    (ERRORS, derive::error, &["\"X\"", "\"\"", "x", "-1"]),
    (FALLBACK, derive::error, &["\"X\"", "1"]),
    (ERRORS_OF, derive::error, &["a::b", "\"x\""]),
    (LABEL, derive::label, &["\"X\"", "\"overflow\"", "x", "-1"]),
    (LABEL_OF, derive::label, &["x", "1"]),
];

/// A value as it is, as a fragment, and as one that two macros handed on.
fn assert_same(shown: &str, expand: impl Fn(&TokenStream) -> TokenStream, value: &str) {
    let value = tokens(value);
    let plain = flat(expand(&value));
    for value in [fragment(value.clone()), fragment(fragment(value.clone()))] {
        assert_eq!(flat(expand(&value)), plain, "{shown} with {value}");
    }
}

#[test]
fn an_argument_is_the_same_from_a_macro() {
    for (item, args, values) in ARGUMENTS {
        for value in *values {
            let expand = |value: &_| monitored(filled(tokens(args), value), tokens(item));
            assert_same(args, expand, value);
        }
    }
}

#[test]
fn every_argument_with_a_value_is_in_the_table() {
    let valueless = ["only_pub", "skip", "future", "stream", "root"];
    for key in crate::parse::keys().filter(|key| !valueless.contains(key)) {
        let listed = ARGUMENTS.iter().any(|(_, args, _)| args.starts_with(key));
        assert!(listed, "{key}");
    }
}

#[test]
fn a_derive_is_the_same_from_a_macro() {
    for (item, derive, values) in DERIVED {
        for value in *values {
            let expand = |value: &_| derive(filled(tokens(item), value));
            assert_same(item, expand, value);
        }
    }
}

#[test]
fn an_expression_from_a_macro_stays_whole() {
    for (value, in_parentheses) in [
        ("n + 1", true),
        ("n", false),
        ("f(n)", false),
        ("n as u8", true),
    ] {
        let value = tokens(value);
        let whole = if in_parentheses {
            quote!((#value))
        } else {
            value.clone()
        };
        let fragment = fragment(value);
        for (args, plain) in [
            (
                quote!(request_size = #fragment * 2),
                quote!(request_size = #whole * 2),
            ),
            (
                quote!(labels(a = #fragment == 2)),
                quote!(labels(a = #whole == 2)),
            ),
            (
                quote!(max_concurrency = g(#fragment * 2)),
                quote!(max_concurrency = g(#whole * 2)),
            ),
        ] {
            let item = tokens(FUNCTION);
            assert_eq!(
                flat(expanded(args, item.clone())),
                flat(expanded(plain, item))
            );
        }
    }
}

/// The same with parentheses, where tokens are taken out of their group.
#[test]
fn what_is_around_the_body_stays_whole() {
    let (sum, bounds) = (fragment(quote!(1 + 1)), fragment(quote!(dyn A + 'a)));
    let number = fragment(quote!(-1));
    for (item, part) in [
        (
            quote!(impl A { const X: u8 = #sum * 2; fn f() {} }),
            "= (1 + 1) * 2 ;",
        ),
        (
            quote!(impl A { const X: i8 = #number; fn f() {} }),
            "= - 1 ;",
        ),
        (
            quote!(impl A { const X: i8 = #number.abs(); fn f() {} }),
            "= (- 1) . abs () ;",
        ),
        (
            quote!(fn f() -> u8 { #![allow(x)] #sum * 2 }),
            "(1 + 1) * 2",
        ),
        (
            quote!(fn f(x: u8) -> &'a #bounds { x }),
            "-> & 'a (dyn A + 'a) {",
        ),
        (
            quote!(fn f(x: u8) -> &'a #bounds { x }),
            "let __monitor_value : & '_ (dyn A + '_) =",
        ),
        (
            quote!(fn f() -> BoxFuture<'a, u8> { let x = #sum * 2; Box::pin(async move { x }) }),
            "let x = (1 + 1) * 2 ;",
        ),
        (
            quote!(fn f() -> impl Future<Output = u8> { let x = #sum * 2; async move { x } }),
            "let x = (1 + 1) * 2 ;",
        ),
    ] {
        let text = expanded(TokenStream::new(), item).to_string();
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_macro_named_by_a_macro_may_do_anything() {
    let path = fragment(quote!(anyhow::bail));
    let text = expanded(TokenStream::new(), quote!(fn f() -> R { #path!("x") })).to_string();
    assert!(text.contains("run_sync"), "{text}");
}

#[test]
fn an_inner_function_ends_behind_a_block_from_a_macro() {
    let block = fragment(quote!({ 1 }));
    for body in [
        quote!(async fn g() -> u8 #block x().await; y().await),
        quote!(h(async |c| #block, x().await); y().await),
    ] {
        let text = expanded(TokenStream::new(), quote!(async fn f() -> u8 { #body })).to_string();
        assert_eq!(text.matches("awaited (").count(), 2, "{text}");
    }
}

/// Blocks whose parts come as fragments, and how many methods are monitored.
#[test]
fn methods_from_a_macro_are_monitored() {
    let (ty, path) = (fragment(quote!(a::Type<u8>)), fragment(quote!(Trait)));
    let (public, private) = (fragment(quote!(pub)), fragment(TokenStream::new()));
    let (abi, result) = (fragment(quote!("C")), fragment(quote!(Result<u8, E>)));
    let (body, cold) = (fragment(quote!({ Ok(1) })), fragment(quote!(cold)));
    let item = fragment(quote!(
        #[inline]
        pub fn a(&self) -> u8 {
            1
        }
    ));
    let another = fragment(quote!(
        async fn b() {}
    ));
    let constant = fragment(quote!(
        const C: u8 = { 1 };
    ));
    let both = fragment(quote!(#item #another));
    for (block, names) in [
        (
            quote!(impl #ty { #item #another fn c() {} }),
            &["a", "b", "c"][..],
        ),
        (quote!(impl #path for #ty { #item }), &["a"]),
        (
            quote!(impl #ty { #constant #another #constant fn c() {} }),
            &["b", "c"],
        ),
        (quote!(impl #ty { #both fn c() {} }), &["a", "b", "c"]),
        (
            quote!(impl #ty { #[cold] #item #private fn c() {} }),
            &["a", "c"],
        ),
        (
            quote!(impl #ty { #public fn a() {} #private fn b() {} #public async fn c() {} }),
            &["a", "b", "c"],
        ),
        (
            quote!(impl #ty { #[#cold] #public unsafe extern #abi fn a() {} }),
            &["a"],
        ),
        (
            quote!(impl #ty { fn a() -> #result #body #[inline] #public fn b() -> #result #body }),
            &["a", "b"],
        ),
    ] {
        let text = expanded(TokenStream::new(), block).to_string();
        let methods: Vec<String> = names
            .iter()
            .map(|name| format!("new (\"Type::{name}\""))
            .collect();
        assert!(
            methods.iter().all(|method| text.contains(method)),
            "{methods:?} in {text}"
        );
        assert_eq!(
            text.matches("CallSite :: new").count(),
            names.len(),
            "{text}"
        );
    }
}

#[test]
fn attributes_of_ours_in_fragments_are_taken_off() {
    let skip = fragment(quote!(monitored(skip)));
    let named = fragment(quote!(x::monitored(method = "N")));
    let item = fragment(quote!(
        #[monitored(task = "t")]
        fn a() {}
    ));
    let block = quote!(impl A { #item #[#skip] fn b() {} #[#named] fn c() {} });
    let text = expanded(TokenStream::new(), block).to_string();
    for part in [
        "new (\"A::a\"",
        "task : :: core :: option :: Option :: Some (\"t\")",
        "new (\"N\"",
        "fn b () { }",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("monitored"), "{text}");
}

#[test]
fn an_attribute_that_a_cfg_attr_hides_in_a_fragment_is_refused() {
    let ours = fragment(quote!(monitored));
    let nested = quote!(cfg_attr(b, cold, cfg_attr(c, x::monitored(skip))));
    for hidden in [
        quote!(cfg_attr(all(), #ours)),
        fragment(quote!(cfg_attr(a, monitored))),
        nested,
    ] {
        let text =
            monitored(TokenStream::new(), quote!(impl A { #[#hidden] fn a() {} })).to_string();
        assert!(text.contains("`cfg_attr` cannot hold"), "{text}");
    }
    let harmless =
        quote!(impl A { #[cfg_attr(monitored, cold)] #[cfg_attr(a, doc = "monitored")] fn a() {} });
    expanded(TokenStream::new(), harmless);
}

#[test]
fn a_method_from_a_macro_that_cannot_be_read_is_refused() {
    let ty = fragment(quote!(u8));
    let block = quote!(impl A { fn a(x #ty) {} });
    let text = monitored(TokenStream::new(), block).to_string();
    assert!(text.contains("compile_error"), "{text}");
    assert!(text.contains("fn a (x u8) { }"), "{text}");
}

#[test]
fn a_function_from_a_macro_is_the_function() {
    let (public, ty) = (
        fragment(quote!(pub(crate))),
        fragment(quote!(std::string::String)),
    );
    let (pattern, life) = (fragment(quote!((a, _))), fragment(quote!('a)));
    let (abi, body) = (fragment(quote!("C")), fragment(quote!({ Ok(a) })));
    let parts = quote!(#public extern #abi fn f<#life>(#pattern: (#ty, u8), c: &#life str,) -> Result<#ty, E> #body);
    let plain = quote!(
        pub(crate) extern "C" fn f<'a>(
            (a, _): (std::string::String, u8),
            c: &'a str,
        ) -> Result<std::string::String, E> {
            Ok(a)
        }
    );
    let args = quote!(labels(x = a.len() > 1));
    let visible = |item: TokenStream| -> Vec<String> {
        let all = flat(expanded(args.clone(), item)).into_iter();
        all.filter(|token| !token.is_empty()).collect()
    };
    assert_eq!(visible(parts.clone()), visible(plain.clone()));
    assert_eq!(visible(fragment(parts)), visible(plain));
}

#[test]
fn a_future_shows_through_fragments() {
    let output = fragment(quote!(()));
    let future = fragment(quote!(dyn Future<Output = #output> + Send));
    let boxed = fragment(quote!(Box<#future>));
    let pinned = fragment(quote!(Pin<#boxed>));
    let text = expanded(TokenStream::new(), quote!(fn f() -> #pinned { g() })).to_string();
    assert!(
        text.contains("Box :: pin (:: monitor_core :: __private :: run_async :: < () ,"),
        "{text}"
    );
}

#[test]
fn a_derive_takes_items_of_fragments() {
    let (public, ty) = (fragment(quote!(pub)), fragment(quote!(a::Inner)));
    let (helper, name) = (
        fragment(quote!(monitor(crate = x, fallback = "F"))),
        fragment(quote!("A")),
    );
    let text = derive::error(quote! {
        #[#helper] #public enum E { #[monitor(error_type = #name)] A(#ty), #[monitor(transparent)] B(#ty), C }
    })
    .to_string();
    for part in [
        "x :: MonitorError for E",
        "Some (\"A\")",
        "Some (\"F\")",
        "B { 0 : __monitor_inner }",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
