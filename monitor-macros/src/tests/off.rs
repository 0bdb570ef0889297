//! Functions that are not instrumented.

use proc_macro2::TokenStream;
use quote::quote;

use crate::fallback::uninstrumented;
use crate::item::Item;
use crate::parse::{Args, ON_FUNCTION};
use crate::validate::{Surroundings, function};

/// The output of the attribute where instrumentation is off.
pub(super) fn off(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Vec::new();
    let args = Args::read(args, ON_FUNCTION, &mut errors);
    let Ok(Item::Function(target)) = Item::read(item) else {
        panic!("no function")
    };
    let checked = function(args, target, &Surroundings::default(), &mut errors);
    assert!(errors.is_empty(), "{errors:?}");
    uninstrumented(&checked)
}

#[test]
fn a_function_is_given_back_as_written() {
    let item = quote! {
        #[cold] pub fn f<T>(x: T) -> Result<T, E> where T: Send { #![allow(x)] g(x)?; Ok(x) }
    };
    let args = quote!(
        method = "X",
        task = "x",
        expected("A"),
        buckets = "time",
        error_type = "A"
    );
    assert_eq!(off(args, item.clone()).to_string(), item.to_string());
}

#[test]
fn expressions_are_checked_where_they_never_run() {
    let text = off(
        quote!(
            labels(tier = tier),
            request_size = n,
            ok_if = Option::is_some
        ),
        quote!(
            fn f(tier: Tier, n: u8) -> Option<u8> {
                None
            }
        ),
    )
    .to_string();
    let args = "CallArgs :: new (:: monitor_core :: __private :: edge ()) . labels ([:: core";
    let checks = "let __monitor_start = __monitor_start . request_size (& (n)) ; let _ = __monitor_start ; :: \
                  monitor_core :: __private :: judged :: < Option < u8 > , _ > (| __monitor_value , _ |";
    assert!(text.contains("{ if false { let __monitor_start"), "{text}");
    assert!(text.contains(args) && text.contains(checks), "{text}");
    assert!(text.ends_with("({ None }) }"), "{text}");
    assert!(!text.contains("static"), "{text}");
}

#[test]
fn the_name_of_the_call_has_a_meaning() {
    let text = off(
        quote!(call = call),
        quote!(
            fn f() -> u8 {
                call.observe("x", 1.0);
                1
            }
        ),
    )
    .to_string();
    assert!(
        text.contains("let call = & mut :: monitor_core :: __private :: no_call () ;"),
        "{text}"
    );
    let text = off(
        quote!(call = call),
        quote!(
            fn f() -> BoxFuture<'a, u8> {
                let x = 1;
                Box::pin(async move {
                    call.elapsed();
                    x
                })
            }
        ),
    )
    .to_string();
    let inside = "Box :: pin (async move { let call = & mut :: monitor_core :: __private :: no_call () ; ({ call";
    assert!(text.contains(inside), "{text}");
}
