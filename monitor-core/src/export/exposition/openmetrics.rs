//! What is `OpenMetrics`' own: the head of a family, and the end of the page.

use super::text::{write_help, write_meta};
use crate::data::family::FamilyType;
use crate::data::sample_names::openmetrics_name;
use crate::data::visit::Head;

/// The last line of a page.
pub(super) const END: &[u8] = b"# EOF\n";

/// Appends the family's `# HELP`, `# TYPE`, and `# UNIT` where its name ends in it.
pub(super) fn write_head(family: &Head<'_>, out: &mut Vec<u8>) {
    let (name, kind) = name_and_type(family);
    write_help(name, family.help, b"\\\n\"", out);
    write_meta("TYPE", name, kind, out);
    let ends_in = |unit: &&str| {
        name.strip_suffix(*unit)
            .is_some_and(|rest| rest.ends_with('_'))
    };
    if let Some(unit) = family.unit.filter(ends_in) {
        write_meta("UNIT", name, unit, out);
    }
}

/// The family's name here, and its type.
///
/// A counter is one only if its samples can be called `<name>_total` and are counts: a user's registry may hold others,
/// which are typed `unknown` under their own name, as `client_golang` does.
fn name_and_type<'a>(family: &Head<'a>) -> (&'a str, &'static str) {
    let base = openmetrics_name(family.name, family.kind);
    let kind = match family.kind {
        FamilyType::Counter if base.len() == family.name.len() || !family.all_counts => {
            return (family.name, "unknown");
        }
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
        FamilyType::Summary => "summary",
        FamilyType::Untyped => "unknown",
    };
    (base, kind)
}
