//! Which messages to fetch, and which to remove, from what the server lists and what the journal knows.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use pop3_client::proto::types::{ListedUniqueId, MessageNumber};

use super::journal::{Entry, Journal, State};

/// A message as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) number: MessageNumber,
    /// In octets; a hint, but a server that changes it has changed the message.
    pub(super) size: u64,
    pub(super) unique_id: Option<ListedUniqueId<'static>>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) deletes: bool,
    pub(super) fetches_all: bool,
}

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// To be fetched, in this order.
    pub(super) fetch: Vec<Listed>,
    /// Stored by an earlier run, to be removed without being fetched again.
    pub(super) delete: Vec<Listed>,
    /// Messages that were fetched before.
    pub(super) known: usize,
    /// Neither fetched nor removed.
    pub(super) left: Vec<(Listed, Why)>,
    /// The files of the messages that were recognised.
    pub(super) claimed: HashSet<String>,
}

/// Why a message is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    NoUniqueId,
    /// Of a message that came as a small part of what is listed.
    MuchShorter,
    /// Of a message that came shorter than it is listed, on a server whose sizes are exact as far as is known.
    Shorter,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUniqueId => "has no unique-id and was not fetched; --all fetches it, each time",
            Self::MuchShorter => {
                "came much shorter than it is listed; what came is stored, and the message is left on the server"
            }
            Self::Shorter => {
                "came shorter than it is listed and may have been cut; what came is stored, the message is left \
                 on the server, and the next run fetches it once more"
            }
        })
    }
}

/// Decides for every message.
///
/// A unique-id that the journal knows means a message that was fetched. Two messages that bear one
/// unique-id are told apart by size, each entry of the journal standing for one of them (RFC 1939
/// section 7: copies). Before a message is removed that this run does not fetch, its size has to be the
/// one that was stored, so that a server that gives unique-ids away twice loses nothing.
///
/// What the server said it had removed and still lists is known again: those of `still_there`, which are marked once
/// more, and those that were marked twice, which are left alone.
pub(super) fn plan(
    listed: Vec<Listed>,
    journal: &Journal,
    mode: Mode,
    still_there: &HashSet<MessageNumber>,
) -> Plan {
    let mut plan = Plan::default();
    let mut copies: HashMap<ListedUniqueId<'static>, usize> = HashMap::new();
    for unique_id in listed.iter().filter_map(|listed| listed.unique_id.clone()) {
        *copies.entry(unique_id).or_default() += 1;
    }
    let mut claimed: HashMap<(ListedUniqueId<'static>, u64), usize> = HashMap::new();
    for listed in listed {
        let Some(unique_id) = &listed.unique_id else {
            match mode.deletes || mode.fetches_all {
                true => plan.fetch.push(listed),
                false => plan.left.push((listed, Why::NoUniqueId)),
            }
            continue;
        };
        let is_alone = copies.get(unique_id) == Some(&1);
        let is_kept = |entry: &&Entry| entry.is_kept() && entry.size == listed.size;
        let kept = journal.entries(unique_id).find(is_kept).map(|entry| entry.name.clone());
        if !mode.fetches_all
            && let Some(name) = kept
        {
            plan.claimed.insert(name);
            plan.known += 1;
            if mode.deletes && still_there.contains(&listed.number) {
                plan.delete.push(listed);
            }
            continue;
        }
        let claims = claimed.entry((unique_id.clone(), listed.size)).or_default();
        // What the server confirmed to have removed is gone: the unique-id may belong to another message by
        // now, of the same size too, and that one was never fetched.
        let stored = journal.entries(unique_id).filter(|entry| entry.state != State::Removed);
        let same_size = stored.filter(|entry| entry.size == listed.size).nth(*claims);
        *claims += 1;
        let known = same_size.or_else(|| {
            // Kept on the server, the unique-id alone says that it was fetched.
            let mut entries = journal.entries(unique_id);
            let is_stored = |entry: &&Entry| entry.state != State::Removed;
            (is_alone && !mode.deletes).then(|| entries.find(is_stored)).flatten()
        });
        match known {
            Some(entry) if !mode.fetches_all => {
                if entry.state == State::Short && !entry.is_confirmed {
                    // Once more: it may have been an accident.
                    plan.fetch.push(listed);
                    continue;
                }
                plan.claimed.insert(entry.name.clone());
                match entry.state {
                    State::Short if mode.deletes => plan.left.push((listed, Why::MuchShorter)),
                    _ => {
                        plan.known += 1;
                        if mode.deletes {
                            plan.delete.push(listed);
                        }
                    }
                }
            }
            _ => plan.fetch.push(listed),
        }
    }
    // What broke a session before comes last, so that it keeps nothing else from being fetched.
    plan.fetch.sort_by_key(|listed| listed.unique_id.as_ref().is_some_and(|id| journal.has_failed(id)));
    plan
}

#[cfg(test)]
mod tests;
