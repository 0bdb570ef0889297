use monitor_core::monitored;

#[monitored]
fn breaks() -> u8 {
    break;
}

#[monitored]
fn breaks_with_a_tail(early: bool) -> u8 {
    if early {
        break;
    }
    1
}

#[monitored]
async fn continues(early: bool) -> u8 {
    if early {
        continue;
    }
    1
}

fn bare(early: bool) -> u8 {
    if early {
        break;
    }
    1
}

fn main() {}
