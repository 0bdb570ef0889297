//! The source that an editor sends while its user types.
//@ shape: an unfinished expression such as a trailing dot (IDE completion)
//@ refused: as bare

use monitor_core::monitored;

#[monitored]
fn process(text: &str) -> usize {
    text.
}

fn main() {
    process("a");
}
