//! The values of `/proc`, and those of a folder that lacks or garbles them.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::test_folder::Folder;

/// The families of the folder that have a value: name and value.
fn read(folder: &Path) -> Vec<(&'static str, ChildValue)> {
    let rows = rows(Some(folder)).filter(|(.., children)| !children.is_empty());
    rows.map(|(name, _, children)| (name, children[0].value.clone()))
        .collect()
}

const STAT: &str = "7 (a) b) R 1 1 1 0 -1 4194304 98 0 0 0 250 125 9 9 20 0 3 0 153 313 38 1844";
const STATUS: &str = "Name:\tVmRSS: 1\nVmSize:\t    3060 kB\nVmRSS:\t     382 kB\nThreads:\t3\n";
const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
    Max file size             unlimited            unlimited            bytes     \n\
    Max open files            1024                 524288               files     \n";

fn folder(files: &[(&str, &[u8])]) -> Folder {
    let folder = Folder::new();
    for (file, text) in files {
        folder.write(file, text);
    }
    folder
}

fn names(files: &[(&str, &[u8])]) -> Vec<&'static str> {
    let values = read(&folder(files).0);
    values.into_iter().map(|(name, _)| name).collect()
}

/// The value of one of this process's families now.
#[cfg(target_os = "linux")]
fn now(name: &str) -> f64 {
    let values = read(Path::new("/proc/self"));
    let value = values.into_iter().find(|(own, _)| *own == name);
    match value {
        Some((_, Float(value))) => value,
        #[expect(clippy::cast_precision_loss, reason = "small")]
        Some((_, Int(value))) => value as f64,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_number_is_the_one_of_its_file() {
    let files: [(&str, &[u8]); 3] = [
        ("stat", STAT.as_bytes()),
        ("status", STATUS.as_bytes()),
        ("limits", LIMITS.as_bytes()),
    ];
    let expected = [
        ("process_cpu_seconds_total", Float(3.75)),
        ("process_virtual_memory_bytes", Int(3060 * 1024)),
        ("process_resident_memory_bytes", Int(382 * 1024)),
        ("process_max_fds", Int(1024)),
        ("process_threads", Int(3)),
    ];
    assert_eq!(read(&folder(&files).0), expected);
}

#[test]
fn a_file_that_cannot_be_read_leaves_out_its_own_families_alone() {
    assert_eq!(names(&[]), [""; 0]);
    let alone = |file: &str, text: &[u8]| names(&[(file, text)]);
    assert_eq!(
        alone("stat", STAT.as_bytes()),
        ["process_cpu_seconds_total"]
    );
    assert_eq!(alone("limits", LIMITS.as_bytes()), ["process_max_fds"]);
    assert_eq!(
        alone(
            "status",
            b"Threads:\tmany\nVmRSS:\t8 kB\nVmSize:\t18446744073709551615 kB\n"
        ),
        ["process_resident_memory_bytes"]
    );
    for text in [
        "",
        "1",
        "1 (a",
        "1 (a)",
        "1 (a) R 1 2",
        "Max open files",
        "\0\u{fffd}\n",
    ] {
        for file in ["stat", "status", "limits"] {
            assert_eq!(alone(file, text.as_bytes()), [""; 0], "{file}: {text:?}");
        }
    }
}

#[test]
fn a_program_s_name_may_hold_any_bytes() {
    let stat = STAT.replacen("(a) b)", "(@)", 1).into_bytes();
    let stat: Vec<u8> = stat
        .into_iter()
        .map(|byte| if byte == b'@' { 0xff } else { byte })
        .collect();
    let names = names(&[("stat", &stat), ("status", b"Name:\t\xff\nThreads:\t3\n")]);
    assert_eq!(names, ["process_cpu_seconds_total", "process_threads"]);
}

#[test]
fn no_limit_is_the_largest_number() {
    assert_eq!(
        max_fds("Max open files   unlimited   unlimited   files\n"),
        Some(u64::MAX)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn every_family_is_there_on_linux() {
    let all: Vec<_> = rows(None).map(|(name, ..)| name).collect();
    let read = read(Path::new("/proc/self")).into_iter();
    assert_eq!(read.map(|(name, _)| name).collect::<Vec<_>>(), all);
}

#[cfg(target_os = "linux")]
#[test]
fn open_descriptors_are_counted_either_way() {
    const FILES: u32 = 300;
    // Other tests open and close a few meanwhile.
    const OTHERS: f64 = 100.0;
    let fds = Path::new("/proc/self/fd");
    let counted = || count(fds).map(|fds| u32::try_from(fds).map(f64::from));
    let (before, counted_before) = (now("process_open_fds"), counted());
    let files: Vec<_> = (0..FILES).map(|_| File::open("/dev/null")).collect();
    assert!(files.iter().all(Result::is_ok));
    let expected = before + f64::from(FILES);
    assert!((now("process_open_fds") - expected).abs() < OTHERS);
    let (Some(Ok(then)), Some(Ok(counted))) = (counted_before, counted()) else {
        panic!("the folder can be listed");
    };
    assert!((counted - then - f64::from(FILES)).abs() < OTHERS);
    assert!((then - before).abs() < OTHERS, "{then} and {before}");
    drop(files);
    assert!((now("process_open_fds") - before).abs() < OTHERS);
}

#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_descriptors_is_the_shell_s() {
    let told = Command::new("sh").args(["-c", "ulimit -n"]).output();
    let told = String::from_utf8(told.expect("a shell").stdout).expect("text");
    let limits = text(Path::new("/proc/self"), "limits");
    match told.trim() {
        "unlimited" => assert_eq!(max_fds(&limits), Some(u64::MAX)),
        number => assert_eq!(max_fds(&limits), number.parse().ok()),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn reading_is_cheap() {
    const READS: u32 = 50;
    let begun = Instant::now();
    for _ in 0..READS {
        read(Path::new("/proc/self"));
    }
    let each = begun.elapsed() / READS;
    // Some 60 us on the machine this was written on; the bound is for one that is very busy.
    assert!(each < Duration::from_millis(20), "{each:?}");
}
