//! The query of a scrape: `name[]` is bounded, reads back, and selects just the samples it names, and in `OpenMetrics`
//! families.
#![no_main]

use std::fmt::Write as _;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use monitor_core::family::{Family, FamilyType};
use monitor_core::names::{Profile, families};
use monitor_core::snapshot::Snapshot;
use monitor_fuzz::{FORMATS, Format, Sample, page, read, read_part, snapshot};
use monitor_server::fuzzing::names;

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| snapshot(&["a", "b___c__d"]));

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let page = page(&SNAPSHOT, Profile::Servicekit, &[], FORMATS[0]);
    read(&page, FORMATS[0])
});

static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| families(&SNAPSHOT, Profile::Servicekit));

fuzz_target!(|query: &str| {
    let Some(names) = self::names(query) else {
        assert!(
            query.len() > 1000,
            "a short query asks for no more than it may"
        );
        return;
    };
    assert!(names.len() <= 1000);
    let in_bounds = |name: &String| !name.is_empty() && name.len() <= 1024;
    assert!(names.iter().all(in_bounds), "{names:?}");
    check_again(query, &names);
    check_page(&names);
});

/// Written as a client does it, the names are read back, with any parameters beside them.
fn check_again(query: &str, wanted: &[String]) {
    let mut written = String::new();
    for name in wanted {
        written.push_str("name%5B%5D=");
        for byte in name.bytes() {
            let _ = write!(written, "%{byte:02x}");
        }
        written.push('&');
    }
    assert_eq!(names(&written).as_deref(), Some(wanted));
    assert_eq!(
        names(&format!("x=1&{query}&name[]=&y")).as_deref(),
        Some(wanted)
    );
}

fn check_page(names: &[String]) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_named = |name: &str| names.is_empty() || names.contains(&name);
    for format in FORMATS {
        let by_family =
            |name: &str| format == Format::OpenMetrics100 && of_family(name).is_some_and(is_named);
        let wanted = SAMPLES
            .iter()
            .filter(|sample| is_named(&sample.0) || by_family(&sample.0));
        let wanted: Vec<&Sample> = wanted.collect();
        let page = page(&SNAPSHOT, Profile::Servicekit, &names, format);
        let found = read_part(&page);
        assert!(found.iter().eq(wanted.iter().copied()), "{names:?}\n{page}");
    }
}

/// The name of a sample's family, where it is not the sample's own.
fn of_family(sample: &str) -> Option<&str> {
    let family = FAMILIES.iter().find(|family| match family.kind {
        FamilyType::Counter => *family.name == *sample,
        FamilyType::Histogram => {
            let suffix = sample.strip_prefix(&*family.name);
            suffix.is_some_and(|suffix| ["_bucket", "_count", "_sum"].contains(&suffix))
        }
        _ => false,
    })?;
    match family.kind {
        FamilyType::Counter => sample.strip_suffix("_total"),
        _ => Some(&family.name),
    }
}
