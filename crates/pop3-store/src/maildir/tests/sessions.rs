//! What a session sees, and what QUIT does.

use pop3_proto::body::BodyEncoder;
use proptest::prelude::*;

use super::*;
use crate::{Store as _, UpdateError};

// Conformance: M-MD-07, M-MD-24, M-MD-11, M-MD-21, S-1939-10
#[test]
fn new_messages_move_to_cur_and_stand_in_order_of_delivery() {
    let scene = Scene::new();
    scene.put("cur/1000.b:2,RS", b"third");
    scene.put("new/999.z", b"second");
    scene.put("new/20.x:2,F", b"first");
    scene.put("cur/1000.c", b"fourth");
    scene.put("cur/.hidden", b"no message");
    fs::create_dir_all(scene.path(".Sent/cur")).unwrap();
    scene.put(".Sent/cur/1.sent:2,", b"in a subfolder");
    assert_eq!(scene.contents(), [&b"first"[..], b"second", b"third", b"fourth"]);
    assert_eq!(scene.names("new"), [""; 0]);
    assert_eq!(scene.names("cur"), [".hidden", "1000.b:2,RS", "1000.c", "20.x:2,F", "999.z:2,"]);
}

// Conformance: M-MD-08, M-MD-09, S-1939-15, S-1939-16, S-1939-18, S-1939-46
#[test]
fn quit_removes_the_marked_and_notes_the_retrieved() {
    let scene = Scene::with(&[b"one\n", b"two\n", b"three\n", b"four\n"]);
    scene.put("cur/5.old:1,keep", b"five\n");
    scene.put("cur/6.flags:2,FTax", b"six\n");
    scene.session("RETR 1\nDELE 1\nRETR 2\nTOP 3 1\nDELE 4\nRETR 5\nRETR 6");
    assert_eq!(scene.names("cur"), ["2.M1.host:2,S", "3.M2.host:2,", "5.old:1,keep", "6.flags:2,FSTax"]);
    assert_eq!(scene.contents(), [&b"two\n"[..], b"three\n", b"five\n", b"six\n"]);
}

// Conformance: S-1939-14, S-1939-19, S-1939-22, A-31, A-32
#[test]
fn without_quit_or_after_rset_nothing_is_removed() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    let open = scene.lock();
    let _ = marks(open.maildrop(), "DELE 1\nDELE 2");
    drop(open);
    assert_eq!(scene.names("cur").len(), 2);
    scene.session("DELE 1\nDELE 2\nRSET");
    assert_eq!(scene.contents(), [b"one\n", b"two\n"]);
}

// Conformance: S-1939-17, A-33
#[test]
fn what_cannot_be_removed_is_named_and_the_rest_is_gone() {
    let scene = Scene::with(&[b"one\n", b"two\n", b"three\n"]);
    let open = scene.lock();
    let (deletions, retrieved) = marks(open.maildrop(), "DELE 1\nDELE 2\nDELE 3");
    // A directory with something in it cannot be unlinked by anybody.
    fs::remove_file(scene.path("cur/2.M1.host:2,")).unwrap();
    fs::create_dir_all(scene.path("cur/2.M1.host:2,/in-the-way")).unwrap();
    let error = open.update(&deletions, &retrieved).unwrap_err();
    assert!(matches!(&error, UpdateError::Partial { kept, .. } if *kept == [number(2)]), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("1 marked messages could not be removed") && text.contains("mail"), "{text}");
    assert_eq!(scene.names("cur"), ["2.M1.host:2,"]);
}

// Conformance: S-1939-16, S-1939-17
#[test]
fn a_file_that_took_the_place_of_a_marked_one_is_kept() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    let open = scene.lock();
    let (deletions, retrieved) = marks(open.maildrop(), "DELE 1\nDELE 2");
    scene.put("tmp/other", b"never listed\n");
    scene.rename("tmp/other", "cur/1.M0.host:2,");
    let error = open.update(&deletions, &retrieved).unwrap_err();
    assert!(matches!(&error, UpdateError::Partial { kept, .. } if *kept == [number(1)]), "{error}");
    assert_eq!(scene.contents(), [b"never listed\n"]);
    // The next session lists the file as it is, and can remove it.
    scene.session("DELE 1");
    assert_eq!(scene.names("cur"), [""; 0]);
}

