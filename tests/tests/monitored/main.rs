//! `#[monitored]`: every argument, every shape of a function and every way a call ends; the records, and the
//! behaviour that stays the same.

#![allow(
    clippy::ignored_unit_patterns,
    clippy::needless_borrows_for_generic_args,
    clippy::needless_pass_by_value,
    clippy::needless_question_mark,
    clippy::redundant_closure_for_method_calls,
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_async,
    clippy::unused_self,
    reason = "the functions are there for their shapes"
)]

mod behaviour;
mod blocks;
mod borrowed_errors;
mod callers;
mod derives;
mod drive;
mod endings;
mod errors;
mod evaluation;
mod fragments;
mod handles;
mod labels;
mod late_labels;
mod limits;
mod names;
mod nested_errors;
mod outcome;
mod returned_futures;
mod roots;
mod sizes;
mod statuses;
mod streams;
mod time_limits;
mod web_values;
