use monitor_core::monitored;

fn parse(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| text.to_owned())
}

#[monitored(labels(capped(key = format!("{}", parse(text)?), max = 5)))]
fn question(text: &str) -> Result<u8, String> {
    parse(text)
}

#[monitored(request_size = dbg!(if text.is_empty() { return 0 } else { text.len() }))]
fn returns(text: &str) -> u8 {
    text.len() as u8
}

#[monitored(deadline = std::convert::identity(matches!(later.await, x if x == left).then_some(left)))]
async fn awaits(left: std::time::Duration, later: std::future::Ready<std::time::Duration>) {}

#[monitored(labels(fine = matches!((|| Some(parse(text).ok()? > 1))(), Some(true))))]
fn a_closure_may(text: &str) -> Result<u8, String> {
    parse(text)
}

fn main() {}