// Conformance: M-MD-10, M-MD-13, S-1939-52
#[test]
fn a_message_renamed_during_the_session_is_found_again() {
    let scene = Scene::with(&[b"one\n", b"two\n", b"three\n"]);
    let open = scene.lock();
    let before = ids(&open);
    scene.rename("cur/1.M0.host:2,", "cur/1.M0.host:2,F");
    scene.rename("cur/2.M1.host:2,", "new/2.M1.host");
    assert_eq!(text(&open, 1).unwrap(), b"one\n");
    assert_eq!(text(&open, 2).unwrap(), b"two\n");
    scene.rename("cur/1.M0.host:2,F", "cur/1.M0.host:2,FR");
    assert_eq!(text(&open, 1).unwrap(), b"one\n");
    let (deletions, retrieved) = marks(open.maildrop(), "RETR 1\nDELE 2\nRETR 3");
    scene.rename("new/2.M1.host", "cur/2.M1.host:2,T");
    open.update(&deletions, &retrieved).unwrap();
    assert_eq!(scene.names("cur"), ["1.M0.host:2,FRS", "3.M2.host:2,S"]);
    assert_eq!(ids(&scene.lock()), [before[0].clone(), before[2].clone()]);
}

// Conformance: M-MD-13, A-34, S-ROB-10
#[test]
fn a_vanished_message_is_gone_and_never_another_one() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    let open = scene.lock();
    fs::remove_file(scene.path("cur/1.M0.host:2,")).unwrap();
    scene.put("new/3.M2.host", b"three\n");
    for _ in 0..3 {
        assert!(matches!(text(&open, 1), Err(ReadError::Gone)));
    }
    assert_eq!(text(&open, 2).unwrap(), b"two\n");
    assert!(matches!(open.read(number(3)), Err(ReadError::Gone)));
    // Another message under the old base is not the one that was listed.
    scene.put("cur/1.M0.host:2,S", b"somebody else\n");
    assert!(matches!(text(&open, 1), Err(ReadError::Changed)));
    // That a marked message is gone already is what was wanted.
    fs::remove_file(scene.path("cur/1.M0.host:2,S")).unwrap();
    let (deletions, retrieved) = marks(open.maildrop(), "RETR 1\nDELE 1\nRETR 2");
    open.update(&deletions, &retrieved).unwrap();
    assert_eq!(scene.contents(), [b"two\n", b"three\n".as_slice()]);
}

// Conformance: S-1939-16, A-34
#[test]
fn an_expunge_by_another_program_costs_update_a_few_looks_and_not_one_for_each_message() {
    const MESSAGES: usize = 4000;
    let scene = Scene::new();
    for at in 0..MESSAGES {
        scene.put(format!("cur/{}.M{at}.host:2,", at + 1), b"text\n");
    }
    let open = scene.lock();
    for at in (0..MESSAGES).step_by(2) {
        fs::remove_file(scene.path(format!("cur/{}.M{at}.host:2,", at + 1))).unwrap();
    }
    let commands: Vec<String> = (1..=MESSAGES)
        .map(|number| if number % 4 == 3 { format!("RETR {number}") } else { format!("DELE {number}") })
        .collect();
    let (deletions, retrieved) = marks(open.maildrop(), &commands.join("\n"));
    let mut attempts = 0;
    open.update_observed(&deletions, &retrieved, |_| attempts += 1).unwrap();
    assert_eq!(scene.names("cur"), [""; 0]);
    // Each message where it was, and those that are missing after each look.
    assert!(attempts <= 4 * MESSAGES, "{attempts}");
}

// Conformance: S-1939-11, S-1939-12
#[test]
fn a_session_sees_neither_new_mail_nor_new_sizes() {
    let scene = Scene::with(&[b"one\n"]);
    let open = scene.lock();
    scene.maildir.deliver(&b"two\n"[..]).unwrap();
    append(&scene.path("cur/1.M0.host:2,"), b"more\n");
    assert_eq!(sizes(&open), [5]);
    assert!(matches!(text(&open, 1), Err(ReadError::Changed)));
    drop(open);
    let open = scene.lock();
    assert_eq!(sizes(&open), [5 + 6, 5]);
    assert_eq!(text(&open, 1).unwrap(), b"one\nmore\n");
}

