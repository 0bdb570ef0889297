//! The tables of settings, in docs/configuration.md and in the documentation of [`MonitorConfig`], against the settings that there
//! are.

use super::*;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The rows of a file's table of settings, as cells; `before` stands before each line.
fn rows(file: &str, before: &str) -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(format!("{FOLDER}/{file}")).expect(file);
    let lines = text.lines().filter_map(|line| line.strip_prefix(before));
    let table = lines.skip_while(|line| *line != "| key | default | meaning |");
    let rows = table.skip(2).map_while(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let cells: Vec<_> = cells.split(" | ").map(str::to_owned).collect();
        Some(cells.try_into().expect(line))
    });
    rows.collect()
}

#[test]
fn the_guide_has_the_table_of_the_documentation() {
    let documented = rows("src/config/mod.rs", "/// ");
    assert_eq!(rows("../docs/configuration.md", ""), documented);
}

#[test]
fn each_setting_has_a_row_and_each_row_is_a_setting() {
    let part = |name: &str, keys: &[&str]| -> Vec<String> {
        let keys = keys.iter().map(|key| format!("`{name}.{key}`"));
        keys.collect()
    };
    let own = MonitorConfig::KEYS.iter();
    let mut keys: Vec<String> = own
        .filter(|key| !["health", "limits", "unhealthy"].contains(key))
        .map(|key| format!("`{key}`"))
        .chain(part("health", HealthSettings::KEYS))
        .chain(part("limits", Limits::KEYS))
        .chain(part("unhealthy", ShareSettings::KEYS))
        .collect();
    let rows = rows("src/config/mod.rs", "/// ").into_iter();
    let mut documented: Vec<String> = rows.map(|[key, ..]| key).collect();
    keys.sort_unstable();
    documented.sort_unstable();
    assert_eq!(documented, keys);
}

/// A default that is written as one word is read as such.
#[test]
fn each_default_is_the_one_that_is_documented() {
    let mut read = 0;
    for [key, default, _] in rows("src/config/mod.rs", "/// ") {
        let (key, default) = (key.trim_matches('`'), default.trim_matches('`'));
        if default.contains(' ') || ["none", "all"].contains(&default) {
            continue;
        }
        let yaml = match key.split_once('.') {
            Some((part, key)) => format!("{part}: {{{key}: '{default}'}}"),
            None => format!("{key}: '{default}'"),
        };
        let config = MonitorConfig::from_yaml(&yaml).expect(&yaml);
        let expected = MonitorConfig::default();
        assert_eq!(format!("{config:?}"), format!("{expected:?}"), "{yaml}");
        read += 1;
    }
    assert!(read > 20, "{read}");
}

/// `docs/operations.md` has the limits again, with the effect of each.
#[test]
fn operations_documents_each_limit_with_its_default() {
    let operations = format!("{FOLDER}/../docs/operations.md");
    let operations = std::fs::read_to_string(operations).expect("the file");
    let limits = rows("src/config/mod.rs", "/// ").into_iter();
    let limits = limits.filter(|[key, ..]| key.starts_with("`limits."));
    for [key, default, _] in limits {
        let key = key.replacen("limits.", "", 1);
        let row = operations.lines().find_map(|line| {
            let cells = line.strip_prefix("| ")?.strip_prefix(&*key)?;
            cells.strip_prefix(" | ")
        });
        let row = row.expect(&key);
        let documented = row.split([' ', ',', ';']).next();
        assert_eq!(documented, Some(&*default), "{key}");
    }
}
