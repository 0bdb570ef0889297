use monitor_core::monitored;

struct Numbers;

impl futures_core::Stream for Numbers {
    type Item = u8;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<u8>> {
        std::task::Poll::Ready(None)
    }
}

#[monitored(call = call)]
fn process() -> impl futures_core::Stream<Item = u8> {
    call.observe("tokens", 1.0);
    Numbers
}

fn main() {}
