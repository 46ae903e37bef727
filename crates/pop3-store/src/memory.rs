//! Maildrops in memory: for tests, and for programs that bring their own messages.

use std::{
    collections::HashMap,
    io::{self, Cursor},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pop3_proto::{
    body::OctetCounter,
    server::{Deletions, Maildrop, MessageInfo, Retrieved},
    types::{MessageNumber, UniqueId},
};

use crate::{OpenError, OpenMaildrop, ReadError, Store, UpdateError};

/// Users and their messages, in memory. A clone shares them.
///
/// ```
/// use pop3_store::memory::MemoryStore;
///
/// let store = MemoryStore::new();
/// store.add_user("alice");
/// let unique_id = store.deliver("alice", *b"Subject: hi\r\n\r\n")?;
/// assert_eq!(store.messages("alice")[0].unique_id, unique_id);
/// assert!(!store.is_open("alice"));
/// # Ok::<(), pop3_store::OpenError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    users: HashMap<Box<str>, User>,
    /// Deliveries so far. Unique-ids are made of it, so none comes twice.
    deliveries: u64,
}

#[derive(Debug, Default)]
struct User {
    messages: Vec<Message>,
    is_open: bool,
}

/// A message in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What UIDL lists. RFC 1939 section 7.
    pub unique_id: UniqueId<'static>,
    /// The octets as they were delivered.
    pub octets: Arc<[u8]>,
    /// Whether it was retrieved in a session that ended with QUIT.
    pub is_seen: bool,
}

impl MemoryStore {
    /// A store without users.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a user an empty maildrop, unless there is one.
    pub fn add_user(&self, user: &str) {
        self.shared().users.entry(user.into()).or_default();
    }

    /// Adds a message at the end of a maildrop, also while it is open: the session that has it open does
    /// not see it. Line ends may be LF or CRLF.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when there is no such user.
    pub fn deliver(&self, user: &str, message: impl Into<Arc<[u8]>>) -> Result<UniqueId<'static>, OpenError> {
        let mut shared = self.shared();
        shared.deliveries += 1;
        let number = shared.deliveries;
        let unique_id = UniqueId::new(format!("memory-{number}")).map_err(|_| OpenError::UnsafeName)?;
        deliver_as(&mut shared, user, unique_id.clone(), message.into())?;
        Ok(unique_id)
    }

    /// As [`deliver`](Self::deliver), with a unique-id of your own.
    ///
    /// That it belongs to no other message of the maildrop is yours to see to.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when there is no such user.
    pub fn deliver_as(
        &self,
        user: &str,
        unique_id: UniqueId<'static>,
        message: impl Into<Arc<[u8]>>,
    ) -> Result<(), OpenError> {
        deliver_as(&mut self.shared(), user, unique_id, message.into())
    }

    /// Takes a message away, as another program with access to the mail would; false when there is none.
    pub fn remove(&self, user: &str, unique_id: &UniqueId<'_>) -> bool {
        let mut shared = self.shared();
        let Some(user) = shared.users.get_mut(user) else { return false };
        let before = user.messages.len();
        user.messages.retain(|message| message.unique_id != *unique_id);
        user.messages.len() != before
    }

    /// The messages of a user as they are now; none when there is no such user.
    #[must_use]
    pub fn messages(&self, user: &str) -> Vec<Message> {
        self.shared().users.get(user).map(|user| user.messages.clone()).unwrap_or_default()
    }

    /// Whether a session has the maildrop of this user open.
    #[must_use]
    pub fn is_open(&self, user: &str) -> bool {
        self.shared().users.get(user).is_some_and(|user| user.is_open)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // No change is made in more than one step, so a panic of another thread leaves nothing half-done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deliver_as(
    shared: &mut Shared,
    user: &str,
    unique_id: UniqueId<'static>,
    octets: Arc<[u8]>,
) -> Result<(), OpenError> {
    let found = shared.users.get_mut(user).ok_or_else(|| missing(user))?;
    found.messages.push(Message { unique_id, octets, is_seen: false });
    Ok(())
}

fn missing(user: &str) -> OpenError {
    // A name with controls in it has no place in a text for humans.
    let name: String = user.chars().flat_map(char::escape_default).collect();
    OpenError::Missing { path: format!("memory:{name}").into() }
}

impl Store for MemoryStore {
    type Maildrop = OpenMemory;

    fn open(&self, user: &str) -> Result<OpenMemory, OpenError> {
        let mut shared = self.shared();
        let found = shared.users.get_mut(user).ok_or_else(|| missing(user))?;
        if found.is_open {
            return Err(OpenError::InUse);
        }
        found.is_open = true;
        let messages = found.messages.clone();
        let maildrop = messages.iter().map(info).collect();
        Ok(OpenMemory { store: self.clone(), user: user.into(), messages, maildrop })
    }
}

/// What the protocol says about a message.
fn info(message: &Message) -> MessageInfo {
    let mut counter = OctetCounter::new();
    counter.update(&message.octets);
    MessageInfo { size: counter.finish(), unique_id: message.unique_id.clone() }
}

