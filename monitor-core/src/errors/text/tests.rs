use super::*;

#[test]
fn only_the_last_segment_of_a_type_name_is_searched() {
    #[rustfmt::skip]
    let cases = [
        ("a::b::Foo<c::Bar>", "Foo", false),
        ("Foo", "Foo", false),
        ("a::<impl b::C<d::E>>::f::Foo", "Foo", false),
        ("a::f::{{closure}}::Foo<'_, d::E>", "Foo", false),
        ("&a::Foo", "Foo", false),
        ("&mut a::Foo", "Foo", false),
        ("alloc::boxed::Box<a::Foo<b::Bar>>", "Foo", true),
        ("alloc::sync::Arc<a::Foo>", "Foo", true),
        ("alloc::boxed::Box<dyn core::error::Error + core::marker::Send>", "", true),
        ("&dyn core::error::Error", "", false),
        ("dyn core::error::Error", "", false),
        ("anyhow::Error", "", false),
        ("alloc::sync::Arc<anyhow::Error>", "", true),
        ("&str", "", false),
        ("alloc::string::String", "", false),
        ("a::Überfehler", "Überfehler", false),
        ("(a::Foo, b::Bar)", "Bar", false),
        ("fn(a::X) -> b::Y", "Y", false),
        (">>:<", "", false),
        ("", "", false),
    ];
    for (name, identifier, boxed) in cases {
        assert_eq!(type_identifier(name), (identifier, boxed), "{name}");
    }
}

fn words(words: &[&'static str]) -> Words {
    Words::new(words.iter().copied().zip(0..))
}

#[test]
fn the_first_word_in_order_wins_wherever_it_is() {
    let words = words(&["she", "he", "hers", "his", "r"]);
    assert_eq!(words.find("ushers"), Some(0));
    assert_eq!(words.find("uhers"), Some(1));
    assert_eq!(words.find("r his"), Some(3));
    assert_eq!(words.find("hxixs"), None);
    assert_eq!(words.find(""), None);
}

#[test]
fn a_word_inside_another_is_found_on_the_way() {
    let words = words(&["bc", "abcd"]);
    assert_eq!(words.find("xabcx"), Some(0));
    assert_eq!(words.find("abcd"), Some(0));
}

#[test]
fn case_does_not_count_in_any_alphabet() {
    let words = words(&["ÜBERLAUF", "σίσυφος", "İ", "k\u{212a}"]);
    assert_eq!(words.find("Stapelüberlauf"), Some(0));
    assert_eq!(words.find("ΣΊΣΥΦΟΣ!"), Some(1));
    assert_eq!(words.find("i\u{307}"), Some(2));
    assert_eq!(words.find("KK"), Some(3));
}

#[test]
fn a_word_may_come_in_pieces_but_not_in_parts() {
    let words = words(&["refused"]);
    let mut search = Search::new(&words, 100);
    search.read(|search| search.write_str("ref"));
    search.read(|search| search.write_str("used ref"));
    assert_eq!(search.found(), None);
    assert!(search.write_str("used").is_ok());
    assert_eq!(search.found(), Some(0));
    assert_eq!(search.left, 0);
    assert!(search.write_str("more").is_err());
}

#[test]
fn without_words_nothing_is_read() {
    let words = words(&[]);
    assert_eq!(Search::new(&words, 100).left, 0);
    assert_eq!(words.find("any"), None);
}
