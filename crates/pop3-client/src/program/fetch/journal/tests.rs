use pop3_client::proto::types::MessageNumber;

use super::{super::content::Digester, *};

fn id(id: &[u8]) -> ListedUniqueId<'static> {
    ListedUniqueId::new(id.to_vec()).unwrap()
}

fn entry(name: &str, unique_id: &[u8]) -> Entry {
    Entry {
        name: name.to_owned(),
        unique_id: Some(id(unique_id)),
        size: 7,
        state: State::Whole,
        absent_since: None,
        digest: None,
        is_confirmed: false,
        octets: None,
    }
}

fn digest(content: &[u8]) -> Digest {
    let mut digester = Digester::default();
    digester.take(content);
    digester.finish()
}

fn account() -> Account {
    Account::new("pop.example.org", 995, "alice")
}

fn parse(text: &[u8]) -> (Journal, usize) {
    Journal::parse(text, &account()).unwrap()
}

// Conformance: C-REL-01, A-81
#[test]
fn what_is_written_is_read() {
    let odd: [&[u8]; 5] = [b"plain", b"../../etc/passwd", b"-", b"% \xff", b"+ W 7 - x y 0"];
    let mut journal = Journal::of(odd.iter().enumerate().map(|(index, id)| entry(&index.to_string(), id)));
    journal.remove("2");
    journal.failed(&id(b"broken one"));
    let text = journal.text(&account());
    let (read, good) = parse(text.as_bytes());
    assert_eq!(good, text.len());
    assert_eq!(read.entries, journal.entries);
    assert_eq!(read.entries[2].state, State::Removed);
    assert!(read.has_failed(&id(b"broken one")));
    assert!(text.lines().skip(1).all(|line| !line.contains("..%2F..") || line.starts_with("+ ")));
}

// Conformance: C-REL-01
#[test]
fn a_write_that_was_cut_anywhere_loses_only_itself() {
    let first = Journal::of([entry("1.h", b"a")]).text(&account());
    let whole = format!("{first}{}", entry("2.h", b"b").line());
    for cut in 0..whole.len() {
        let (journal, good) = parse(&whole.as_bytes()[..cut]);
        let expected = if cut >= first.len() { first.len() } else { good };
        assert_eq!(good, expected, "{cut}");
        assert_eq!(journal.is_known(&id(b"a")), cut >= first.len());
        assert!(!journal.is_known(&id(b"b")));
    }
    // A disk that gave room before it gave content.
    let torn = [whole.as_bytes(), &[0; 30], b"\n"].concat();
    assert_eq!(parse(&torn).1, whole.len());
}

#[test]
fn what_came_is_noted_and_need_not_be() {
    let mut short = Entry { state: State::Short, ..entry("1.h", b"a") };
    // A line as it was before there were digests.
    let old = line("+ S 7 - 1.h a");
    let text = format!("{}{old}", header(&account()));
    assert_eq!(parse(text.as_bytes()).0.entries, [short.clone()]);
    short.digest = Some(digest(b"x"));
    for (is_confirmed, octets) in [(false, None), (true, None), (false, Some(0)), (true, Some(6))] {
        (short.is_confirmed, short.octets) = (is_confirmed, octets);
        let text = Journal::of([short.clone()]).text(&account());
        assert_eq!(parse(text.as_bytes()).0.entries, [short.clone()]);
    }
    let wrong = format!("{}{}{}", header(&account()), line("+ S 7 - 1.h a 12"), entry("2.h", b"b").line());
    assert_eq!(Journal::parse(wrong.as_bytes(), &account()).unwrap_err(), Damage::Line(2));
}

// Conformance: C-REL-05
#[test]
fn a_stored_message_with_another_unique_id_is_one_message() {
    let mut journal = Journal::of([Entry { digest: Some(digest(b"x")), ..entry("1.h", b"old") }]);
    journal.add(Entry { digest: Some(digest(b"x")), ..entry("1.h", b"new") });
    let (mut journal, _) = parse(journal.text(&account()).as_bytes());
    assert_eq!(journal.all().filter(|entry| entry.state == State::Whole).count(), 1);
    assert_eq!(journal.all().filter(|entry| entry.digest.is_some()).count(), 1);
    assert_eq!(journal.entries(&id(b"new")).next().unwrap().state, State::Whole);
    journal.remove("1.h");
    assert_eq!(journal.kept(), 0);
}

#[test]
fn without_a_unique_id_a_content_is_remembered_and_only_once() {
    let without = |name: &str, digest| Entry { unique_id: None, digest, ..entry(name, b"-") };
    let mut journal = Journal::of([
        without("1", None),
        without("2", Some(digest(b"x"))),
        without("3", Some(digest(b"x"))),
        without("4", Some(digest(b"y"))),
        Entry { state: State::Removed, ..without("5", Some(digest(b"z"))) },
    ]);
    assert!(journal.note_listing(&[], 100));
    assert_eq!(
        journal.entries_without_id().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
        ["2", "4", "5"]
    );
    assert!(!journal.note_listing(&[], 101));
    // A run that stored everything shows that it is gone.
    let gone = journal.gone();
    assert_eq!(gone.len(), 3);
    gone.into_iter().for_each(|entry| journal.add(entry));
    assert!(journal.note_listing(&[], 102));
    assert_eq!(journal.all().filter(|entry| entry.digest.is_some()).count(), 0);
}

#[test]
fn damage_in_the_middle_is_said_and_not_guessed_at() {
    let text = Journal::of([entry("1.h", b"a"), entry("2.h", b"b")]).text(&account());
    let damaged = text.replacen("1.h", "7.h", 1);
    assert_eq!(Journal::parse(damaged.as_bytes(), &account()).unwrap_err(), Damage::Line(2));
    let other = Account::new("pop.example.org", 995, "bob");
    assert_eq!(Journal::parse(text.as_bytes(), &other).unwrap_err(), Damage::Header);
}

// Conformance: C-REL-04
#[test]
fn what_is_not_listed_is_forgotten_late_and_what_was_removed_at_once() {
    let mut journal = Journal::of([entry("1", b"kept"), entry("2", b"removed"), entry("3", b"listed")]);
    journal.remove("2");
    let listed = [Listed { number: MessageNumber::FIRST, size: 7, unique_id: Some(id(b"listed")) }];
    assert!(journal.note_listing(&listed, 100));
    assert!(journal.is_known(&id(b"kept")) && journal.is_known(&id(b"listed")));
    assert!(!journal.is_known(&id(b"removed")));
    assert!(!journal.note_listing(&listed, 130));
    assert!(journal.is_known(&id(b"kept")));
    assert!(journal.note_listing(&listed, 131));
    assert!(!journal.is_known(&id(b"kept")));
    assert!(journal.is_known(&id(b"listed")));
}

#[test]
fn every_account_has_a_directory_of_its_own() {
    let account = |user: &str, host: &str| Account::new(host, 995, user).directory();
    assert_eq!(account("alice", "pop.example.org"), "alice@pop.example.org_995");
    assert_eq!(account("..", "::1"), "..@%3A%3A1_995");
    assert_eq!(account("a/b c", "h"), "a%2Fb%20c@h_995");
    let long = account(&"x".repeat(300), "h");
    assert!(long.len() < 255);
    assert_ne!(long, account(&"x".repeat(301), "h"));
}
