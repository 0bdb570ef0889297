//! What an editor sends while somebody types.
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
