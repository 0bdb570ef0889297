//! Label pairs as text, and the escaping in it.

use crate::data::labels::Label;

/// Appends a label as a page has it.
pub(crate) fn push_label(out: &mut Vec<u8>, label: &Label) {
    push_pair(out, &label.name, &label.value);
}

pub(crate) fn push_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_escaped(out, value, b"\\\n\"");
    out.push(b'"');
}

/// Appends a text with a backslash before each of the `special` bytes (a newline becomes `\n`).
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str, special: &[u8]) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| special.contains(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(if rest[at] == b'\n' { b'n' } else { rest[at] });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
