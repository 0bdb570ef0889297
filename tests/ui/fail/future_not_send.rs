use monitor_core::monitored;

#[monitored]
async fn process() -> usize {
    let shared = std::rc::Rc::new(1);
    std::future::ready(()).await;
    *shared
}

fn needs_send(_: impl Send) {}

fn main() {
    needs_send(process());
}