/// A maildrop in memory under its exclusive-access lock.
#[derive(Debug)]
pub struct OpenMemory {
    store: MemoryStore,
    user: Box<str>,
    /// As they were when the lock was taken.
    messages: Vec<Message>,
    maildrop: Maildrop,
}

impl OpenMemory {
    fn unique_id(&self, number: MessageNumber) -> Option<&UniqueId<'static>> {
        self.messages.get(number.index()).map(|message| &message.unique_id)
    }
}

impl OpenMaildrop for OpenMemory {
    type Body = Cursor<Arc<[u8]>>;

    fn maildrop(&self) -> Maildrop {
        self.maildrop.clone()
    }

    fn read(&self, number: MessageNumber) -> Result<Self::Body, ReadError> {
        let unique_id = self.unique_id(number).ok_or(ReadError::Gone)?;
        let shared = self.store.shared();
        let user = shared.users.get(&self.user).ok_or(ReadError::Gone)?;
        let message = user.messages.iter().find(|message| message.unique_id == *unique_id);
        message.map(|message| Cursor::new(Arc::clone(&message.octets))).ok_or(ReadError::Gone)
    }

    fn update(self, deletions: &Deletions, retrieved: &Retrieved) -> Result<(), UpdateError> {
        let ids = |numbers: &[MessageNumber]| -> Vec<&UniqueId<'static>> {
            let mut ids: Vec<_> = numbers.iter().filter_map(|number| self.unique_id(*number)).collect();
            ids.sort_unstable();
            ids
        };
        let (marked, seen) = (ids(deletions.numbers()), ids(retrieved.numbers()));
        let mut shared = self.store.shared();
        let Some(user) = shared.users.get_mut(&self.user) else {
            return Err(UpdateError::Io {
                action: "update",
                path: format!("memory:{}", self.user).into(),
                source: io::ErrorKind::NotFound.into(),
            });
        };
        user.messages.retain(|message| marked.binary_search(&&message.unique_id).is_err());
        for message in &mut user.messages {
            message.is_seen |= seen.binary_search(&&message.unique_id).is_ok();
        }
        drop(shared);
        Ok(())
    }
}

impl Drop for OpenMemory {
    fn drop(&mut self) {
        if let Some(user) = self.store.shared().users.get_mut(&self.user) {
            user.is_open = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use pop3_proto::types::Octets;

    use super::*;
    use crate::test_session::marks;

    fn store() -> MemoryStore {
        let store = MemoryStore::new();
        store.add_user("alice");
        for message in ["one\n", "two\r\n", "three"] {
            store.deliver("alice", message.as_bytes()).unwrap();
        }
        store
    }

    fn text(open: &OpenMemory, number: u32) -> Result<String, ReadError> {
        let mut text = String::new();
        open.read(MessageNumber::new(number).unwrap())?.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    // Conformance: S-1939-16, S-1939-18, S-1939-50
    #[test]
    fn update_removes_what_is_marked_and_nothing_else() {
        let store = store();
        let open = store.open("alice").unwrap();
        let before = store.messages("alice");
        let (deletions, retrieved) = marks(open.maildrop(), "RETR 1\nDELE 2\nTOP 3 0");
        open.update(&deletions, &retrieved).unwrap();
        let after = store.messages("alice");
        assert_eq!(
            after.iter().map(|message| &*message.octets).collect::<Vec<_>>(),
            [&b"one\n"[..], b"three"]
        );
        assert_eq!(after.iter().map(|message| message.is_seen).collect::<Vec<_>>(), [true, false]);
        assert!(!store.is_open("alice"));
        let again = store.deliver("alice", *b"two\r\n").unwrap();
        assert!(before.iter().all(|message| message.unique_id != again));
    }

    // Conformance: S-1939-07, S-1939-10, S-1939-11, S-1939-12, S-1939-19, A-32, A-34
    #[test]
    fn a_session_sees_its_snapshot_alone() {
        let store = store();
        let open = store.open("alice").unwrap();
        assert!(matches!(store.open("alice"), Err(OpenError::InUse)));
        let maildrop = open.maildrop();
        assert_eq!(
            maildrop.messages().iter().map(|info| info.size).collect::<Vec<_>>(),
            [5, 5, 7].map(Octets)
        );
        store.deliver("alice", *b"four").unwrap();
        assert!(store.remove("alice", &maildrop.messages()[1].unique_id));
        assert_eq!(text(&open, 1).unwrap(), "one\n");
        assert!(matches!(text(&open, 2), Err(ReadError::Gone)));
        assert_eq!(text(&open, 3).unwrap(), "three");
        assert!(matches!(text(&open, 4), Err(ReadError::Gone)));
        drop(open);
        assert_eq!(store.open("alice").unwrap().maildrop().messages().len(), 3);
    }

    // Conformance: A-22
    #[test]
    fn a_missing_user_is_named_safely() {
        let error = MemoryStore::new().open("a\nb").unwrap_err();
        assert!(error.to_string().contains("memory:a\\nb"), "{error}");
    }
}
