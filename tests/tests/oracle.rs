//! The recorded cases: the given ones in `oracle/cases`, more in `oracle/extra`.

use std::path::Path;

use monitor_tests::compare::differences;
use monitor_tests::driver::Failure;
use monitor_tests::kinds::Plan;
use monitor_tests::observed::Observed;
use monitor_tests::replay::{Recorded, names, read};

fn cases() -> Result<Vec<Recorded>, Failure> {
    let mut cases = Vec::new();
    for dir in ["cases", "extra"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("oracle")
            .join(dir);
        for name in names(&dir)? {
            cases.push(read(&dir, &name)?);
        }
    }
    Ok(cases)
}

fn lines_of(
    judge: impl Fn(&Recorded) -> Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for case in cases()? {
        let found = judge(&case)?.into_iter();
        lines.extend(found.map(|line| format!("{}: {line}", case.case.name)));
    }
    Ok(lines)
}

#[test]
fn every_recorded_case_comes_out_as_ours_must() -> Result<(), Failure> {
    assert_eq!(lines_of(Recorded::judge)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn the_model_of_the_original_gives_the_same_as_what_is_recorded_for_ours() -> Result<(), Failure> {
    let judge = |recorded: &Recorded| {
        let plan = Plan::new(&recorded.case, &recorded.case.steps()?);
        let modelled = plan.apply(&recorded.expected);
        let ours = match &recorded.ours {
            Some(ours) => ours.items(&recorded.expected),
            None => Observed::recorded(&recorded.expected, &[]).items(),
        };
        let mut lines = modelled.conflicts;
        lines.extend(differences(&modelled.items, &ours));
        lines.extend(differences(&ours, &modelled.items));
        Ok(lines)
    };
    assert_eq!(lines_of(judge)?, Vec::<String>::new());
    Ok(())
}
