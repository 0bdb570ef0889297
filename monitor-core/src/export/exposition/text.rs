//! What is the text format 0.0.4's own: the head of a family. The samples are the same in both formats.

use crate::data::family::FamilyType;
use crate::data::labels::push_escaped;
use crate::data::visit::Head;

/// Appends the family's `# HELP` and `# TYPE`.
pub(super) fn write_head(family: &Head<'_>, out: &mut Vec<u8>) {
    write_help(family.name, family.help, b"\\\n", out);
    write_meta("TYPE", family.name, type_name(family), out);
}

/// The type as this format names it. A counter that is called just `_total` has no type, because `prometheus_client`
/// refuses a page with a counter whose name is nothing without that.
fn type_name(family: &Head<'_>) -> &'static str {
    match family.kind {
        FamilyType::Counter if family.name == "_total" => "untyped",
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
        FamilyType::Summary => "summary",
        FamilyType::Untyped => "untyped",
    }
}

/// Appends `# HELP`, unless there is no text.
pub(super) fn write_help(name: &str, help: &str, special: &[u8], out: &mut Vec<u8>) {
    if !help.is_empty() {
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        push_escaped(out, help, special);
        out.push(b'\n');
    }
}

/// Appends `# KEYWORD NAME VALUE`.
pub(super) fn write_meta(keyword: &str, name: &str, value: &str, out: &mut Vec<u8>) {
    for part in ["# ", keyword, " ", name, " ", value, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
