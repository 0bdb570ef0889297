//! Accepted forms of the values of arguments, and the messages for others.

use proc_macro2::TokenStream;
use quote::quote;

use super::expanded;
use crate::attribute::monitored;
use crate::derive;

fn tokens(text: &str) -> TokenStream {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Arguments that a function takes.
const TAKEN: &[&str] = &[
    "method = concat!(\"a\", \"b\")",
    "method = ::std::env!(\"A\")",
    "method = stringify![a]",
    "method = include_str!(\"a\")",
    "method = module_path!()",
    "method = (concat!(\"a\"))",
    "method = <A as B>::NAME",
    "method = (\"a\")",
    "method = r#\"a\"#",
    "task = (r\"a\")",
    "health = (false)",
    "error_type = (\"a\")",
    "error_type = (a::kind)",
    "expected((\"a\"), r\"b\")",
    "buckets = ((\"time\"))",
    "buckets = [(1), (2.5)]",
    "labels(capped(a_ = a, max = (3)))",
    "request_size = size!(a)",
    "deadline = left!(a)",
    "max_concurrency = limit!()",
];

#[test]
fn a_value_may_be_raw_in_parentheses_or_made_by_a_macro() {
    for args in TAKEN {
        expanded(
            tokens(args),
            quote!(
                async fn f(a: A) -> Result<u8, E> {
                    g(a).await
                }
            ),
        );
    }
    let prefix = quote!(prefix = (r"a"));
    expanded(prefix, quote!(impl A { fn f(&self) {} }));
}

#[test]
fn workers_in_parentheses_is_an_argument_of_that_name() {
    let function = quote!(
        async fn f(workers: u64) {
            g().await
        }
    );
    let limited = |args| expanded(tokens(args), function.clone()).to_string();
    assert!(!limited("max_concurrency = workers").contains("__monitor_limit"));
    assert!(limited("max_concurrency = (workers)").contains("limit (& ((workers)))"));
}

/// Arguments with a macro where only a literal will do, and how the message begins.
const REFUSED: &[(&str, &str)] = &[
    ("task = concat!(\"a\")", "the task type is a string literal"),
    (
        "error_type = std::env!(\"A\")",
        "the error type is a string literal or the path",
    ),
    (
        "expected(\"a\", (concat!(\"b\")))",
        "an expected error type is a string literal",
    ),
    ("health = cfg!(test)", "`health` is `true` or `false`"),
    ("buckets = include!(\"a\")", "`buckets` is"),
    ("buckets = [1, made!()]", "a bound is a number"),
    (
        "labels(capped(a_ = a, max = line!()))",
        "`max` is a whole number from 1 to 10000",
    ),
];

#[test]
fn of_a_macro_for_a_literal_the_message_says_what_to_do() {
    let function = quote!(
        fn f(a: A) -> Result<u8, E> {
            g(a)
        }
    );
    for (args, begins) in REFUSED {
        assert_says(&monitored(tokens(args), function.clone()), begins);
    }
    let block = monitored(
        tokens("prefix = concat!(\"a\")"),
        quote!(impl A { fn f(&self) {} }),
    );
    assert_says(&block, "the prefix is a string literal");
    let error = derive::error(quote!(
        enum E {
            #[monitor(error_type = concat!("a"))]
            A,
        }
    ));
    assert_says(&error, "`error_type` is a string literal");
    let label = derive::label(quote!(
        enum E {
            #[monitor(name = stringify!(a))]
            A,
        }
    ));
    assert_says(&label, "`name` is a string literal");
}

fn assert_says(output: &TokenStream, begins: &str) {
    let text = output.to_string();
    assert!(text.contains(begins), "{begins}: {text}");
    assert!(
        text.contains("is expanded after this attribute, so write its result"),
        "{text}"
    );
}
