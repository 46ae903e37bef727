//! What is not listed is counted and named, stays where it is, and is listed when the reason is gone.

use std::{io, os::unix::fs::symlink};

use super::*;
use crate::{SkipReason, Skipped, Store as _};

/// Reasons and counts, sorted.
fn reasons(open: &OpenMaildir) -> Vec<(String, u32)> {
    let mut all: Vec<_> =
        open.skipped().into_iter().map(|one| (format!("{:?}", one.reason), one.count)).collect();
    all.sort_unstable();
    all
}

// Conformance: M-MD-11
#[test]
fn what_has_the_name_of_a_message_and_is_no_file_is_counted() {
    let scene = Scene::with(&[b"one\n"]);
    symlink("/etc/hostname", scene.path("new/2.link")).unwrap();
    symlink("/nowhere", scene.path("cur/3.dangling:2,S")).unwrap();
    fs::create_dir(scene.path("cur/4.directory")).unwrap();
    scene.put("cur/.nfs0001", b"no message");
    let open = scene.lock();
    assert_eq!(ids(&open).len(), 1);
    assert_eq!(reasons(&open), [("NotAFile".to_owned(), 3)]);
    assert_eq!(open.skipped()[0].example, scene.path("new/2.link"));
    drop(open);
    // A second login, by the index, says the same.
    assert_eq!(reasons(&scene.lock()), [("NotAFile".to_owned(), 3)]);
    fs::remove_file(scene.path("new/2.link")).unwrap();
    fs::remove_file(scene.path("cur/3.dangling:2,S")).unwrap();
    fs::remove_dir(scene.path("cur/4.directory")).unwrap();
    assert_eq!(scene.lock().skipped(), []);
}

#[test]
fn what_cannot_be_read_is_left_alone_and_listed_later() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    let maildir = store.maildir("alice").unwrap();
    let path = |name: &str| maildir.path().join(name);
    for name in ["cur/1.a:2,S", "cur/2.b:2,", "new/3.c", "new/4.d"] {
        fs::write(path(name), name).unwrap();
    }
    chmod(&path("cur/2.b:2,"), 0);
    chmod(&path("new/4.d"), 0o200);
    for _ in 0..2 {
        let open = without_privileges(|| store.open("alice").unwrap());
        assert_eq!(ids(&open), ["1.a", "3.c"]);
        let expected = format!("{:?}", SkipReason::Unreadable(io::ErrorKind::PermissionDenied));
        assert_eq!(reasons(&open), [(expected, 2)]);
    }
    assert!(path("new/4.d").exists(), "it is still new");
    // No directory changes, and the store has the last snapshot in memory.
    chmod(&path("cur/2.b:2,"), 0o600);
    chmod(&path("new/4.d"), 0o600);
    let open = without_privileges(|| store.open("alice").unwrap());
    assert_eq!(ids(&open), ["1.a", "2.b", "3.c", "4.d"]);
    assert_eq!(open.skipped(), []);
}

#[test]
fn a_snapshot_that_hides_something_is_never_served_from_memory() {
    let scene = Scene::with(&[b"one\n"]);
    fs::create_dir(scene.path("cur/2.directory")).unwrap();
    let (cur, new) = (fs::File::open(scene.path("cur")).unwrap(), fs::File::open(scene.path("new")).unwrap());
    let owner = scan::Owner::of(&rustix::fs::fstat(&cur).unwrap());
    let folders = scan::Folders { cur: cur.as_fd(), new: new.as_fd(), owner };
    let take = || {
        let mut snapshot = scan::scan(&folders, &[]).unwrap().snapshot;
        snapshot.is_settled = true;
        snapshot
    };
    let hides = take();
    assert!(!hides.is_current(&hides.stamps, hides.index));
    fs::remove_dir(scene.path("cur/2.directory")).unwrap();
    let whole = take();
    assert!(whole.is_current(&whole.stamps, whole.index));
}

// Conformance: A-58
#[test]
fn files_of_somebody_else_are_named_with_both_owners() {
    let scene = Scene::with(&[b"one\n"]);
    let foreign = ["cur/2.foreign:2,", "cur/3.foreign:2,S", "new/4.foreign"];
    foreign.iter().for_each(|name| scene.put(name, b"two\n"));
    let give = |uid: u32| {
        let uid = rustix::fs::Uid::from_raw(uid);
        foreign.iter().all(|name| rustix::fs::chown(scene.path(name), Some(uid), None).is_ok())
    };
    if !give(12_345) {
        println!("left out: files of another user (takes root)");
        return;
    }
    let open = scene.lock();
    assert_eq!(ids(&open).len(), 1);
    let [skipped] = &open.skipped()[..] else { panic!("one reason") };
    assert_eq!(skipped.reason, SkipReason::OtherOwner { file: 12_345, maildrop: 0 });
    assert_eq!(skipped.count, 3);
    assert!(scene.path("new/4.foreign").exists(), "it is still new");
    drop(open);
    assert!(give(0));
    assert_eq!(ids(&scene.lock()), ["1.M0.host", "2.foreign", "3.foreign", "4.foreign"]);
    // Known from the index, and somebody else's since then: listed, and refused for the true reason.
    let foreign = rustix::fs::Uid::from_raw(12_345);
    rustix::fs::chown(scene.path("cur/2.foreign:2,"), Some(foreign), None).unwrap();
    let open = scene.lock();
    let error = text(&open, 2).unwrap_err();
    assert!(matches!(error, ReadError::Io { .. }) && error.to_string().contains("owner"), "{error}");
}

#[test]
fn the_line_for_the_log_is_one_line() {
    let skipped =
        |reason, count, name: &str| Skipped { reason, count, example: Path::new("/mail").join(name) };
    let name = "1.a\n2026 ERROR forged\u{1b}[31m";
    for reason in [
        SkipReason::NotAFile,
        SkipReason::Changing,
        SkipReason::Unreadable(io::ErrorKind::PermissionDenied),
        SkipReason::OtherOwner { file: 0, maildrop: 1000 },
    ] {
        let line = skipped(reason, 7, name).to_string();
        assert!(line.starts_with("7 ") && line.contains("/mail/1.a\\n2026"), "{line}");
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(skipped(reason, 1, "x").to_string().contains("/mail/x"));
    }
}
