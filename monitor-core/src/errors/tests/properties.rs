//! The parser against a naive twin, over random rules and texts.

use std::error::Error;
use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;
use super::rule;

/// The parser as its definition reads.
fn naive(parser: &ErrorParser, configured: usize, parts: &[&str]) -> usize {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| part.to_lowercase().replace('ς', "σ"))
        .collect();
    let found = |word: &str| word != "other" && parts.iter().any(|part| part.contains(word));
    let words = parser.types()[..configured]
        .iter()
        .map(|word| word.to_lowercase().replace('ς', "σ"));
    words
        .into_iter()
        .position(|word| found(&word))
        .unwrap_or(parser.other().index())
}

fn any_rules() -> impl Strategy<Value = Vec<StatusRule>> {
    let statuses = [
        "CONNECTION_ERROR",
        "FATAL",
        "INTERNAL",
        "OTHER_EXCEPTION",
        "UNKNOWN",
        "OK",
        "X",
    ];
    let word = prop_oneof![
        "[abAB]{1,4}",
        "[aäÄσΣ]{1,3}",
        "\\PC{1,3}",
        Just("other".to_owned()),
        Just("OTHER".into())
    ];
    let words = vec(
        word.prop_filter("blank words are refused", |word| !word.trim().is_empty()),
        0..5,
    );
    let lists = vec(words, statuses.len());
    lists.prop_map(move |lists| {
        let rules = statuses.iter().zip(lists);
        rules
            .map(|(status, words)| StatusRule {
                service_errors: words,
                ..rule(status, &[])
            })
            .collect()
    })
}

/// An error whose text is known.
#[derive(Debug)]
struct Known(String, Option<Box<Known>>);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In pieces, as most errors write themselves.
        self.0
            .chars()
            .try_for_each(|character| write!(f, "{character}"))
    }
}

impl Error for Known {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

proptest! {
    #[test]
    fn the_parser_equals_its_naive_twin(rules in any_rules(), texts in vec("([abAB]|[aäÄσΣς]|\\PC){0,12}", 1..5)) {
        let parser = ErrorParser::new(&ErrorRules::try_new(rules).expect("the rules are valid"));
        let configured = parser.types().len() - parser.types().iter().rev().take(3).filter(|name| {
            ["other", "panic", "cancelled"].contains(&&***name)
        }).count();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let expected = naive(&parser, configured, &texts);
        let id = parser.parse_parts("", texts[0], &texts[1..]);
        prop_assert_eq!(id.index(), expected);

        let chain = texts.iter().rev().fold(None, |source, text| Some(Box::new(Known((*text).to_owned(), source))));
        let error = chain.expect("there is a text");
        let with_names: Vec<&str> = std::iter::once("Known").chain(texts).collect();
        let name = &parser.types()[naive(&parser, configured, &with_names)];
        prop_assert_eq!(parser.parse(&*error), &**name);
    }

    #[test]
    fn any_text_gets_a_type_and_any_name_is_cut(name in "\\PC*", text in "\\PC*", rules in any_rules()) {
        let rules = ErrorRules::try_new(rules).expect("the rules are valid");
        let parser = ErrorParser::new(&rules);
        let _ = rules.warnings();
        let id = parser.parse_parts(&name, &text, &[&name]);
        prop_assert!(id.index() < parser.types().len());
        let view = ErrorView { type_name: &name, text: ErrorText::Debug(&text) };
        prop_assert!(parser.parse_view(&view).index() < parser.types().len());
    }

    #[test]
    fn every_type_is_found_by_its_name(rules in any_rules()) {
        let parser = ErrorParser::new(&ErrorRules::try_new(rules).expect("the rules are valid"));
        for (index, name) in parser.types().iter().enumerate() {
            prop_assert_eq!(parser.type_id(name).map(ErrorTypeId::index), Some(index));
        }
        prop_assert_eq!(parser.type_id("no such type"), None);
    }

    #[test]
    fn a_word_is_warned_about_as_never_found_exactly_when_it_is_never_found_in_itself(rules in any_rules()) {
        let rules = ErrorRules::try_new(rules).expect("the rules are valid");
        let parser = ErrorParser::new(&rules);
        let warnings = rules.warnings();
        for (rule, position, word) in rules.listed().filter(|(.., word)| *word != "other") {
            let place = format!("errors.{}.service_errors[{position}]: ", rule.status);
            let warned = warnings.iter().any(|warning| {
                warning.starts_with(&place) && warning.contains("never found")
            });
            let twice = warnings.iter().any(|warning| warning.starts_with(&place) && warning.contains("is listed"));
            let found = parser.parse_parts("", word, &[]);
            let itself = parser.type_id(word) == Some(found);
            prop_assert!(twice || warned != itself, "{word:?}: {warnings:?}");
        }
    }
}
