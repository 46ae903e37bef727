//! The index saves time and never decides.

use std::os::unix::fs::symlink;

use super::*;
use crate::Store as _;

/// Makes the sizes wrong in a way that no look at the directory shows: only who opens files notices.
fn forge(scene: &Scene) {
    let octets = fs::read(scene.index()).unwrap();
    let mut facts = super::super::index::decode(&octets).unwrap();
    for fact in &mut facts {
        fact.size.0 += 2;
    }
    let root = sys::open_dir(rustix::fs::CWD, scene.maildir.path().as_os_str().as_encoded_bytes()).unwrap();
    super::super::index::write(root.as_fd(), facts.into_iter()).unwrap();
}

// Conformance: S-ROB-06
#[test]
fn known_messages_are_not_opened_at_login() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    assert_eq!(sizes(&scene.lock()), [5, 5]);
    forge(&scene);
    scene.put("new/3.M2.host", b"three\n");
    assert_eq!(sizes(&scene.lock()), [7, 7, 7], "two from the index, one counted");
    scene.session("DELE 1");
    assert_eq!(sizes(&scene.lock()), [7, 7]);
    fs::remove_file(scene.index()).unwrap();
    assert_eq!(sizes(&scene.lock()), [5, 7]);
}

// Conformance: A-98
#[cfg(target_os = "linux")]
#[test]
fn an_index_larger_than_that_of_all_files_is_not_read() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    assert_eq!(sizes(&scene.lock()), [5, 5]);
    let file = fs::OpenOptions::new().write(true).open(scene.index()).unwrap();
    file.set_len(2 << 30).unwrap();
    let before = peak_memory();
    assert_eq!(sizes(&scene.lock()), [5, 5]);
    assert!(peak_memory() - before < 16 << 10, "it was read");
    // It is made anew.
    assert!(fs::metadata(scene.index()).unwrap().len() < 1000);
}

/// In KiB.
#[cfg(target_os = "linux")]
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// Conformance: A-98
#[test]
fn a_large_index_is_read_where_there_are_as_many_files() {
    let scene = Scene::with(&[]);
    for number in 0..1200 {
        scene.put(format!("new/{number}.{}", "x".repeat(240)), b"one\n");
    }
    drop(scene.lock());
    assert!(fs::metadata(scene.index()).unwrap().len() > 256 << 10);
    forge(&scene);
    assert!(sizes(&scene.lock()).iter().all(|size| *size == 7), "from the index");
}

// Conformance: A-55, S-1939-49, S-1939-52
#[test]
fn a_damaged_index_is_made_anew() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    let before = ids(&scene.lock());
    let good = fs::read(scene.index()).unwrap();
    let cut = good[..good.len() - 1].to_vec();
    for damaged in [vec![], cut, vec![0; good.len()], b"garbage".to_vec()] {
        fs::write(scene.index(), &damaged).unwrap();
        let open = scene.lock();
        assert_eq!((ids(&open), sizes(&open)), (before.clone(), vec![5, 5]));
        assert_eq!(fs::read(scene.index()).unwrap(), good);
    }
}

// Conformance
#[test]
fn an_index_that_cannot_be_written_fails_no_login() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    // A directory in its place can be neither read nor replaced.
    fs::create_dir_all(scene.path("pop3-index/in-the-way")).unwrap();
    for _ in 0..2 {
        let open = scene.lock();
        assert_eq!(sizes(&open), [5, 5]);
        assert_eq!(text(&open, 2).unwrap(), b"two\n");
    }
    fs::remove_dir_all(scene.index()).unwrap();
    // Links are replaced, never followed.
    scene.put("precious", b"keep me");
    symlink(scene.path("precious"), scene.path("pop3-index.new")).unwrap();
    symlink(scene.path("precious"), scene.index()).unwrap();
    assert_eq!(sizes(&scene.lock()), [5, 5]);
    assert_eq!(fs::read(scene.path("precious")).unwrap(), b"keep me");
    assert!(fs::symlink_metadata(scene.index()).unwrap().is_file());
}

// Conformance: S-1939-12, M-MD-15
#[test]
fn a_changed_message_is_refused_once_and_right_at_the_next_login() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    let path = store.maildir("alice").unwrap().deliver(&b"one\n"[..]).unwrap().path;
    drop(store.open("alice").unwrap());
    let name = format!("{}:2,", path.file_name().unwrap().to_str().unwrap());
    append(&root.path().join("alice/cur").join(name), b"more\n");
    let open = store.open("alice").unwrap();
    assert_eq!(sizes(&open), [5], "login opens no known file");
    assert!(matches!(text(&open, 1), Err(ReadError::Changed)));
    drop(open);
    let open = store.open("alice").unwrap();
    assert_eq!(sizes(&open), [11]);
    assert_eq!(text(&open, 1).unwrap(), b"one\nmore\n");
}

