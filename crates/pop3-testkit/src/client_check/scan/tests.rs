use super::*;
use mail::message;

fn found(octets: &[u8]) -> Found {
    let mut found = Found::default();
    found.add(octets);
    found
}

fn with_lf(message: &[u8]) -> Vec<u8> {
    message.iter().copied().filter(|octet| *octet != b'\r').collect()
}

const ONE: Copies = Copies { complete: 1, partial: 0, damaged: 0, wrong_dots: 0 };

#[test]
fn a_message_is_found_with_either_line_end() {
    for mark in 1..=8 {
        let message = message(mark);
        assert_eq!(found(&message).copies(mark), ONE);
        assert_eq!(found(&with_lf(&message)).copies(mark), ONE);
    }
}

#[test]
fn wherever_a_message_is_cut_in_its_body_it_is_a_partial_copy() {
    let message = message(2);
    let begin = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let first_line = message[begin..].iter().position(|octet| *octet == b'\n').unwrap() + begin;
    let last_line = message[..message.len() - 2].iter().rposition(|octet| *octet == b'\n').unwrap();
    for end in (first_line..last_line).step_by(61) {
        let copies = found(&message[..end]).copies(2);
        assert_eq!((copies.complete, copies.partial, copies.damaged), (0, 1, 0), "cut at {end}");
    }
}

#[test]
fn an_mbox_holds_several_messages_and_quotes_from() {
    let mut mbox = Vec::new();
    for mark in [1, 2, 3, 2] {
        mbox.extend_from_slice(b"From checker@example.org Mon Jan  2 03:04:05 2023\n");
        for line in with_lf(&message(mark)).split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b"From ") {
                mbox.push(b'>');
            }
            mbox.extend_from_slice(line);
        }
        mbox.push(b'\n');
    }
    let found = found(&mbox);
    assert_eq!(found.copies(1), ONE);
    assert_eq!(found.copies(2), Copies { complete: 2, ..Copies::default() });
    assert_eq!(found.copies(3), ONE);
    assert_eq!(found.marks().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_partial_copy_before_a_whole_one_in_the_same_file_is_counted() {
    let whole = message(2);
    let mut mbox = whole[..1500].to_vec();
    mbox.extend_from_slice(b"\r\nFrom someone\r\n");
    mbox.extend_from_slice(&whole);
    assert_eq!(found(&mbox).copies(2), Copies { complete: 1, partial: 1, ..Copies::default() });
}

#[test]
fn dots_that_were_not_unstuffed_or_unstuffed_twice_are_seen() {
    let text = String::from_utf8(message(4)).unwrap();
    let wrong = Copies { wrong_dots: 1, ..Copies::default() };
    let stuffed = text.replace("\r\n.", "\r\n..");
    assert_eq!(found(stuffed.as_bytes()).copies(4), wrong);
    let twice_unstuffed = text.replace("\r\n.@", "\r\n@");
    assert_eq!(found(twice_unstuffed.as_bytes()).copies(4), wrong);
    let without_lone_dot = text.replace("\r\n.\r\n", "\r\n");
    assert_eq!(found(without_lone_dot.as_bytes()).copies(4), wrong);
}

#[test]
fn a_missing_or_changed_line_is_damage() {
    let text = String::from_utf8(message(2)).unwrap();
    let damaged = Copies { damaged: 1, ..Copies::default() };
    let changed = text.replacen("brown", "green", 1);
    assert_eq!(found(changed.as_bytes()).copies(2), damaged);
    let at = text.find("line 2 11").unwrap();
    let (start, end) = (text[..at].rfind('\n').unwrap(), at + text[at..].find('\n').unwrap());
    let missing = [&text[..start], &text[end..]].concat();
    assert_eq!(found(missing.as_bytes()).copies(2), damaged);
}

#[test]
fn the_rest_of_one_message_in_another_is_damage() {
    let lines = |mark| -> Vec<Vec<u8>> {
        message(mark).split_inclusive(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (second, third) = (lines(2), lines(3));
    let mixed = [&second[..20], &third[100..110], &second[20..]].concat().concat();
    let found = found(&mixed);
    assert_eq!(found.copies(2).complete, 0);
    assert_eq!(found.copies(2).damaged, 1);
}

#[test]
fn the_end_of_a_message_alone_is_one_partial_copy() {
    let message = message(2);
    assert_eq!(found(&message[2000..]).copies(2), Copies { partial: 1, ..Copies::default() });
}

#[test]
fn other_files_hold_nothing() {
    assert_eq!(found(b"Subject: test message 3\n\nnothing of it\n...\n"), Found::default());
}

#[test]
fn what_is_in_tmp_is_not_delivered() {
    let directory = tempfile::tempdir().unwrap();
    for (path, mark) in [("tmp/a", 1), ("new/b", 2), ("cur/deep/er/c", 3)] {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, message(mark)).unwrap();
    }
    let found = Found::read_directory(directory.path()).unwrap();
    assert_eq!(found.marks().collect::<Vec<_>>(), [2, 3]);
}
