use monitor_core::monitored;

#[monitored(labels(early = early), call = call)]
async fn process(early: bool) -> usize {
    let shared = std::rc::Rc::new(usize::from(early));
    call.observe("tokens", 1.0);
    std::future::ready(()).await;
    *shared
}

fn needs_send(_: impl Send) {}

pub fn check() {
    needs_send(process(true));
}

fn main() {}
