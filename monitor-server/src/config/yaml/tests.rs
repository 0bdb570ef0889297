//! Documents and their trees: values, places, aliases, and texts that are no document.

use super::*;

/// A tree as text: scalars by kind and as they are written.
fn shape(node: &Node) -> String {
    let inner = |nodes: Vec<String>| nodes.join(", ");
    match &node.value {
        Value::List(items) => format!("[{}]", inner(items.iter().map(shape).collect())),
        Value::Map(entries) => {
            let entry = |(key, node): &(Node, Node)| format!("{}: {}", key.written, shape(node));
            format!("{{{}}}", inner(entries.iter().map(entry).collect()))
        }
        value => format!("{value:?}({})", node.written),
    }
}

fn read(text: &str) -> String {
    shape(&parse(text).expect(text))
}

fn refusal(text: &str) -> String {
    let error = parse(text).expect_err(text);
    let (reason, (line, column)) = error;
    format!("{line}:{column}: {reason}")
}

#[test]
fn scalars_are_what_they_look_like_and_what_their_tags_say() {
    for (text, value) in [
        ("12", "Int(12)(12)"),
        ("-1_000", "Int(-1000)(-1_000)"),
        ("0x1f", "Int(31)(0x1f)"),
        ("0o17", "Int(15)(0o17)"),
        ("0b101", "Int(5)(0b101)"),
        ("007", "Float(7.0)(007)"),
        ("1__0", "Text(1__0)"),
        ("_1", "Text(_1)"),
        ("0x", "Text(0x)"),
        ("0x-1", "Text(0x-1)"),
        ("+5", "Int(5)(+5)"),
        ("1.50", "Float(1.5)(1.50)"),
        ("1e3", "Float(1000.0)(1e3)"),
        (".inf", "Float(inf)(.inf)"),
        ("-.INF", "Float(-inf)(-.INF)"),
        (".nan", "Float(NaN)(.nan)"),
        ("inf", "Text(inf)"),
        ("nan", "Text(nan)"),
        ("infinity", "Text(infinity)"),
        ("1.2.3", "Text(1.2.3)"),
        ("yes", "Bool(true)(yes)"),
        ("Off", "Bool(false)(Off)"),
        ("~", "Null(~)"),
        ("Null", "Null(Null)"),
        ("nUll", "Text(nUll)"),
        ("'12'", "Text(12)"),
        ("\"a\\tb\"", "Text(a\tb)"),
        ("|\n  a\n  b\n", "Text(a\nb\n)"),
        ("!!str 12", "Text(12)"),
        ("! 12", "Text(12)"),
        ("!!int '12'", "Int(12)(12)"),
        ("!!float 1", "Float(1.0)(1)"),
        ("!mine 12", "Int(12)(12)"),
        ("!!null ''", "Null()"),
    ] {
        assert_eq!(
            read(&format!("a: {text}")),
            format!("{{a: {value}}}"),
            "{text}"
        );
    }
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    for (text, shape) in [
        ("[&a x, *a, *a]", "[Text(x), Text(x), Text(x)]"),
        ("[&a x, &a z, *a]", "[Text(x), Text(z), Text(z)]"),
        (
            "a: &m {b: [&n 1]}\nc: *m\nd: *n",
            "{a: {b: [Int(1)(1)]}, c: {b: [Int(1)(1)]}, d: Int(1)(1)}",
        ),
        (
            "{a: &m {x: 1, y: 2}, b: {y: 3, <<: *m}}",
            "{a: {x: Int(1)(1), y: Int(2)(2)}, b: {y: Int(3)(3), x: Int(1)(1)}}",
        ),
        (
            "{<<: [{x: 1}, {x: 2, y: 3}], z: 4}",
            "{z: Int(4)(4), x: Int(1)(1), y: Int(3)(3)}",
        ),
        ("{'<<': 1}", "{<<: Int(1)(1)}"),
        (
            "{[1]: 2, ? {a: b}, : c}",
            "{?: Int(2)(2), ?: Null(), null: Text(c)}",
        ),
    ] {
        assert_eq!(read(text), shape, "{text}");
    }
}

#[test]
fn a_value_stands_where_it_is_written_and_an_alias_where_it_is_used() {
    let node = parse("a: &n\n  - x\nb:\n- *n\n").expect("a document");
    let at = |node: Option<&Node>| node.map(|node| node.place);
    assert_eq!(
        at(node.get("a").and_then(|a| a.list()?.first())),
        Some((2, 5))
    );
    assert_eq!(
        at(node.get("b").and_then(|b| b.list()?.first())),
        Some((4, 3))
    );
    assert_eq!(at(node.get("c")), None);
    assert!(node.list().is_none());
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    for (text, expected) in [
        ("a: 1\n\nb: 2\na: 3", "4:1: a key stands twice in a map"),
        ("{a: 1, 'a': 2}", "1:8: a key stands twice in a map"),
        ("{<<: 1}", "1:6: `<<` needs a map, or a list of maps"),
        ("{a: &a [*a]}", "1:9: values are nested too deep"),
        ("a: 1\n---\nb: 2", "2:1: a second document begins"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
    for text in [
        "a: [",
        "a: *b",
        "a: 'b",
        "{a: 1]",
        "a: b: c",
        "%YAML x\n---\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert_eq!(refusal("a:\n  b: [1, 2"), "2:6: unclosed bracket '['");
}

/// The "billion laughs": nine lists of nine aliases each are 9^9 values.
#[test]
fn aliases_of_aliases_take_neither_memory_nor_stack() {
    let mut text = String::from("- &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text = format!("{text}- &a{level} [{aliases}]\n");
    }
    assert!(refusal(&text).ends_with("aliases stand for too many values"));
    // Each as deep as may be written, and deeper by the one before.
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(200), "]".repeat(200));
    let mut text = format!("- &a0 {}\n", deep("x"));
    assert!(parse(&text).is_ok());
    for level in 1..400 {
        let inner = deep(&format!("*a{}", level - 1));
        text = format!("{text}- &a{level} {inner}\n");
    }
    assert!(refusal(&text).ends_with("values are nested too deep"));
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse(&"- ".repeat(100_000)).is_err());
}

proptest::proptest! {
    /// Each text is a document or is refused with a place in it.
    #[test]
    fn any_text_is_a_document_or_not(text in "([a-c:{}\\[\\],&*<!?|>'\"\\-# \\n\\t0-1~_.%]|<<: |\\n- |\\n  )*") {
        if let Err((reason, (line, column))) = parse(&text) {
            assert!(!reason.is_empty() && line >= 1 && column >= 1, "{text:?}");
        }
    }
}
