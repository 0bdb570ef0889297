//! Which way of running a body is chosen.

use proc_macro2::TokenStream;
use quote::quote;

use super::expanded;
use crate::attribute::monitored;

fn text(item: TokenStream) -> String {
    expanded(TokenStream::new(), item).to_string()
}

#[test]
fn a_boxed_async_tail_is_wrapped_inside_of_its_box() {
    let text = text(quote! {
        fn f() -> BoxFuture<'a, u8> { let x = 1; ::std::boxed::Box::pin(async move { x }) }
    });
    assert!(
        text.contains("let x = 1 ; :: std :: boxed :: Box :: pin (:: monitor_core"),
        "{text}"
    );
    assert!(text.contains("({ x }) } ,"), "{text}");
}

#[test]
fn an_async_tail_without_a_box_is_wrapped_where_it_is() {
    let text = text(quote! {
        fn f() -> impl Future<Output = u8> { let x = 1; async move { x } }
    });
    assert!(
        text.contains("let x = 1 ; return :: monitor_core :: __private :: run_async"),
        "{text}"
    );
}

#[test]
fn an_async_block_that_is_no_statement_is_no_tail() {
    for body in [
        quote!(make(|| async { 1 })),
        quote!(with! { async { 1 } }),
        quote!(|| async { 1 }),
    ] {
        let text = text(quote!(fn f() -> impl Future<Output = u8> { #body }));
        assert!(text.contains("run_future"), "{text}");
    }
}

#[test]
fn a_body_that_may_return_before_its_boxed_tail_is_boxed_again() {
    let text = text(quote! {
        fn f() -> BoxFuture<'a, u8> { if x { return y; } Box::pin(async move { x }) }
    });
    assert!(text.contains("run_pinned"), "{text}");
}

#[test]
fn an_async_fn_without_an_await_needs_no_inner_future() {
    let plain = text(quote!(
        async fn f() -> u8 {
            if !x { format!("{}", !y) } else { a != b }
        }
    ));
    assert!(plain.contains("run_sync"), "{plain}");
    let unknown = text(quote!(
        async fn f() -> u8 {
            my::format!("")
        }
    ));
    assert!(unknown.contains("run_async"), "{unknown}");
}

#[test]
fn a_body_that_does_not_parse_goes_on_as_it_is() {
    let text = text(quote! {
        fn f(text: &str) -> usize { let x = ; text. }
    });
    assert!(text.contains("{ let x = ; text . }"), "{text}");
}

#[test]
fn a_plan_is_not_kept_over_an_await() {
    let args = quote!(labels(tier = tier));
    let waits = expanded(
        args.clone(),
        quote!(
            async fn f(tier: Tier) -> u8 {
                g().await
            }
        ),
    );
    assert!(waits.to_string().contains(". start ()"), "{waits}");
    let runs = expanded(
        args,
        quote!(
            fn f(tier: Tier) -> u8 {
                g()
            }
        ),
    );
    assert!(!runs.to_string().contains(". start ()"), "{runs}");
}

#[test]
fn a_block_keeps_what_it_does_not_monitor() {
    let item = quote! {
        impl<const N: usize> Store<{ N }> where [(); { N }]: Sized {
            #![allow(x)]
            const A: [u8; { 1 }] = { [1] };
            type B = Foo<{ 1 }>;
            made! { fn inner() {} }
            made!(1);
            const fn c() {}
            #[monitored(skip)]
            pub(crate) fn d() -> Foo<{ 1 }> { 1 }
            fn broken(x: ) { }
            fn e() -> Foo<{ 1 }> where dyn Fn(u8) -> u8: Sized { 1 }
        }
    };
    let text = expanded(TokenStream::new(), item).to_string();
    for kept in [
        "# ! [allow (x)]",
        "const A : [u8 ; { 1 }] = { [1] } ;",
        "type B = Foo < { 1 } > ;",
        "made ! { fn inner () { } } made ! (1) ;",
        "const fn c () { }",
        "pub (crate) fn d () -> Foo < { 1 } > { 1 }",
        "fn broken (x :) { }",
    ] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    assert_eq!(text.matches("CallSite :: new").count(), 1, "{text}");
    assert!(text.contains("\"Store::e\""), "{text}");
    assert!(!text.contains("monitored"), "{text}");
}

#[test]
fn faults_of_a_block_give_it_back_without_our_attributes() {
    let output = monitored(
        quote!(prefx = 1),
        quote!(impl A { #[monitored(task = 1)] #[cold] fn f(&self) { 1 } #[monitored] fn g() {} }),
    );
    let text = output.to_string();
    assert_eq!(text.matches("compile_error").count(), 2, "{text}");
    assert!(
        text.ends_with("impl A { # [cold] fn f (& self) { 1 } fn g () { } }"),
        "{text}"
    );
}
