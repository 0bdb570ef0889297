//! No function.
//@ shape: on struct/enum/mod/closure (error)
//@ refused: 8:1 ?

use monitor_core::monitored;

#[monitored]
mod process {
    pub fn process() {}
}

fn main() {
    process::process();
}