// Conformance: S-1939-11, S-1939-49, S-ROB-06
#[test]
fn snapshots_in_memory_follow_every_change() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    let fresh = || MaildirStore::open_root(root.path()).unwrap().cached_messages(0);
    let maildir = store.maildir("alice").unwrap();
    for round in 0..20 {
        maildir.deliver(format!("round {round}\n").as_bytes()).unwrap();
        let open = store.open("alice").unwrap();
        let (seen, listed) = (ids(&open), sizes(&open));
        assert_eq!(seen.len(), usize::try_from(round - round / 3 + 1).unwrap());
        let command = if round % 3 == 2 { "DELE 1" } else { "RETR 1" };
        let (deletions, retrieved) = marks(open.maildrop(), command);
        drop(open);
        let open = fresh().open("alice").unwrap();
        assert_eq!((ids(&open), sizes(&open)), (seen, listed));
        open.update(&deletions, &retrieved).unwrap();
    }
}

// Conformance: S-ROB-06
#[test]
fn an_unchanged_maildir_is_served_from_memory() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    store.maildir("alice").unwrap().deliver(&b"one\n"[..]).unwrap();
    drop(store.open("alice").unwrap());
    let slot = store.cache.slot("alice");
    let first = slot.load().unwrap();
    // Just changed: another change could hide behind the same times, so the directories are read again.
    assert!(!first.is_settled);
    let snapshot = store.open("alice").unwrap();
    assert_eq!(ids(&snapshot).len(), 1);
    assert!(!Arc::ptr_eq(&first, &slot.load().unwrap()));
    // What was scanned long after the last change counts until the directories change.
    let mut settled = scan_anew(&store);
    settled.is_settled = true;
    let stamps = settled.stamps;
    let index = settled.index;
    assert!(settled.is_current(&stamps, index));
    assert!(!settled.is_current(&stamps, None));
    drop(snapshot);
    store.maildir("alice").unwrap().deliver(&b"two\n"[..]).unwrap();
    let root = sys::open_dir(store.root(), b"alice").unwrap();
    let (cur, new) = (sys::open_dir(root.as_fd(), b"cur"), sys::open_dir(root.as_fd(), b"new"));
    let (cur, new) = (cur.unwrap(), new.unwrap());
    let owner = scan::Owner::of(&rustix::fs::fstat(&root).unwrap());
    let folders = scan::Folders { cur: cur.as_fd(), new: new.as_fd(), owner };
    assert!(!settled.is_current(&folders.stamps().unwrap(), index), "a delivery shows");
}

fn scan_anew(store: &MaildirStore) -> snapshot::Snapshot {
    let root = sys::open_dir(store.root(), b"alice").unwrap();
    let (cur, new) = (sys::open_dir(root.as_fd(), b"cur"), sys::open_dir(root.as_fd(), b"new"));
    let (cur, new) = (cur.unwrap(), new.unwrap());
    let owner = scan::Owner::of(&rustix::fs::fstat(&root).unwrap());
    let folders = scan::Folders { cur: cur.as_fd(), new: new.as_fd(), owner };
    let mut snapshot = scan::scan(&folders, &[]).unwrap().snapshot;
    snapshot.index = super::super::index::stamp(root.as_fd());
    snapshot
}

// Conformance: S-ROB-05
#[test]
fn memory_for_snapshots_is_bounded() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true).cached_messages(40);
    for user in 0..20 {
        store.maildir(&user.to_string()).unwrap().deliver(&b"one\n"[..]).unwrap();
        drop(store.open(&user.to_string()).unwrap());
    }
    let kept: Vec<usize> =
        (0..20).filter(|user| store.cache.slot(&user.to_string()).load().is_some()).collect();
    // A snapshot of one message weighs three.
    assert!((8..=13).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept.last(), Some(&19), "the last used are kept");
    assert_eq!(kept, (20 - kept.len()..20).collect::<Vec<_>>());
}

// Conformance: A-52
#[test]
fn a_message_takes_less_than_200_octets_of_memory() {
    use pop3_proto::server::MessageInfo;
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    let cur = store.maildir("alice").unwrap().path().join("cur");
    for at in 0..1000 {
        fs::write(cur.join(format!("1700000000.M123456P12345Q{at}R0123456789abcdef.mail:2,S")), b"x")
            .unwrap();
    }
    let snapshot = scan_anew(&store);
    // An allocation costs up to 16 octets beside what it holds.
    let ids = snapshot.maildrop.messages().iter().map(|info| info.unique_id.as_str().len() + 16);
    let octets = snapshot.entries.capacity() * size_of::<snapshot::Entry>()
        + snapshot.names.capacity()
        + 1000 * size_of::<MessageInfo>()
        + ids.sum::<usize>();
    assert!(octets < 200 * 1000, "{octets}");
}
