//! Which lints the shapes are compiled under.

use std::fmt::Write as _;
use std::process::Command;

/// Lints that expansions might want to allow are forbidden; those are off that would put nearly every shape out.
pub(crate) const STRICT: &str = "\
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic, clippy::nursery)]
#![forbid(unsafe_code, dead_code, unreachable_code, unused_braces, unused_parens, unused_mut, unused_must_use, unused_variables)]
#![allow(clippy::missing_const_for_fn, clippy::must_use_candidate, clippy::uninlined_format_args)]
";

/// Every lint there is: what this compiler has and leaves off, and all of clippy's.
pub(crate) fn table() -> String {
    let help = Command::new("rustc").args(["-W", "help"]).output();
    let help = help.unwrap_or_else(|e| panic!("rustc: {e}"));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut table = String::from("[workspace.lints.rust]\n");
    let mut count = 0;
    for line in help.lines() {
        let mut words = line.split_whitespace();
        if let (Some(lint), Some("allow"), Some(_)) = (words.next(), words.next(), words.next())
            && !UNSTABLE.contains(&lint)
        {
            let _ = writeln!(table, "{} = \"warn\"", lint.replace('-', "_"));
            count += 1;
        }
    }
    assert!(count > 40, "the lints of rustc were not understood: {help}");
    table.push_str("\n[workspace.lints.clippy]\n");
    for group in ["all", "pedantic", "nursery", "restriction"] {
        let _ = writeln!(table, "{group} = {{ level = \"warn\", priority = -1 }}");
    }
    table.push_str("blanket_clippy_restriction_lints = \"allow\"\n");
    table
}

/// Lints a stable compiler does not know, and those about the crate as a whole.
const UNSTABLE: &[&str] = &[
    "fuzzy-provenance-casts",
    "lossy-provenance-casts",
    "linker-messages",
    "multiple-supertrait-upcastable",
    "must-not-suspend",
    "non-exhaustive-omitted-patterns",
    "resolving-to-items-shadowing-supertrait-items",
    "shadowing-supertrait-items",
    "unqualified-local-imports",
    "unstable-features",
    "unused-crate-dependencies",
];
