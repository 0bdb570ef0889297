//! Bars that a server under attack is held to: each is measured against a server in a process of its own.
//!
//!     monitor-soak              all bars
//!     monitor-soak NAME...      only these (--list shows them)
//!
//! What is measured is printed as it comes, one line each, for `scripts/soak` to put into its table:
//! `bar<TAB>number<TAB>what<TAB>measured<TAB>holds` or `falls short`. The exit status is 1 if one falls short.
//!
//! [`bars`] holds what is measured, one file each, and the list of them; [`server`] starts what [`serve`] does in the child;
//! [`http`], [`crowd`] and [`process`] are what bars are made of.

mod bars;
mod crowd;
mod http;
mod process;
mod report;
mod serve;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match names.first().map(String::as_str) {
        Some("serve") => serve::serve(),
        Some("--list") => bars::ALL.iter().for_each(|bar| println!("{}", bar.name)),
        _ => return bars::run(&names),
    }
    ExitCode::SUCCESS
}
