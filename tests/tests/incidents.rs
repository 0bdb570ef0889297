//! Recorded incidents of each kind, and quiet stretches: what the verdict says of them is right.

use std::path::Path;

use monitor_tests::incident::case::Case;
use monitor_tests::incident::{files, judge, play};

fn dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/incidents"))
}

#[test]
fn every_recorded_incident_is_named_and_no_quiet_stretch_is()
-> Result<(), Box<dyn std::error::Error>> {
    let files = files(dir())?;
    let mut differs = Vec::new();
    for path in &files {
        let case = Case::read(path)?;
        let lines = judge(&case, &play(&case)).into_iter();
        differs.extend(lines.map(|line| format!("{}: {line}", case.id)));
    }
    assert_eq!(differs, Vec::<String>::new());
    assert!(
        files.len() >= 47,
        "35 kinds and four quiet stretches, and some by hand"
    );
    Ok(())
}

/// What is expected of a case is not what another one is.
#[test]
fn what_is_said_of_another_case_differs() -> Result<(), Box<dyn std::error::Error>> {
    let read = |name: &str| Case::read(&dir().join(name));
    let (mut case, quiet) = (read("check_only-200.json.gz")?, read("quiet-200.json.gz")?);
    let said = play(&case);
    assert_eq!(judge(&case, &said), Vec::<String>::new());
    assert!(!judge(&case, &play(&quiet)).is_empty(), "of a quiet case");
    assert!(!judge(&quiet, &said).is_empty(), "of an incident");
    case.expect.check = Some("another".into());
    let lines = judge(&case, &said);
    assert!(
        lines.iter().any(|line| line.ends_with("expected another")),
        "{lines:?}"
    );
    Ok(())
}

#[test]
fn a_file_that_is_no_case_is_an_error_that_names_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let error = Case::read(&path).map(|case| case.id);
    let text = error.expect_err("no gzip").to_string();
    assert!(text.contains("Cargo.toml"), "{text}");
}
