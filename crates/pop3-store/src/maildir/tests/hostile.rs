//! Files that are no messages, and file systems that refuse.

use std::os::unix::{fs::symlink, net::UnixListener};

use super::*;

// Conformance: A-58
#[test]
fn what_is_no_regular_file_is_skipped() {
    let scene = Scene::with(&[b"one\n"]);
    scene.put("secret", b"not mail\n");
    for folder in ["new", "cur"] {
        let at = |name: &str| scene.path(format!("{folder}/{name}"));
        symlink(scene.path("secret"), at("2.link")).unwrap();
        symlink("/nowhere", at("3.dangling")).unwrap();
        fs::create_dir(at("4.directory")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("5.fifo"), Mode::RUSR | Mode::WUSR).unwrap();
        drop(UnixListener::bind(at("6.socket")).unwrap());
    }
    for _ in 0..2 {
        assert_eq!(scene.contents(), [b"one\n"]);
    }
    assert_eq!(scene.names("new").len(), 5, "they are left where they are");
}

// Conformance: A-58
#[test]
fn a_message_replaced_by_a_link_or_a_fifo_is_not_read() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    scene.put("secret", b"key\n");
    let open = scene.lock();
    for at in [1, 2] {
        fs::remove_file(scene.path(format!("cur/{at}.M{}.host:2,", at - 1))).unwrap();
    }
    symlink(scene.path("secret"), scene.path("cur/1.M0.host:2,")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, scene.path("cur/2.M1.host:2,"), Mode::RUSR | Mode::WUSR).unwrap();
    for at in [1, 2] {
        assert!(matches!(text(&open, at), Err(ReadError::Changed)), "{at}");
    }
}

// Conformance: M-MD-01
#[test]
fn half_a_maildir_is_refused_with_its_path() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("mail");
    let error = Maildir::open(&path).unwrap_err();
    assert!(matches!(&error, OpenError::Missing { path: missing } if *missing == path));
    fs::create_dir_all(path.join("new")).unwrap();
    assert!(matches!(Maildir::open(&path), Err(OpenError::Incomplete { folder: "tmp", .. })));
    fs::write(path.join("tmp"), b"").unwrap();
    assert!(matches!(Maildir::open(&path), Err(OpenError::Io { .. })));
    fs::remove_file(path.join("tmp")).unwrap();
    Maildir::create(&path).unwrap();
    assert!(Maildir::open(&path).is_ok());
    symlink(&path, parent.path().join("link")).unwrap();
    let error = Maildir::open(parent.path().join("link")).unwrap_err();
    assert!(error.to_string().contains("link"), "{error}");
}
