//! What root creates belongs to the owner of the place; and a Maildir that lost a directory.

use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;
use crate::{Store as _, maildir::store::Layout};

const OWNER: (u32, u32) = (54_321, 54_322);

fn owner(path: impl AsRef<Path>) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.uid(), metadata.gid())
}

/// A directory that belongs to [`OWNER`], where this process may give one away.
fn foreign_directory() -> Option<TempDir> {
    let directory = tempfile::tempdir().unwrap();
    let given = std::os::unix::fs::chown(directory.path(), Some(OWNER.0), Some(OWNER.1));
    if given.is_err() {
        println!("left out: directories of another user (takes root)");
        return None;
    }
    Some(directory)
}

/// Every path below a directory.
fn all_below(path: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(all_below(&path));
        }
        all.push(path);
    }
    all
}

#[test]
fn what_root_makes_in_a_store_belongs_to_the_owner_of_the_store() {
    for layout in [Layout::User, Layout::Below("Maildir".into())] {
        let Some(root) = foreign_directory() else { return };
        let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true).layout(layout);
        store.maildir("alice").unwrap().deliver(&b"one\n"[..]).unwrap();
        // A login makes the lock and the index, and a second user by a login alone.
        let open = store.open("alice").unwrap();
        let (deletions, retrieved) = marks(open.maildrop(), "RETR 1");
        open.update(&deletions, &retrieved).unwrap();
        drop(store.open("bob").unwrap());
        let all = all_below(root.path());
        assert!(all.iter().any(|path| path.ends_with("pop3-lock")), "{all:?}");
        assert!(all.iter().any(|path| path.ends_with("pop3-index")), "{all:?}");
        for path in &all {
            assert_eq!(owner(path), OWNER, "{}", path.display());
        }
    }
}

#[test]
fn every_directory_on_the_way_gets_the_owner_of_the_first() {
    let Some(root) = foreign_directory() else { return };
    Maildir::create(root.path().join("a/b/mail")).unwrap();
    for path in all_below(root.path()) {
        assert_eq!(owner(&path), OWNER, "{}", path.display());
    }
    // In a directory of root's own nothing is given away.
    let scene = Scene::new();
    assert_eq!(owner(scene.path("new")), owner(scene.parent.path()));
}

#[test]
fn no_link_of_the_owner_is_followed_by_root() {
    let Some(root) = foreign_directory() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let before = owner(elsewhere.path());
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    let maildir = store.maildir("alice").unwrap();
    let path = |name: &str| maildir.path().join(name);
    // The lock leads to a file that is not there, the index to one of somebody else.
    fs::remove_file(path("pop3-lock")).unwrap();
    symlink(elsewhere.path().join("made"), path("pop3-lock")).unwrap();
    assert!(store.open("alice").is_err());
    assert!(!elsewhere.path().join("made").exists());
    fs::remove_file(path("pop3-lock")).unwrap();
    let target = elsewhere.path().join("target");
    fs::write(&target, b"kept").unwrap();
    symlink(&target, path("pop3-index")).unwrap();
    symlink(&target, path("pop3-index.new")).unwrap();
    store.maildir("alice").unwrap().deliver(&b"one\n"[..]).unwrap();
    drop(store.open("alice").unwrap());
    assert_eq!(fs::read(&target).unwrap(), b"kept");
    assert_eq!((owner(&target), owner(elsewhere.path())), (before, before));
    // A user's directory that is a link is not completed.
    symlink(elsewhere.path(), root.path().join("bob")).unwrap();
    assert!(store.maildir("bob").is_err());
    assert!(!elsewhere.path().join("new").exists());
}

// Conformance: M-MD-01
#[test]
fn a_maildir_that_lost_a_directory_is_completed_at_login_and_delivery() {
    let lost = [&["new"][..], &["tmp"], &["cur"], &["new", "tmp"], &["cur", "new", "tmp"]];
    for (at, lost) in lost.into_iter().enumerate() {
        for is_login in [true, false] {
            let root = tempfile::tempdir().unwrap();
            let store = MaildirStore::open_root(root.path()).unwrap();
            let path = root.path().join("alice");
            Maildir::create(&path).unwrap();
            fs::write(path.join("cur/1.kept:2,"), b"kept\n").unwrap();
            let is_kept = !lost.contains(&"cur");
            lost.iter().for_each(|folder| fs::remove_dir_all(path.join(folder)).unwrap());
            // Nothing is made without being allowed, and the sentence says what is missing.
            let said = match is_login {
                // A login needs no tmp.
                true if *lost == ["tmp"] => store.maildir("alice").unwrap_err().to_string(),
                true => store.open("alice").unwrap_err().to_string(),
                false => store.maildir("alice").unwrap_err().to_string(),
            };
            let shown = path.display().to_string();
            let is_named =
                lost.iter().any(|folder| said.contains(&format!("{shown} has no directory {folder};")));
            assert!(is_named && said.contains("mkdir"), "{at}: {said}");
            assert!(lost.iter().all(|folder| !path.join(folder).exists()));

            let store = store.create_missing(true);
            if is_login {
                drop(store.open("alice").unwrap());
            }
            store.maildir("alice").unwrap().deliver(&b"new\n"[..]).unwrap();
            assert!(FOLDERS.iter().all(|folder| path.join(folder).is_dir()), "{at}");
            let listed = ids(&store.open("alice").unwrap()).len();
            assert_eq!(listed, if is_kept { 2 } else { 1 }, "{at}");
        }
    }
}

#[test]
fn what_cannot_be_completed_is_still_read() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    store.maildir("alice").unwrap().deliver(&b"one\n"[..]).unwrap();
    drop(store.open("alice").unwrap());
    let path = root.path().join("alice");
    fs::remove_dir(path.join("tmp")).unwrap();
    chmod(&path, 0o500);
    without_privileges(|| {
        assert_eq!(ids(&store.open("alice").unwrap()).len(), 1);
        let said = store.maildir("alice").unwrap_err().to_string();
        let expected = format!("cannot create tmp, new or cur in {}: Permission denied", path.display());
        assert!(said.starts_with(&expected), "{said}");
    });
    chmod(&path, 0o700);
    fs::remove_dir_all(path.join("new")).unwrap();
    chmod(&path, 0o500);
    let said = without_privileges(|| store.open("alice").unwrap_err().to_string());
    assert!(said.contains("cannot create tmp, new or cur in"), "{said}");
    chmod(&path, 0o700);
}
