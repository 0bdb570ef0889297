//! Sections that are refused, each with its exact words.

use super::*;

/// Sections of YAML and their refusals, a line each.
const REFUSALS: &str = include_str!("refusals.txt");

#[test]
fn each_refusal_names_place_key_and_value() {
    let mut seen = 0;
    for line in REFUSALS.lines().filter(|line| !line.starts_with("# ")) {
        let (yaml, expected) = line.split_once(" => ").expect(line);
        let yaml = yaml.replace("\\n", "\n").replace("\\r", "\r");
        assert_eq!(refusal(&yaml), expected, "{yaml:?}");
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn checks_and_groups_made_in_code_are_refused_by_name() {
    use crate::Check;
    let refusal = |config: MonitorConfig| {
        let error = config.storage_config().expect_err("refused");
        error.to_string()
    };
    let check = |name: &str, check| {
        let config = MonitorConfig::default().health_group("storage", ["db"]);
        config.check(name, check, (), |()| async { Ok::<(), String>(()) })
    };
    let name = "expected a name of 1 to 120 bytes that no group has and is not `default`";
    for taken in ["", " ", "default", "readiness", "storage"] {
        assert_eq!(
            refusal(check(taken, Check::default())),
            format!("configuration: `health.checks.{taken}`: {name}, found the text `{taken}`")
        );
    }
    let zero = Duration::ZERO;
    for (bad, part) in [
        (Check::every(zero), "interval"),
        (Check::default().timeout(zero), "timeout"),
    ] {
        assert_eq!(
            refusal(check("db", bad)),
            format!(
                "configuration: `health.checks.db.{part}`: expected a time above 0, found `0.0`"
            )
        );
    }
    assert_eq!(
        refusal(MonitorConfig::default().readiness(["a", " "])),
        "configuration: `health.readiness[1]`: expected a word that is not blank, found the text ` `"
    );
    let group = MonitorConfig::default().health_group("liveness", ["a"]);
    assert!(refusal(group).starts_with("configuration: `health.groups.liveness`: expected a name"));
    let ok = check("db", Check::default());
    let ok = ok.check("db", Check::default().ready(), (), |()| async {
        Ok::<(), String>(())
    });
    assert!(ok.storage_config().is_ok());
    assert_eq!(ok.health.checks.len(), 1);
}
