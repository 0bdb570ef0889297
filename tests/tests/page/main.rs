//! The live page in a real browser, before real servers.
//!
//! What holds on all screens is in `monitor_tests::live_page`; the program `live_page` looks at any running page in the same way. Tests
//! that take minutes are ignored, and run by `scripts/test --all`. Pictures of all screens and states come into `target/pictures`.
//!
//! Every browser fails its test when something came to the console, when the page's policy forbade something, or when the page asked
//! another host.

#[path = "../programs/mod.rs"]
mod programs;
#[path = "../textprocessor/mod.rs"]
mod textprocessor;

mod deltas;
mod figures;
mod functions;
mod hostile;
mod keyboard;
mod long;
mod numbers;
mod screens;
mod snapshots;
mod sources;
mod states;
mod support;
