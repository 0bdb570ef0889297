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
        assert!(
            text.contains("= :: monitor_core :: __private :: run_async"),
            "{text}"
        );
    }
}

#[test]
fn a_body_that_may_return_before_its_boxed_tail_is_boxed_again() {
    let text = text(quote! {
        fn f() -> BoxFuture<'a, u8> { if x { return y; } Box::pin(async move { x }) }
    });
    assert!(
        text.contains("__private :: Box :: pin (:: monitor_core :: __private :: run_async"),
        "{text}"
    );
}

#[test]
fn a_body_without_a_way_out_but_its_end_stays_where_it_is() {
    for item in [
        quote!(
            async fn f() -> u8 {
                if !x { format!("{}", !y) } else { a != b }
            }
        ),
        quote!(
            fn f(x: String) -> u8 {
                std::println!("{x}");
                ::core::debug_assert!(true);
                log::info!("x");
                1
            }
        ),
        quote!(
            fn f(x: String) {
                g(x);
            }
        ),
        quote!(
            async fn f() -> u8 {
                spawn(async move { g().await? });
                1
            }
        ),
        quote!(
            async fn f(x: u8) -> u8 {
                todo!()
            }
        ),
    ] {
        let text = text(item);
        assert!(
            text.contains("InPlaceCall :: < false > :: start ("),
            "{text}"
        );
        assert!(!text.contains("run_"), "{text}");
    }
}

fn assert_moved<const N: usize>(cases: [(TokenStream, &str); N]) {
    for (item, run) in cases {
        let text = text(item);
        assert!(text.contains(run), "{run}: {text}");
    }
}

#[test]
fn a_body_that_may_return_early_moves() {
    assert_moved([
        (
            quote!(
                fn f() -> R {
                    g()?;
                    Ok(1)
                }
            ),
            "run_sync",
        ),
        (
            quote!(
                fn f() -> R {
                    unknown!()
                }
            ),
            "run_sync",
        ),
        (
            quote!(
                fn f() -> R {
                    anyhow::bail!("x")
                }
            ),
            "run_sync",
        ),
    ]);
}

#[test]
fn one_that_waits_or_gives_nothing_moves_too() {
    assert_moved([
        (
            quote!(
                async fn f() -> R {
                    anyhow::bail!("x")
                }
            ),
            "run_sync",
        ),
        (
            quote!(
                async fn f() -> R {
                    my::format!("")
                }
            ),
            "run_body",
        ),
        (
            quote!(
                async fn f() -> R {
                    g().await?;
                    Ok(1)
                }
            ),
            "run_body",
        ),
        // Nothing is told of the value that is missing but in a closure.
        (
            quote!(
                fn f() -> R {
                    g();
                }
            ),
            "run_sync",
        ),
        // Clippy asks for an await where there are arguments only.
        (
            quote!(
                async fn f() -> R {
                    todo!()
                }
            ),
            "run_body",
        ),
    ]);
}

#[test]
fn a_body_that_is_one_async_block_stays_one() {
    let text = text(quote! {
        fn f(x: String) -> impl Future<Output = u8> { async move { g(x).await } }
    });
    assert!(text.contains("{ async move { let __monitor_call"), "{text}");
    let args = quote!(request_size = x.len());
    let asks = expanded(
        args,
        quote!(
            fn f(x: String) -> impl Future<Output = u8> {
                async move { g(x).await }
            }
        ),
    );
    assert!(asks.to_string().contains("run_async"), "{asks}");
}

#[test]
fn lifetimes_lose_their_names_but_where_those_mean_something() {
    let text = text(quote! {
        fn f<'a, T>(x: &'a T) -> Out<'a, &'static u8, Box<dyn for<'b> Fn(&'b u8, &'a u8) -> &'b u8 + 'a>, <T as A<'a>>::B> {
            g(x)
        }
    });
    let erased = "Out < '_ , & '_ u8 , Box < dyn for < 'b > Fn (& 'b u8 , & 'a u8) -> & 'b u8 + '_ > , < T as A < 'a > > :: B >";
    assert!(text.contains(erased), "{text}");
}

