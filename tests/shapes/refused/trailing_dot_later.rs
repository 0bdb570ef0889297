//! The source that an editor sends while its user types.
//@ shape: an unfinished expression such as a trailing dot (IDE completion)
//@ refused: as bare

use monitor_core::monitored;

struct Process(String);

#[monitored]
impl Process {
    async fn process(&self) -> usize {
        let text = &self.0;
        text.
    }
}

fn main() {
    drop(Process(String::new()).process());
}
