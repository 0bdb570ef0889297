//! Types that do not fit.
//@ shape: errors of the body, the same at the same place
//@ refused: as bare

use monitor_core::monitored;

struct Refused;

#[monitored]
fn tail(x: u8) -> u32 {
    x
}

#[monitored]
fn early(x: u8) -> Result<u8, Refused> {
    if x == 1 {
        return Err(x);
    }
    Ok(x)
}

#[monitored]
fn missing_tail(x: u8) -> u32 {
    x.count_ones();
}

#[monitored]
fn not_declared(x: u8) {
    x
}

#[monitored]
fn question_mark(text: &str) -> Result<u8, Refused> {
    let number: u8 = text.parse()?;
    Ok(number)
}

#[monitored]
fn in_the_middle(x: u8) -> u8 {
    let y: &str = x;
    y.missing();
    x
}

#[monitored]
async fn tail_later(x: u8) -> u32 {
    std::future::ready(()).await;
    x
}

#[monitored]
async fn early_later(x: u8) -> Result<u8, Refused> {
    std::future::ready(()).await;
    if x == 1 {
        return Err(x);
    }
    Ok(x)
}

#[monitored]
async fn missing_tail_later(x: u8) -> u32 {
    std::future::ready(()).await;
    x.count_ones();
}

#[monitored]
async fn question_mark_later(text: &str) -> Result<u8, Refused> {
    std::future::ready(()).await;
    let number: u8 = text.parse()?;
    Ok(number)
}

#[monitored(labels(big = x > 1), ok_if = Result::is_ok)]
async fn beside_arguments(x: u8) -> Result<u8, Refused> {
    std::future::ready(()).await;
    Ok("x")
}

struct Process;

#[monitored]
impl Process {
    fn method(&self, x: u8) -> String {
        x
    }
}

fn main() {}
