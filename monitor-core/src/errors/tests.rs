//! The rules' order and warnings. Words are found as recorded in the cases p05 and p06, `tests/oracle`.

mod properties;

use super::*;

fn rule(status: &str, words: &[&str]) -> StatusRule {
    StatusRule {
        status: status.to_owned(),
        service_errors: words.iter().map(|&word| word.to_owned()).collect(),
        unhealthy: -1,
    }
}

fn rules(given: &[(&str, &[&str])]) -> ErrorRules {
    ErrorRules::try_new(given.iter().map(|(status, words)| rule(status, words)))
        .expect("the rules are valid")
}

fn parser(given: &[(&str, &[&str])]) -> ErrorParser {
    ErrorParser::new(&rules(given))
}

fn types(parser: &ErrorParser) -> Vec<&str> {
    parser.types().iter().map(|name| &**name).collect()
}

/// The rules of the recorded case p05.
fn p05() -> ErrorParser {
    parser(&[
        ("CONNECTION_ERROR", &["refused", "timeouterror"]),
        ("FATAL", &["cuda", "out of memory"]),
        ("INTERNAL", &["zerodivision"]),
        ("UNKNOWN", &["mystery"]),
    ])
}

#[test]
fn p06_types_map_to_statuses_and_unlisted_ones_are_no_longer_ok() {
    let parser = parser(&[
        ("CONNECTION_ERROR", &["refused"]),
        ("FATAL", &["cuda"]),
        ("INTERNAL", &["assertion"]),
        ("UNKNOWN", &["mystery"]),
        ("OTHER_EXCEPTION", &["other", "weird"]),
    ]);
    let configured = ["refused", "cuda", "assertion", "other", "weird", "mystery"];
    assert_eq!(types(&parser)[..6], configured);
    let cases = [
        (Some("refused"), TaskStatus::ConnectionError),
        (Some("cuda"), TaskStatus::Fatal),
        (Some("assertion"), TaskStatus::Internal),
        (Some("mystery"), TaskStatus::Unknown),
        (Some("other"), TaskStatus::OtherException),
        (Some("weird"), TaskStatus::OtherException),
        // The original says OK here (defect E4).
        (Some("not in the config"), TaskStatus::OtherException),
        (Some("panic"), TaskStatus::Internal),
        (None, TaskStatus::Ok),
    ];
    for (error_type, status) in cases {
        assert_eq!(parser.status_named(error_type), status, "{error_type:?}");
    }
}

#[test]
fn the_order_of_statuses_is_fixed_and_other_names_follow_as_given() {
    let parser = parser(&[
        ("ZEBRA", &["z"]),
        ("UNKNOWN", &["u"]),
        ("OK", &["fine"]),
        ("FATAL", &["f"]),
        ("ANT", &["a"]),
        ("CONNECTION_ERROR", &["c"]),
    ]);
    let expected = [
        "c",
        "f",
        "other",
        "u",
        "z",
        "fine",
        "a",
        "panic",
        "cancelled",
    ];
    assert_eq!(types(&parser), expected);
    assert_eq!(parser.status_named(Some("z")), TaskStatus::OtherException);
    assert_eq!(parser.status_named(Some("fine")), TaskStatus::Ok);
}

#[test]
fn built_in_types_may_be_configured() {
    let given: [(_, &[_]); 2] = [
        ("FATAL", &["panic", "cancelled"]),
        ("OTHER_EXCEPTION", &["weird"]),
    ];
    let parser = parser(&given);
    assert_eq!(types(&parser), ["panic", "cancelled", "weird", "other"]);
    assert_eq!(parser.panic().index(), 0);
    assert_eq!(parser.status_of(parser.panic()), TaskStatus::Fatal);
    assert_eq!(parser.status_of(parser.other()), TaskStatus::OtherException);
    assert_eq!(Some(parser.cancelled()), parser.type_id("cancelled"));
}

#[test]
fn e5_of_two_statuses_the_first_decides_and_e11_the_type_is_there_once() {
    let rules = rules(&[("UNKNOWN", &["x", "x"]), ("FATAL", &["x"])]);
    let parser = ErrorParser::new(&rules);
    assert_eq!(types(&parser), ["x", "other", "panic", "cancelled"]);
    assert_eq!(parser.status_named(Some("x")), TaskStatus::Fatal);
    let elsewhere = "`x` is listed under FATAL too, which comes first and decides";
    assert_eq!(
        rules.warnings(),
        [0, 1].map(|position| format!("errors.UNKNOWN.service_errors[{position}]: {elsewhere}")),
    );
}

#[test]
fn e3_a_shadowed_word_is_warned_about() {
    let warnings = rules(&[
        ("FATAL", &["Time", "TimeoutError"]),
        ("UNKNOWN", &["runtime", "a", "other"]),
    ])
    .warnings();
    assert_eq!(
        warnings,
        [
            "errors.FATAL.service_errors[1]: `TimeoutError` is never found, because `Time` of FATAL comes first and \
             is part of it",
            "errors.UNKNOWN.service_errors[0]: `runtime` is never found, because `Time` of FATAL comes first and is \
             part of it",
            "errors.UNKNOWN.service_errors[2]: `other` is listed under OTHER_EXCEPTION too, which comes first and \
             decides",
        ],
    );
}

