use super::{super::journal::Entry, *};

fn listed(number: u32, unique_id: &str, size: u64) -> Listed {
    let unique_id = ListedUniqueId::new(unique_id.as_bytes().to_vec()).ok();
    Listed { number: MessageNumber::new(number).unwrap(), size, unique_id }
}

fn journal(entries: &[(&str, u64, State)]) -> Journal {
    let entries = entries.iter().enumerate().map(|(index, (unique_id, size, state))| Entry {
        name: format!("{index}.host"),
        unique_id: ListedUniqueId::new(unique_id.as_bytes().to_vec()).ok(),
        size: *size,
        state: *state,
        absent_since: None,
        digest: None,
        is_confirmed: false,
        octets: None,
    });
    Journal::of(entries)
}

const KEEP: Mode = Mode { deletes: false, fetches_all: false };
const DELETE: Mode = Mode { deletes: true, fetches_all: false };

fn numbers(listed: &[Listed]) -> Vec<u32> {
    listed.iter().map(|listed| listed.number.value()).collect()
}

// Conformance: C-1939-11, C-REL-03
#[test]
fn unique_ids_decide_and_numbers_do_not() {
    let journal = journal(&[("a", 10, State::Whole), ("b", 20, State::Whole)]);
    let now = vec![listed(1, "b", 20), listed(2, "c", 30), listed(3, "a", 10)];
    let keep = plan(now.clone(), &journal, KEEP, &HashSet::new());
    assert_eq!((numbers(&keep.fetch), numbers(&keep.delete), keep.known), (vec![2], vec![], 2));
    let delete = plan(now.clone(), &journal, DELETE, &HashSet::new());
    assert_eq!((numbers(&delete.fetch), numbers(&delete.delete)), (vec![2], vec![1, 3]));
    let all = plan(now, &journal, Mode { deletes: false, fetches_all: true }, &HashSet::new());
    assert_eq!(numbers(&all.fetch), [1, 2, 3]);
}

// Conformance: C-1939-10
#[test]
fn copies_with_one_unique_id_are_each_fetched_and_none_is_removed_unfetched() {
    let known = journal(&[("a", 10, State::Whole)]);
    let now = vec![listed(1, "a", 10), listed(2, "a", 10), listed(3, "a", 99)];
    for (mode, deleted) in [(KEEP, vec![]), (DELETE, vec![1])] {
        let plan = plan(now.clone(), &known, mode, &HashSet::new());
        assert_eq!((numbers(&plan.fetch), numbers(&plan.delete)), (vec![2, 3], deleted));
    }
    let both = journal(&[("a", 10, State::Whole), ("a", 10, State::Whole), ("a", 99, State::Whole)]);
    assert_eq!(plan(now, &both, KEEP, &HashSet::new()).fetch, []);
}

#[test]
fn a_size_that_has_changed_means_a_fetch_before_a_removal() {
    let journal = journal(&[("a", 10, State::Whole), ("b", 20, State::Removed)]);
    let now = vec![listed(1, "a", 11), listed(2, "b", 21)];
    // Kept: some servers count anew. Removed and there again with another size: a unique-id given twice.
    assert_eq!(numbers(&plan(now.clone(), &journal, KEEP, &HashSet::new()).fetch), [2]);
    let delete = plan(now, &journal, DELETE, &HashSet::new());
    assert_eq!((numbers(&delete.fetch), numbers(&delete.delete)), (vec![1, 2], vec![]));
}

// Conformance: C-1939-10
#[test]
fn a_unique_id_given_again_after_a_removal_is_another_message_whatever_its_size() {
    // RFC 1939 section 7 forbids to give it again only as long as its message exists.
    let journal =
        journal(&[("1", 500, State::Removed), ("2", 500, State::Removed), ("2", 500, State::Whole)]);
    let now = vec![listed(1, "1", 500), listed(2, "2", 500)];
    let keep = plan(now.clone(), &journal, KEEP, &HashSet::new());
    assert_eq!((numbers(&keep.fetch), keep.known), (vec![1], 1));
    let delete = plan(now, &journal, DELETE, &HashSet::new());
    assert_eq!((numbers(&delete.fetch), numbers(&delete.delete)), (vec![1], vec![2]));
}

#[test]
fn what_came_short_is_fetched_once_more_and_never_removed() {
    let now = vec![listed(1, "a", 10_000)];
    let first = journal(&[("a", 10_000, State::Short)]);
    for mode in [KEEP, DELETE] {
        let again = plan(now.clone(), &first, mode, &HashSet::new());
        assert_eq!((numbers(&again.fetch), again.known), (vec![1], 0));
        assert!(again.delete.is_empty() && again.left.is_empty() && again.claimed.is_empty());
    }
    let entries = first.all().cloned().map(|entry| Entry { is_confirmed: true, ..entry });
    let confirmed = Journal::of(entries.collect::<Vec<_>>());
    assert_eq!(plan(now.clone(), &confirmed, KEEP, &HashSet::new()).known, 1);
    let delete = plan(now, &confirmed, DELETE, &HashSet::new());
    assert_eq!(delete.left.len(), 1);
    assert!(delete.fetch.is_empty() && delete.delete.is_empty());
}

// Conformance: C-REL-07
#[test]
fn without_a_unique_id_a_message_is_fetched_only_where_it_is_also_removed() {
    let none = Listed { number: MessageNumber::FIRST, size: 1, unique_id: None };
    let known = journal(&[]);
    assert_eq!(
        plan(vec![none.clone()], &known, KEEP, &HashSet::new()).left,
        [(none.clone(), Why::NoUniqueId)]
    );
    assert_eq!(plan(vec![none.clone()], &known, DELETE, &HashSet::new()).fetch, [none]);
}

#[test]
fn what_broke_a_session_comes_last() {
    let mut known = journal(&[]);
    known.failed(&ListedUniqueId::new(&b"a"[..]).unwrap());
    let plan =
        plan(vec![listed(1, "a", 1), listed(2, "b", 1), listed(3, "c", 1)], &known, KEEP, &HashSet::new());
    assert_eq!(numbers(&plan.fetch), [2, 3, 1]);
}