#[test]
fn a_body_that_infers_from_its_return_type_is_the_end_of_its_function() {
    for (ty, body) in [
        (quote!(impl Fn(&A) -> B), quote!(g())),
        (
            quote!(impl Send + for<'a> FnMut(&'a A)),
            quote!(if x { return g() } h()),
        ),
        (quote!(impl Trait), quote!(let x = y; move |a| a.b())),
        (
            quote!(impl Trait),
            quote!(if x { g() } async move |a| if b { c } else { d }),
        ),
        (quote!(impl Trait), quote!(if x { return |a| a.b() } h())),
        (quote!(impl Trait), quote!({ { move |a| a.b() } })),
        (
            quote!(impl Trait),
            quote!(loop {
                break |a| a.b();
            }),
        ),
        (quote!((A, (impl Trait, B))), quote!(g())),
        (quote!(&'static impl Trait), quote!(g())),
        (quote!([impl Trait; 2]), quote!(g())),
    ] {
        let text = text(quote!(fn f() -> #ty { #body }));
        assert!(
            text.contains("InPlaceCall :: < true > :: start ("),
            "{text}"
        );
    }
    let text = text(quote!(
        async fn f() -> impl Fn(&A) -> B {
            if x.await {
                return g();
            }
            h(y.await)
        }
    ));
    assert!(
        text.contains("InPlaceCall :: < true > :: start ("),
        "{text}"
    );
    assert_eq!(text.matches("awaited (").count(), 2, "{text}");
}

#[test]
fn a_closure_is_found_wherever_a_body_gives_one() {
    for (ty, body) in [
        (quote!(impl Trait), quote!((move |a| a.b()))),
        (
            quote!(impl Trait),
            quote!(if x {
                g()
            }((|a| a.b()))),
        ),
        (quote!(impl Trait), quote!(if x { return (|a| a.b()) } h())),
        (
            quote!(impl Trait),
            quote!('a: {
                if x {
                    break 'a move |a| a.b();
                }
                h()
            }),
        ),
        (
            quote!(impl Trait),
            quote!(loop {
                if x {
                    break |a| a.b();
                }
                h();
            }),
        ),
    ] {
        let text = text(quote!(fn f() -> #ty { #body }));
        assert!(
            text.contains("InPlaceCall :: < true > :: start ("),
            "{text}"
        );
    }
}

#[test]
fn behind_a_return_it_is_known_what_an_iterator_gives() {
    let text = text(quote!(
        fn f() -> impl ExactSizeIterator<Item = A> + Send {
            let x = y();
            if z {
                return x.f();
            }
            x[0].g();
            x.f()
        }
    ));
    assert!(
        text.contains("InPlaceCall :: < true > :: start ("),
        "{text}"
    );
}

#[test]
fn a_value_that_may_be_a_result_is_looked_at() {
    for (ty, body) in [
        (quote!(impl Debug), quote!(if x { Ok(1) } else { Err(2) })),
        (quote!(impl Debug), quote!(let x = |a| a; x(1) | y)),
        (quote!(impl Debug), quote!((|a| a)(x))),
        (
            quote!(impl Debug),
            quote!(loop {
                if x {
                    break (|a| a)(y);
                }
            }),
        ),
        (quote!(impl Debug), quote!('a: { break 'a x | y })),
        (quote!(Result<impl Fn(&A) -> B, E>), quote!(g())),
        (quote!((A, B)), quote!(g())),
        (
            quote!(impl IntoIterator<Item = A>),
            quote!(if x { return Err(1) } g()),
        ),
    ] {
        let text = text(quote!(fn f() -> #ty { #body }));
        assert!(text.contains("outcome ()"), "{text}");
    }
    let asked = quote!(
        fn f() -> (impl Fn(&A) -> B, u8) {
            g()
        }
    );
    let asked = expanded(quote!(error_if = |pair| pair.1 > 2), asked).to_string();
    assert!(asked.contains("holds ("), "{asked}");
}

#[test]
fn a_body_that_does_not_parse_goes_on_as_it_is() {
    let text = text(quote! {
        fn f(text: &str) -> usize { let x = ; text. }
    });
    assert!(text.contains("{ let x = ; text . }"), "{text}");
}

#[test]
fn arguments_are_not_kept_over_an_await() {
    let args = quote!(labels(tier = tier));
    let waits = expanded(
        args.clone(),
        quote!(
            async fn f(tier: Tier) -> u8 {
                g().await
            }
        ),
    );
    assert!(waits.to_string().contains("Start :: start ("), "{waits}");
    let runs = expanded(
        args,
        quote!(
            fn f(tier: Tier) -> u8 {
                g()
            }
        ),
    );
    assert!(!runs.to_string().contains("Start :: start ("), "{runs}");
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