// Conformance: A-66
#[test]
fn a_body_that_becomes_shorter_ends_with_an_error() {
    let scene = Scene::with(&[&[b'x'; 100_000]]);
    let open = scene.lock();
    let mut body = open.read(number(1)).unwrap();
    let mut piece = [0; 1000];
    body.read_exact(&mut piece).unwrap();
    assert_eq!(body.remaining(), 99_000);
    fs::File::options().write(true).open(scene.path("cur/1.M0.host:2,")).unwrap().set_len(50_000).unwrap();
    let error = std::io::copy(&mut body, &mut std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

// Conformance: S-1939-12, M-5321-02
#[test]
fn a_body_that_grows_ends_where_it_was_listed() {
    let scene = Scene::with(&[b"one\n"]);
    let open = scene.lock();
    let mut body = open.read(number(1)).unwrap();
    append(&scene.path("cur/1.M0.host:2,"), b"more\n");
    let mut text = Vec::new();
    body.read_to_end(&mut text).unwrap();
    assert_eq!(text, b"one\n");
}

// Conformance: M-MD-17, M-MD-18, M-5321-02, M-5321-04, M-5321-05, P-ROB-02, P-ROB-07, A-67, A-68
#[test]
fn any_content_comes_out_as_it_went_in() {
    let all: Vec<u8> = (0..=255).collect();
    let long = vec![b'x'; 1 << 20];
    let messages: [(&[u8], u64); 10] = [
        (b"", 0),
        (b"\n", 2),
        (b".", 3),
        (b".\r\nhi", 7),
        (b"a\0b\n", 5),
        (b"mixed\nline\r\nends\r\r\n", 20),
        (b"a\r.\rb", 7),
        (b"no final newline", 18),
        (&all, 256 + 1 + 2),
        (&long, (1 << 20) + 2),
    ];
    let scene = Scene::with(&messages.map(|(message, _)| message));
    for _ in 0..2 {
        let open = scene.lock();
        assert_eq!(sizes(&open), messages.map(|(_, size)| size));
        drop(open);
        assert_eq!(scene.contents(), messages.map(|(message, _)| message));
    }
}

// Conformance: S-1939-07, S-1939-18, M-MD-14, S-1939-08
#[test]
fn one_session_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
    let other_store = MaildirStore::open_root(root.path()).unwrap();
    let open = store.open("alice").unwrap();
    assert!(matches!(store.open("alice"), Err(OpenError::InUse)));
    assert!(matches!(other_store.open("alice"), Err(OpenError::InUse)));
    assert!(store.open("bob").is_ok());
    let (deletions, retrieved) = marks(open.maildrop(), "");
    open.update(&deletions, &retrieved).unwrap();
    let again = other_store.open("alice").unwrap();
    assert!(matches!(store.open("alice"), Err(OpenError::InUse)));
    drop(again);
    // A login that fails behind the lock gives it back.
    fs::rename(root.path().join("alice/cur"), root.path().join("alice/gone")).unwrap();
    assert!(matches!(other_store.open("alice"), Err(OpenError::Incomplete { .. })));
    fs::rename(root.path().join("alice/gone"), root.path().join("alice/cur")).unwrap();
    assert!(store.open("alice").is_ok());
}

// Conformance: M-MD-14
#[test]
fn a_lock_file_that_is_no_file_is_refused() {
    let scene = Scene::new();
    fs::remove_file(scene.path("pop3-lock")).unwrap();
    std::os::unix::fs::symlink("elsewhere", scene.path("pop3-lock")).unwrap();
    let error = scene.maildir.lock().unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }));
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert!(!scene.path("elsewhere").exists());
}

// Conformance: M-MD-12
#[test]
fn files_that_a_dead_delivery_left_are_removed_after_36_hours() {
    let scene = Scene::new();
    for name in ["tmp/old", "tmp/young", "cur/1.a:2,"] {
        scene.put(name, b"half a mess");
    }
    age(&scene.path("tmp/old"), 37);
    age(&scene.path("tmp/young"), 35);
    age(&scene.path("cur/1.a:2,"), 1000);
    drop(scene.lock());
    assert_eq!(scene.names("tmp"), ["young"]);
    assert_eq!(scene.names("cur"), ["1.a:2,"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Conformance: A-67, M-MD-17, S-1939-12
    #[test]
    fn the_listed_size_is_what_is_sent(messages in prop::collection::vec(
        prop::collection::vec(
            prop_oneof![2 => Just(b'.'), 2 => Just(b'\r'), 3 => Just(b'\n'), 2 => Just(b'a'), 1 => any::<u8>()],
            0..200,
        ),
        1..6,
    )) {
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let scene = Scene::with(&slices);
        let open = scene.lock();
        for (at, size) in sizes(&open).into_iter().enumerate() {
            let stored = text(&open, at + 1).unwrap();
            prop_assert_eq!(&stored, &messages[at]);
            let (mut encoder, mut wire) = (BodyEncoder::whole(), Vec::new());
            for slice in encoder.encode(&stored) {
                wire.extend_from_slice(slice);
            }
            wire.extend_from_slice(encoder.finish());
            // Only lines begin with a stuffed dot, and the last line is the termination line.
            let lines = wire.split(|octet| *octet == b'\n').scan(b'\r', |before, line| {
                let is_line = *before == b'\r';
                *before = line.last().copied().unwrap_or(b'\n');
                Some(is_line && line.starts_with(b"."))
            });
            let stuffed = lines.filter(|is_stuffed| *is_stuffed).count() - 1;
            prop_assert_eq!(wire.len() - 3 - stuffed, usize::try_from(size).unwrap());
        }
    }
}
