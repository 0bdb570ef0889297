//! The table of codes in `docs/grpc.md` against the code.
#![cfg(feature = "tonic")]

use monitor_tower::CodeOutcome;
use tonic::Code;

const DOC: &str = include_str!("../../docs/grpc.md");

fn word(outcome: CodeOutcome) -> &'static str {
    match outcome {
        CodeOutcome::Success => "success",
        CodeOutcome::Expected => "expected",
        CodeOutcome::Failure => "failure",
        CodeOutcome::Cancelled => "cancelled",
    }
}

/// `NOT_FOUND` of `NotFound`.
fn spelled(code: Code) -> String {
    if code == Code::Ok {
        return "OK".to_owned();
    }
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[test]
fn each_code_has_a_row_with_its_type_and_its_meaning() {
    for code in (0..17).map(Code::from_i32) {
        let name = spelled(code);
        let error_type = match code {
            Code::Ok => String::new(),
            _ => format!("`grpc_{}`", name.to_lowercase()),
        };
        let server = word(CodeOutcome::of_server(code));
        let client = word(CodeOutcome::of_client(code));
        let row = format!("| `{name}` | {error_type} | {server} | {client} |");
        let rows = DOC.lines().map(|line| line.replace("|  |", "| |"));
        let row = row.replace("|  |", "| |");
        assert!(rows.into_iter().any(|line| line.starts_with(&row)), "{row}");
    }
}
