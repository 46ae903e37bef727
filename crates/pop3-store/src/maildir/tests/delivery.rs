//! Delivery: whole or not at all.

use std::io::Write as _;

use super::*;
use crate::maildir::deliver::Dirs;

fn dirs(scene: &Scene) -> Arc<Dirs> {
    scene.maildir.dirs().unwrap()
}

// Conformance: M-MD-02, M-MD-20
#[test]
fn a_delivery_is_invisible_until_commit() {
    let scene = Scene::new();
    let mut delivery = scene.maildir.start_delivery().unwrap();
    delivery.write_all(b"Subject: x\n\n").unwrap();
    assert_eq!((scene.names("tmp").len(), scene.names("new").len()), (1, 0));
    delivery.write_all(&[b'y'; 100_000]).unwrap();
    let delivered = delivery.commit().unwrap();
    assert_eq!((scene.names("tmp").len(), scene.names("new").len()), (0, 1));
    assert_eq!(fs::read(&delivered.path).unwrap().len(), 100_012);
    let open = scene.lock();
    assert_eq!(ids(&open), [delivered.unique_id.unwrap().as_str()]);
}

// Conformance: M-MD-02
#[test]
fn a_dropped_delivery_leaves_nothing() {
    let scene = Scene::new();
    let mut delivery = scene.maildir.start_delivery().unwrap();
    delivery.write_all(&[b'x'; 100_000]).unwrap();
    drop(delivery);
    assert_eq!((scene.names("tmp"), scene.names("new")), (vec![], vec![]));
}

// Conformance: M-MD-02
#[test]
fn a_source_that_fails_half_way_delivers_nothing() {
    struct Failing(u32);
    impl std::io::Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(std::io::ErrorKind::Interrupted.into()),
                2 => Ok(buffer.len()),
                _ => Err(std::io::ErrorKind::ConnectionReset.into()),
            }
        }
    }
    let scene = Scene::new();
    let error = scene.maildir.deliver(Failing(0)).unwrap_err();
    assert!(matches!(error, DeliveryError::Source(_)));
    assert_eq!((scene.names("tmp"), scene.names("new")), (vec![], vec![]));
}

// Conformance: M-MD-05
#[test]
fn a_taken_name_is_never_overwritten() {
    let scene = Scene::new();
    scene.put("tmp/taken", b"of another delivery");
    let mut names = ["taken", "taken", "free"].into_iter();
    let mut delivery =
        Delivery::start_with(dirs(&scene), || names.next().unwrap().as_bytes().to_vec()).unwrap();
    delivery.write_all(b"mine").unwrap();
    delivery.commit().unwrap();
    assert_eq!(fs::read(scene.path("new/free")).unwrap(), b"mine");
    let mut tries = 0;
    let error = Delivery::start_with(dirs(&scene), || {
        tries += 1;
        b"taken".to_vec()
    });
    assert!(matches!(error, Err(DeliveryError::Io { .. })));
    assert_eq!(tries, 16, "it gives up");
    assert_eq!(fs::read(scene.path("tmp/taken")).unwrap(), b"of another delivery");
    // Taken in new: what is there stays.
    scene.put("new/second", b"there first");
    let mut delivery = Delivery::start_with(dirs(&scene), || b"second".to_vec()).unwrap();
    delivery.write_all(b"mine").unwrap();
    assert!(delivery.commit().is_err());
    assert_eq!(fs::read(scene.path("new/second")).unwrap(), b"there first");
    assert_eq!(scene.names("tmp"), ["taken"]);
}

// Conformance: M-MD-02
#[test]
fn a_batch_becomes_visible_together() {
    let scene = Scene::new();
    let mut batch = Batch::new();
    for message in ["one\n", "two\n", "three\n"] {
        let mut delivery = scene.maildir.start_delivery().unwrap();
        delivery.write_all(message.as_bytes()).unwrap();
        batch.add(delivery);
    }
    assert_eq!((batch.len(), scene.names("new").len()), (3, 0));
    let delivered = batch.commit().unwrap();
    let expected: Vec<String> =
        delivered.iter().map(|one| one.unique_id.as_ref().unwrap().as_str().to_owned()).collect();
    let mut listed = ids(&scene.lock());
    listed.sort();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    let mut dropped = Batch::new();
    dropped.add(scene.maildir.start_delivery().unwrap());
    drop(dropped);
    assert_eq!((scene.names("tmp"), scene.names("new")), (vec![], vec![]));
}

// Conformance: M-MD-02
#[test]
fn a_batch_that_fails_delivers_none() {
    let scene = Scene::new();
    let mut batch = Batch::new();
    for name in ["1.a", "2.b"] {
        let mut delivery = Delivery::start_with(dirs(&scene), || name.as_bytes().to_vec()).unwrap();
        delivery.write_all(b"x").unwrap();
        batch.add(delivery);
    }
    scene.put("new/2.b", b"there first");
    assert!(batch.commit().is_err());
    assert_eq!((scene.names("tmp"), scene.names("new")), (vec![], vec!["2.b".to_owned()]));
}

// Conformance: M-MD-02, A-55
#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    // Files beyond a limit of this process fail like those on a full disk; the limit is set in a child.
    let scene = Scene::new();
    let path = scene.maildir.path().to_str().unwrap();
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", script])
        .args(super::crash::child_arguments("full", 0, path))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("cannot write") && said.contains("nothing was delivered"), "{said}");
    assert!(said.contains("then: a part of the message could not be written"), "{said}");
    assert_eq!((scene.names("tmp"), scene.names("new")), (vec![], vec![]));
    let full = DeliveryError::Io { action: "write", path: "/mail/tmp/x".into(), source: Errno::NOSPC.into() };
    let text = full.to_string();
    assert!(text.starts_with("cannot write /mail/tmp/x: No space left"), "{text}");
    assert!(text.contains("free some space"), "{text}");
}

// Conformance: M-MD-13
#[test]
fn deliveries_need_no_lock() {
    let scene = Scene::new();
    let open = scene.lock();
    let maildir = Arc::new(Maildir::open(scene.maildir.path()).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let maildir = Arc::clone(&maildir);
            std::thread::spawn(move || {
                for at in 0..25 {
                    maildir.deliver(format!("{thread} {at}\n").as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(ids(&open).is_empty());
    drop(open);
    let mut contents = scene.contents();
    contents.sort();
    contents.dedup();
    assert_eq!(contents.len(), 100);
    assert!(scene.parent.path().exists());
}
