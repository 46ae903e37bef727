use std::{collections::BTreeMap, fs};

use super::{super::content::Digester, *};

fn account() -> Account {
    Account::new("h", 995, "alice")
}

fn open(maildir: &Path) -> Spool {
    Spool::open(maildir, &account()).unwrap()
}

fn id(id: &str) -> ListedUniqueId<'static> {
    ListedUniqueId::new(id.as_bytes().to_vec()).unwrap()
}

fn receive(spool: &Spool, unique_id: &str) -> Received {
    let mut delivery = spool.start().unwrap();
    delivery.write_all(unique_id.as_bytes()).unwrap();
    let mut digester = Digester::default();
    digester.take(unique_id.as_bytes());
    let digest = digester.finish();
    Received {
        delivery,
        unique_id: Some(id(unique_id)),
        size: 1,
        octets: 1,
        state: State::Whole,
        digest,
        supersedes: None,
    }
}

/// What a mail program sees: contents, and how often.
fn seen(maildir: &Path) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for folder in ["new", "cur"] {
        for entry in fs::read_dir(maildir.join(folder)).unwrap() {
            *seen.entry(fs::read_to_string(entry.unwrap().path()).unwrap()).or_default() += 1;
        }
    }
    seen
}

/// Nothing is left of what was begun.
fn is_clean(spool: &Spool) -> bool {
    ["new", "tmp"].iter().all(|folder| spool.state.folder(folder).unwrap().names().unwrap().is_empty())
}

// Conformance: C-REL-01, C-1939-07, A-62
#[test]
fn killed_between_any_two_steps_nothing_is_lost_or_doubled() {
    for step in 0..=5 {
        let folder = tempfile::tempdir().unwrap();
        let maildir = folder.path().join("mail");
        let mut spool = open(&maildir);
        spool.store(vec![receive(&spool, "before")]).unwrap();
        let received = vec![receive(&spool, "a"), receive(&spool, "b")];
        match step {
            // Received, not flushed. Forgetting is dying: nothing is cleaned up.
            0 => std::mem::forget(received),
            // In the spool, not in the journal.
            1 => {
                let mut batch = Batch::new();
                received.into_iter().for_each(|received| batch.add(received.delivery));
                batch.commit().unwrap();
            }
            // In the journal, cut short.
            2 => {
                spool.stage(received).unwrap();
                let length = spool.file.metadata().unwrap().len();
                spool.file.set_len(length - 3).unwrap();
            }
            // In the journal.
            3 => drop(spool.stage(received).unwrap()),
            // One of the two is published.
            4 => {
                let names = spool.stage(received).unwrap();
                spool.staged.rename(&names[0], &spool.new, &names[0]).unwrap();
            }
            _ => spool.store(received).unwrap(),
        }
        drop(spool);
        let mut spool = open(&maildir);
        assert!(is_clean(&spool), "step {step}");
        // The next run fetches what the journal does not know.
        let again: Vec<_> = ["before", "a", "b"]
            .into_iter()
            .filter(|name| !spool.journal().is_known(&id(name)))
            .map(|name| receive(&spool, name))
            .collect();
        assert_eq!(again.len(), [2, 2, 1, 0, 0, 0][step], "step {step}");
        spool.store(again).unwrap();
        let expected = ["a", "b", "before"].map(|name| (name.to_owned(), 1));
        assert_eq!(seen(&maildir), BTreeMap::from(expected), "step {step}");
    }
}

// Conformance: C-REL-01
#[test]
fn a_message_that_a_power_failure_left_in_both_places_is_kept_once() {
    for folder in ["new", "cur"] {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = open(directory.path());
        let name = spool.stage(vec![receive(&spool, "a")]).unwrap().remove(0);
        let seen_name = if folder == "cur" { format!("{name}:2,S") } else { name.clone() };
        fs::copy(spool.staged.path().join(&name), directory.path().join(folder).join(seen_name)).unwrap();
        drop(spool);
        assert!(is_clean(&open(directory.path())));
        assert_eq!(seen(directory.path()).get("a"), Some(&1));
    }
}

#[test]
fn one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    let failure = Spool::open(folder.path(), &account()).unwrap_err();
    assert_eq!(failure.exit, Exit::TryLater);
    // Another account may.
    Spool::open(folder.path(), &Account::new("h", 110, "alice")).unwrap();
    drop(spool);
    open(folder.path());
}

#[test]
fn a_damaged_journal_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.store(vec![receive(&spool, "a"), receive(&spool, "b")]).unwrap();
    let path = spool.state.path().join("journal");
    drop(spool);
    let text = fs::read_to_string(&path).unwrap().replacen("+ W", "+ S", 1);
    fs::write(&path, text).unwrap();
    let failure = Spool::open(folder.path(), &account()).unwrap_err();
    assert!(failure.text.contains("journal is damaged in line 2"), "{}", failure.text);
}

// Conformance: C-REL-03, C-REL-04
#[test]
fn the_journal_outlives_its_own_renewal() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.store(vec![receive(&spool, "a"), receive(&spool, "b")]).unwrap();
    let listed = |name: &str| Listed {
        number: pop3_client::proto::types::MessageNumber::FIRST,
        size: 1,
        unique_id: Some(id(name)),
    };
    spool.note_removed(&[&listed("a")]).unwrap();
    spool.note_failure(&id("c")).unwrap();
    spool.note_listing(&[listed("b"), listed("c")], 5).unwrap();
    spool.store(vec![receive(&spool, "d")]).unwrap();
    drop(spool);
    let spool = open(folder.path());
    let known = ["a", "b", "c", "d"].map(|name| spool.journal().is_known(&id(name)));
    assert_eq!(known, [false, true, false, true]);
    assert!(spool.journal().has_failed(&id("c")));
}

// Conformance: C-REL-03, C-ROB-02
#[test]
fn what_was_doubted_and_is_accepted_is_accepted_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    let doubted = |spool: &Spool, name| Received { size: 5, state: State::Short, ..receive(spool, name) };
    let received = vec![doubted(&spool, "a"), doubted(&spool, "b")];
    let digest = received[0].digest;
    spool.store(received).unwrap();
    let number = pop3_client::proto::types::MessageNumber::FIRST;
    let listed = |name: &str| Listed { number, size: 5, unique_id: Some(id(name)) };
    assert_eq!(spool.journal().short(&listed("a")).unwrap().octets, Some(1));
    // What came of one message says nothing of another.
    spool.accept(&[(listed("a"), digest), (listed("b"), digest)]).unwrap();
    drop(spool);
    let spool = open(folder.path());
    assert_eq!(spool.journal().short(&listed("a")), None);
    assert_eq!(spool.journal().kept(), 2);
    assert!(spool.journal().short(&listed("b")).is_some());
}

#[test]
fn how_sizes_were_is_remembered_and_need_not_be() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    assert_eq!(spool.sizes(), Sizes::default());
    let mut sizes = Sizes::default();
    (0..3).for_each(|_| sizes.note(2, 1));
    spool.note_sizes(sizes);
    let path = spool.state.path().join(SIZES);
    drop(spool);
    let spool = open(folder.path());
    assert!(spool.sizes().are_loose());
    fs::write(&path, "12 3").unwrap();
    assert_eq!(spool.sizes(), Sizes::default());
}
