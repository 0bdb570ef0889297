//! Lists of starts as they are written, and as others may have written them.

use proptest::prelude::*;

use super::*;
use crate::test_folder::Folder;

fn starts(path: &Path) -> Vec<(Option<String>, bool)> {
    let (_, boots) = ExitFiles::begin(path, Some("1.4.2"));
    let start = |boot: &Boot| (boot.version.as_deref().map(str::to_owned), boot.is_clean);
    boots.iter().map(start).collect()
}

/// Makes the starts in the list those of processes that are no more.
fn die(path: &Path) {
    let list = path.with_extension("json.boots");
    let text = fs::read_to_string(&list).expect("it is there");
    let own = start_of(std::process::id()).map_or("-".to_owned(), |ticks| ticks.to_string());
    let dead = text.replace(&format!(" {own} "), " 1 ");
    fs::write(&list, dead).expect("written");
}

#[test]
fn each_start_knows_how_the_processes_before_it_ended() {
    let folder = Folder::new();
    let path = folder.0.join("last.json");
    let version = Some("1.4.2".to_owned());
    assert_eq!(starts(&path), [(version.clone(), true)]);
    die(&path);
    let (files, boots) = ExitFiles::begin(&path, None);
    assert_eq!(boots.len(), 2);
    assert_eq!((&boots[1].version, boots[1].is_clean), (&None, false));
    // The file has milliseconds.
    assert!(boots[1].at > boots[0].at - 0.001);
    files.end();
    assert_eq!(
        starts(&path),
        [(version.clone(), true), (None, false), (version, true)]
    );
    let text = fs::read_to_string(folder.0.join("last.json.boots")).expect("it is there");
    let ends: Vec<_> = text.lines().map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(ends, ["up", "clean", "up"].map(Some));
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_still_runs_has_not_died() {
    let folder = Folder::new();
    let path = folder.0.join("last.json");
    let version = || Some("1.4.2".to_owned());
    assert_eq!(starts(&path), [(version(), true)]);
    assert_eq!(starts(&path), [(version(), true), (version(), true)]);
    die(&path);
    assert_eq!(starts(&path).last(), Some(&(version(), false)));
    assert_eq!(start_of(u32::MAX), None);
    // One that has ended and was not waited for is no running one.
    let mut child = std::process::Command::new("true")
        .spawn()
        .expect("a process");
    let pid = child.id();
    while start_of(pid).is_some() {
        std::thread::yield_now();
    }
    child.wait().expect("it has ended");
}

#[test]
fn the_list_keeps_the_last_starts() {
    let folder = Folder::new();
    let path = folder.0.join("last.json");
    for start in 1..=30 {
        assert_eq!(starts(&path).len(), MOST_BOOTS.min(start));
    }
}

#[test]
fn a_list_that_is_not_ours_is_left_out_and_written_anew() {
    for text in [
        "no list".as_bytes(),
        b"\xff\xfe",
        b"1.0 2 up",
        b"1.0 2 up - 1.0 more",
        b"1.0 2 up 1.0",
        b"1.0 2 up -1 1.0",
        b"NaN 2 up - 1.0",
        b"-5 2 up - 1.0",
        b"1.0 2 down - 1.0",
        &b"1.0 2 up - 1.0\n".repeat(21),
        &vec![b'x'; 100_000],
    ] {
        let (folder, _) = Folder::with("last.json.boots", "");
        folder.write("last.json.boots", text);
        assert_eq!(starts(&folder.0.join("last.json")).len(), 1, "{text:?}");
    }
}

#[test]
fn what_cannot_be_read_or_written_keeps_nothing_from_its_start() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("last.json.boots")).expect("a folder");
    assert_eq!(starts(&folder.0.join("last.json")).len(), 1);
    assert_eq!(starts(&folder.0.join("none/last.json")).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_file_is_for_this_user_alone_and_replaced_at_once() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = Folder::with("last.json", "old");
    write_private(&path, b"new").expect("written");
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(folder.names(), ["last.json"]);
    let error = write_private(&folder.0.join("none/x"), b"").expect_err("no folder");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

proptest! {
    #[test]
    fn a_line_is_read_as_it_was_written(
        at in 0.0..1e10_f64,
        pid in any::<u32>(),
        is_clean in any::<bool>(),
        started in any::<Option<u64>>(),
        version in prop::option::of(".{0,200}"),
    ) {
        let line = BootLine { at, pid, is_clean, started, version: version.as_deref().and_then(as_word) };
        let text = line.write();
        prop_assert_eq!(text.lines().count(), 1);
        let read = BootLine::parse(text.trim_end_matches('\n')).expect("a line");
        prop_assert!((read.at - at).abs() < 0.001);
        prop_assert_eq!((read.pid, read.is_clean, read.started), (pid, is_clean, started));
        prop_assert_eq!(read.version, line.version);
    }

    #[test]
    fn no_text_is_too_much(text in "\\PC*") {
        let _ = BootLine::parse(&text);
    }
}