#[test]
fn odd_names_and_thresholds_are_warned_about() {
    let mut ok = rule("OK", &[]);
    ok.unhealthy = 3;
    let rules = ErrorRules::try_new([rule("DATABASE", &["Other"]), ok]);
    let warnings = rules.expect("the rules are valid").warnings();
    let begins = [
        "errors.DATABASE: `DATABASE` is no task status",
        "errors.OK.unhealthy: 3 is ignored, because OK is never unhealthy",
        "errors.DATABASE.service_errors[0]: `Other` is never found",
    ];
    for (warning, begin) in warnings.iter().zip(begins) {
        assert!(warning.starts_with(begin), "{warning}");
    }
    assert_eq!(warnings.len(), 3);
    assert!(ErrorRules::default().warnings().is_empty());
}

#[test]
fn e6_a_blank_word_is_refused_with_its_place() {
    for word in ["", " ", "\t\n"] {
        let error = ErrorRules::try_new([rule("FATAL", &["cuda", word])]).expect_err("it is blank");
        let text = error.to_string();
        assert!(
            text.starts_with("errors.FATAL.service_errors[1]: "),
            "{text}"
        );
        let place = RuleError::BlankWord {
            status: "FATAL".to_owned(),
            position: 1,
            word: word.to_owned(),
        };
        assert_eq!(error, place);
    }
}

#[test]
fn a_second_rule_of_a_status_and_too_many_words_are_refused() {
    let refused = |rules: &[StatusRule]| ErrorRules::try_new(rules.iter().cloned()).err();
    let status = "FATAL".to_owned();
    let twice = Some(RuleError::RepeatedStatus { status });
    assert_eq!(
        refused(&[rule("FATAL", &["a"]), rule("FATAL", &["b"])]),
        twice
    );
    let long = "x".repeat(60_000);
    // `other` has 5 bytes.
    assert_eq!(refused(&[rule("FATAL", &[&long[5..]])]), None);
    let (bytes, limit) = (60_005, 60_000);
    let many = Some(RuleError::TooManyWords { bytes, limit });
    assert_eq!(refused(&[rule("FATAL", &[&long])]), many);
}

#[test]
fn an_id_of_another_parser_is_other() {
    let id = p05().cancelled();
    let small = ErrorParser::default();
    assert_eq!(&**small.name(id), "other");
    assert_eq!(small.status_of(id), TaskStatus::OtherException);
}

#[test]
fn only_4_kib_are_searched() {
    let parser = p05();
    let text = format!("{}refused", " ".repeat(4096 - 7));
    let past = format!(" {text}");
    // İ takes 2 bytes, and 3 lower-cased.
    let longer_in_lower_case = format!("{}refused", "İ".repeat(1364));
    for (class, text, expected) in [
        ("", &text, "refused"),
        ("", &past, "other"),
        // The limit is for all parts.
        ("X", &text, "other"),
        ("", &longer_in_lower_case, "other"),
    ] {
        let found = parser.name(parser.parse_parts(class, text, &[]));
        assert_eq!(&**found, expected, "{class} {}", text.len());
    }
}

#[test]
fn types_that_code_names_come_last_and_a_rule_sets_their_status() {
    let named = |name, status| DeclaredType {
        status,
        is_expected: name == "c",
        ..DeclaredType::new(name)
    };
    let declared = [
        named("b", Some(TaskStatus::Fatal)),
        named("c", None),
        named("listed", Some(TaskStatus::Fatal)),
        named("panic", Some(TaskStatus::Fatal)),
    ];
    let rules = rules(&[("CONNECTION_ERROR", &["listed"])]);
    let parser = ErrorParser::with_declared(&rules, &declared);
    assert_eq!(
        parser.types().join(" "),
        "listed other panic cancelled b c",
        "each once"
    );
    let statuses = ["b", "c", "listed", "panic"].map(|name| parser.status_named(Some(name)));
    assert_eq!(
        statuses,
        [
            TaskStatus::Fatal,
            TaskStatus::OtherException,
            TaskStatus::ConnectionError,
            TaskStatus::Internal
        ]
    );
    let is_expected = |name| {
        parser
            .type_id(name)
            .is_some_and(|id| parser.is_expected(id))
    };
    assert!(is_expected("c") && !is_expected("b") && !is_expected("listed"));
    let found = parser.parse(&std::io::Error::other("b c"));
    assert_eq!(found, "other", "they are not searched in texts");
}

#[test]
fn code_adds_a_bounded_number_of_types() {
    let name = |number: usize| -> &'static str { String::leak(format!("{number:04}")) };
    let declared: Vec<_> = (0..MAX_DECLARED + 2)
        .map(|number| DeclaredType::new(name(number)))
        .collect();
    let parser = ErrorParser::with_declared(&ErrorRules::default(), &declared);
    assert_eq!(parser.types().len(), 3 + MAX_DECLARED);
    assert_eq!(parser.type_id("0256"), None);
}

#[test]
fn no_code_makes_a_built_in_type_expected() {
    let declared = ["cancelled", "other", "own", "panic"].map(|name| DeclaredType {
        name,
        status: None,
        is_expected: true,
    });
    let parser = ErrorParser::with_declared(&ErrorRules::default(), &declared);
    for (name, expected) in [("other", false), ("panic", false), ("own", true)] {
        let id = parser.type_id(name).expect("it is known");
        assert_eq!(parser.is_expected(id), expected, "{name}");
    }
}
