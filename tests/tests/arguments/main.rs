//! Every argument of `#[monitored]`, from its documentation alone: what it records, what it does not, and what stays as it is.

mod blocks;
mod derives;
mod drive;
mod errors;
mod evaluation;
mod handles;
mod labels;
mod late_labels;
mod limits;
mod names;
mod outcome;
mod returned_futures;
mod sizes;
mod statuses;
mod streams;
