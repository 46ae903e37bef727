//! Unique-ids: who keeps one, and that nobody gets that of another.

use std::os::unix::ffi::OsStrExt as _;

use super::*;

// Conformance: S-1939-49, S-1939-52, M-MD-10, M-UIDM-01
#[test]
fn flags_moves_and_a_lost_index_change_no_id() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    let before = ids(&scene.lock());
    assert_eq!(before, ["1.M0.host", "2.M1.host"]);
    scene.session("RETR 1");
    scene.rename("cur/2.M1.host:2,", "cur/2.M1.host:2,FRST");
    assert_eq!(ids(&scene.lock()), before);
    fs::remove_file(scene.index()).unwrap();
    assert_eq!(ids(&scene.lock()), before);
    scene.rename("cur/1.M0.host:2,S", "new/1.M0.host");
    assert_eq!(ids(&scene.lock()), before);
}

// Conformance: S-1939-49, S-1939-52
#[test]
fn a_restored_backup_has_the_same_ids_and_can_be_read() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    let before = ids(&scene.lock());
    for name in ["cur/1.M0.host:2,", "cur/2.M1.host:2,"] {
        // Other inodes and other times, the same octets; the index comes along.
        fs::copy(scene.path(name), scene.path("tmp/copy")).unwrap();
        scene.rename("tmp/copy", name);
    }
    let open = scene.lock();
    assert_eq!(ids(&open), before);
    assert_eq!(text(&open, 1).unwrap(), b"one\n");
    let (deletions, retrieved) = marks(open.maildrop(), "DELE 2");
    open.update(&deletions, &retrieved).unwrap();
    assert_eq!(scene.contents(), [b"one\n"]);
}

// Conformance: S-1939-50
#[test]
fn the_same_message_delivered_again_has_a_new_id() {
    let scene = Scene::new();
    let first = scene.maildir.deliver(&b"same\n"[..]).unwrap().unique_id.unwrap();
    assert_eq!(ids(&scene.lock()), [first.as_str()]);
    scene.session("DELE 1");
    let second = scene.maildir.deliver(&b"same\n"[..]).unwrap().unique_id.unwrap();
    assert_ne!(first, second);
    assert_eq!(ids(&scene.lock()), [second.as_str()]);
}

// Conformance: A-64, M-UIDM-01
#[test]
fn of_two_messages_with_one_base_the_listed_one_keeps_the_id() {
    let scene = Scene::new();
    scene.put("cur/1.x:2,S", b"listed before\n");
    assert_eq!(ids(&scene.lock()), ["1.x"]);
    scene.put("new/1.x", b"an unseen message\n");
    let open = scene.lock();
    let after = ids(&open);
    assert_eq!(after.len(), 2);
    let old = after.iter().position(|id| id == "1.x").unwrap();
    assert_eq!(text(&open, old + 1).unwrap(), b"listed before\n");
    assert_eq!(text(&open, 2 - old).unwrap(), b"an unseen message\n");
    drop(open);
    // From now on both are what they are, whatever happens to the other and to the index.
    fs::remove_file(scene.index()).unwrap();
    assert_eq!(ids(&scene.lock()), after);
    fs::remove_file(scene.path("cur/1.x:2,S")).unwrap();
    assert_eq!(ids(&scene.lock()), [after[1 - old].clone()]);
}

// Conformance: A-64
#[test]
fn without_proof_neither_message_keeps_a_shared_base() {
    let scene = Scene::new();
    scene.put("cur/1.x:2,S", b"one\n");
    scene.put("cur/1.x:2,", b"two\n");
    scene.put("new/1.x", b"three\n");
    scene.put("cur/2.y:2,", b"four\n");
    let first = ids(&scene.lock());
    assert_eq!(first.len(), 4);
    assert!(!first.contains(&"1.x".to_owned()) && first[3] == "2.y", "{first:?}");
    let unique: std::collections::HashSet<_> = first.iter().collect();
    assert_eq!(unique.len(), 4);
    assert!(first[..3].iter().all(|id| id.starts_with("1.")), "they keep their place: {first:?}");
    assert_eq!(ids(&scene.lock()), first);
    let mut contents = scene.contents();
    contents.sort();
    assert_eq!(contents, [&b"four\n"[..], b"one\n", b"three\n", b"two\n"]);
}

// Conformance: A-64, S-1939-50
#[test]
fn a_new_message_does_not_inherit_the_id_of_a_removed_one() {
    let scene = Scene::new();
    scene.put("cur/1.x:2,", b"seen by clients\n");
    assert_eq!(ids(&scene.lock()), ["1.x"]);
    // Another program removes the message, and a broken delivery agent uses its name again.
    fs::remove_file(scene.path("cur/1.x:2,")).unwrap();
    scene.put("new/1.x", b"never seen\n");
    let after = ids(&scene.lock());
    assert_eq!(after.len(), 1);
    assert_ne!(after, ["1.x"]);
    assert_eq!(ids(&scene.lock()), after);
}

// Conformance: A-64, S-1939-16
#[test]
fn one_file_under_two_names_is_one_message() {
    let scene = Scene::new();
    scene.put("new/1.x", b"one\n");
    // A delivery by link that was killed, and a reader that was killed between link and unlink.
    fs::hard_link(scene.path("new/1.x"), scene.path("cur/1.x:2,")).unwrap();
    scene.put("cur/2.y:2,", b"two\n");
    let open = scene.lock();
    assert_eq!(ids(&open), ["1.x", "2.y"]);
    assert_eq!(text(&open, 1).unwrap(), b"one\n");
    drop(open);
    scene.session("DELE 1");
    assert_eq!((scene.names("new"), scene.names("cur")), (vec![], vec!["2.y:2,".to_owned()]));
}

// Conformance: A-63, S-1939-48, M-UIDM-01, M-MD-15, M-MD-16
#[test]
fn hostile_names_have_valid_and_stable_ids() {
    let scene = Scene::new();
    let long = [b'9'; 255];
    let names: [&[u8]; 9] = [
        b"1.with\nnewline",
        b"2.with space:2,",
        b"3.\xff\xfe:2,S",
        b"4.no-info",
        b"5.size,S=99999,W=1:2,",
        b"6.size,S=12x:2,",
        b"7.odd-info:9,?",
        b":2,S",
        &long,
    ];
    for folder in ["new", "cur"] {
        for (at, name) in names.iter().enumerate() {
            let path = scene.path(folder).join(std::ffi::OsStr::from_bytes(name));
            // The long name fits both folders; a message in each would share its base.
            if (folder == "new") == (at % 2 == 0) {
                fs::write(path, format!("{at}\n")).unwrap();
            }
        }
    }
    let open = scene.lock();
    let first = ids(&open);
    assert_eq!(first.len(), names.len());
    assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), names.len());
    for id in &first {
        assert!((1..=70).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_graphic()), "{id}");
    }
    assert_eq!(sizes(&open), [3; 9], "no size in a name is believed");
    drop(open);
    assert_eq!(ids(&scene.lock()), first);
    // A name of 255 octets has no room for an info part, and is served from where it is.
    assert_eq!(scene.names("new"), [String::from_utf8(long.to_vec()).unwrap()]);
    let mut contents = scene.contents();
    contents.sort();
    assert_eq!(contents, (0..9).map(|at| format!("{at}\n").into_bytes()).collect::<Vec<_>>());
    scene.session("RETR 9\nDELE 9");
    assert_eq!(scene.names("new"), [""; 0]);
}
