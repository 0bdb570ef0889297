//! The recorded cases.
use std::path::Path;

use monitor_tests::case::Case;
use monitor_tests::compare::differences;
use monitor_tests::kinds::Ours;
use monitor_tests::model;
use monitor_tests::observed::Observed;

fn all() -> Vec<(Case, serde_json::Value)> {
    let mut all = Vec::new();
    for dir in ["cases", "extra"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("oracle")
            .join(dir);
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".json") && !name.ends_with(".expected.json") {
                let case = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
                let expected = path.with_file_name(name.replace(".json", ".expected.json"));
                all.push((
                    case,
                    serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap(),
                ));
            }
        }
    }
    all
}

#[test]
fn the_model_without_a_kind_is_the_original() {
    let mut bad = 0;
    for (case, expected) in all() {
        let steps = case.steps().unwrap();
        let modelled = model::run(&case, &steps, &Ours::default());
        let places: Vec<_> = modelled.notes.iter().map(|note| note.at.clone()).collect();
        let want = Observed::recorded(&expected, &places).items();
        let lines = differences(&want, &modelled.items());
        if !lines.is_empty() {
            bad += 1;
            println!("differs {}", case.name);
            for line in lines.iter().take(12) {
                println!("    {line}");
            }
        }
    }
    assert_eq!(bad, 0);
}

#[test]
fn scratch() {
    use monitor_tests::kinds::{kind, wanted};
    for (case, expected) in all() {
        let steps = case.steps().unwrap();
        let w = wanted(&case, &steps, &expected);
        let kinds: Vec<_> = w
            .applied
            .iter()
            .map(|(id, n)| format!("{} x{n}", kind(*id).name))
            .collect();
        println!("{}: {}", case.name, kinds.join(", "));
        for c in w.conflicts.iter().take(5) {
            println!("   CONFLICT {c}");
        }
    }
}
