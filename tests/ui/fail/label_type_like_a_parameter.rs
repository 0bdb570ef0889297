use monitor_core::{MonitorLabel, monitored};

#[derive(MonitorLabel)]
enum A {
    One,
    Two,
}

#[monitored(labels(choice = *choice))]
fn choose(choice: &A) {}

struct Choice;

impl Choice {
    #[monitored(labels(choice = choice))]
    fn choose(&self, choice: A) {}
}

fn main() {
    choose(&A::One);
    Choice.choose(A::Two);
}
