//! The task type whose status a call feeds: `task`, `health`.
//!
//! Prints:
//!
//! ```text
//! after Load        default OK, database not set
//! after Save        default OTHER_EXCEPTION, database OTHER_EXCEPTION
//! after Delete      default OK, database OK
//! after Guess       default OK, database OK
//! methods: Load OK
//! ```

use monitor_core::testing::Recorder;
use monitor_core::{TaskStatus, monitored};

/// Each call feeds the status of its own method, and `default`, if no monitored call made it.
#[monitored(method = "Load")]
fn load() -> Result<(), String> {
    Ok(())
}

/// These two are one task type in health answers: when one ends well, the database is well.
#[monitored(method = "Save", task = "database")]
fn save() -> Result<(), String> {
    Err("the disk is full".to_owned())
}

#[monitored(method = "Delete", task = "database")]
fn delete() -> Result<(), String> {
    Ok(())
}

/// Its failures are counted, but do not change the service's health.
#[monitored(method = "Guess", health = false)]
fn guess() -> Result<(), String> {
    Err("wrong".to_owned())
}

type Call = fn() -> Result<(), String>;

fn main() {
    let recorder = Recorder::new();
    let status = |task: &str| {
        let known = recorder.statuses();
        let found = known.iter().find(|one| &*one.task == task);
        found.map_or("not set", |one| one.status.name())
    };
    let calls: [(&str, Call); 4] = [
        ("Load", load),
        ("Save", save),
        ("Delete", delete),
        ("Guess", guess),
    ];
    for (name, call) in calls {
        let _ = recorder.scope_sync(call);
        let (default, database) = (status("default"), status("database"));
        println!("after {name:<10}  default {default}, database {database}");
    }
    for own in recorder.method_statuses() {
        assert_eq!(own.status, TaskStatus::Ok);
        println!("methods: {} {}", own.task, own.status);
    }
}
