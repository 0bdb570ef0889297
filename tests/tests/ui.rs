//! The attribute at compile time: programs that it accepts, and the exact messages of its refusals, with their
//! places. There is one failing case a rule; other spellings of it are lines of `monitor-macros/tests/refused.txt`.

#![allow(
    clippy::all,
    clippy::pedantic,
    reason = "the programs are there for their shapes; the test program `fixtures` compares the lints"
)]

#[path = "../ui/pass/arguments.rs"]
mod arguments;
#[path = "../ui/pass/derives.rs"]
mod derives;
#[path = "../ui/pass/methods.rs"]
mod methods;
#[rustfmt::skip]
#[path = "../ui/pass/one_line.rs"]
mod one_line;
#[path = "../ui/pass/streams.rs"]
mod streams;

#[test]
fn accepted_programs_run() {
    arguments::main();
    derives::main();
    methods::main();
    one_line::main();
    streams::main();
}

/// A program that has to compile is none of these cases: without one, cargo checks all of them at once.
#[test]
fn ui() {
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
}
