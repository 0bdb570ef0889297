use monitor_core::monitored;

#[monitored(stream, stream)]
fn items() -> Items {
    Box::pin(Empty)
}

type Items = std::pin::Pin<Box<Empty>>;

struct Empty;

fn main() {}
