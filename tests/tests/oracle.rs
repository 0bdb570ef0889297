//! The recorded cases: the given ones in `oracle/cases`, more in `oracle/extra`.

use std::path::Path;

use monitor_tests::driver::Failure;
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

#[test]
fn every_recorded_case_comes_out_as_ours_must() -> Result<(), Failure> {
    let mut lines = Vec::new();
    for case in cases()? {
        let found = case.judge()?.into_iter();
        lines.extend(found.map(|line| format!("{}: {line}", case.case.name)));
    }
    assert_eq!(lines, Vec::<String>::new());
    Ok(())
}
