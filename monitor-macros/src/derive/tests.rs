use quote::quote;

use super::label::snake_case;
use super::*;

#[test]
fn names_of_variants_become_words() {
    for (name, snake) in [
        ("Free", "free"),
        ("PaidMonthly", "paid_monthly"),
        ("HTTPServer2Go", "http_server2_go"),
        ("IO", "io"),
        ("already_snake", "already_snake"),
        ("Snake_Case", "snake_case"),
        ("Größe", "größe"),
    ] {
        assert_eq!(snake_case(name), snake);
    }
}

fn message(output: &TokenStream) -> String {
    output.to_string()
}

#[test]
fn an_error_answers_per_variant() {
    let output = error(quote! {
        #[monitor(fallback = "OTHER_DB")]
        enum E<T> where T: Send {
            #[monitor(error_type = "TIMEOUT")]
            Timeout { after: u8 },
            #[monitor(transparent)]
            Inner(T),
            #[monitor(error_type = "KIND", name = "kind")]
            Both,
            #[monitor(error_type = "DOWN", status = CONNECTION_ERROR)]
            Down,
            #[monitor(expected)]
            NotFound,
            Rest,
        }
    });
    let text = message(&output);
    for part in [
        "impl < T > :: monitor_core :: MonitorError for E < T > where T : Send",
        "Self :: Timeout { .. } => :: core :: option :: Option :: Some (\"TIMEOUT\")",
        "Self :: Inner { 0 : __monitor_inner } => :: monitor_core :: MonitorError :: error_type (__monitor_inner)",
        "Self :: Both { .. } => :: core :: option :: Option :: Some (\"KIND\")",
        "Self :: NotFound { .. } => :: core :: option :: Option :: Some (\"not_found\")",
        "DeclaredType { name : \"OTHER_DB\" , status : :: core :: option :: Option :: None , is_expected : false }",
        "{ name : \"DOWN\" , status : :: core :: option :: Option :: Some (:: monitor_core :: __private :: TaskStatus :: ConnectionError) \
          , is_expected : false }",
        "{ name : \"not_found\" , status : :: core :: option :: Option :: None , is_expected : true }",
        "Self :: Rest { .. } => :: core :: option :: Option :: Some (\"OTHER_DB\")",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_label_lists_its_variants() {
    let text = message(&label(quote! {
        #[monitor(crate = renamed)]
        enum Tier { Free, #[monitor(name = "gold")] Paid, #[monitor(error_type = "x")] Http2 }
    }));
    assert!(text.contains("renamed :: MonitorLabel for Tier"), "{text}");
    assert!(text.contains("[\"free\" , \"gold\" , \"http2\"]"), "{text}");
    assert!(text.contains("Self :: Paid => 1usize"), "{text}");
}

#[test]
fn all_faults_of_a_derive_are_told_at_once() {
    let text = message(&label(quote! {
        enum Tier { Free(u8), #[monitor(nam = "x")] Paid, #[monitor(name = "paid")] Again, Overflow }
    }));
    for part in [
        "has fields",
        "did you mean",
        "two variants",
        "those over the limit",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("impl"), "{text}");
}

#[test]
fn reading_goes_on_behind_a_fault() {
    let text = message(&error(quote! {
        enum E {
            #[monitor(error_type = "A" transparent, eror_type = "B")]
            A(Inner),
            #[monitor(nam = "c")]
            C,
        }
    }));
    for part in [
        "expected `,` after the argument `error_type`",
        "did you mean `error_type`? (valid on",
        "did you mean `name`? It goes on a variant of an enum that derives `MonitorLabel`",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
