//! Whose maildrop, and which of those in a Maildir are the same under another name.

use std::{
    fmt,
    io::{self, Read as _},
    net::IpAddr,
    path::Path,
};

use pop3_client::{Error, Options, Transaction, blocking::Session};
use tracing::warn;

use super::{
    directory::Directory,
    journal::{self, Journal, State, checksum, escape, unescape},
    spool::{JOURNAL, take_lock},
};
use crate::program::exit::{Exit, Failure};

/// The folder of a Maildir that has a folder for each account.
const FOLDER: &str = "pop3-client";
/// Octets of a first line that are looked at.
const HEADER: u64 = 2048;

/// Whose maildrop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// In one spelling, see [`Account::new`].
    host: String,
    port: u16,
    user: String,
}

impl Account {
    /// Host names are the same in any case (RFC 3986 section 3.2.2) and with a dot at the end, addresses in any of
    /// their forms.
    pub(super) fn new(host: &str, port: u16, user: &str) -> Self {
        let host = match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().to_string(),
            Err(_) => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
        };
        Self { host, port, user: user.to_owned() }
    }

    /// As the first line of its journal has it.
    fn read(text: &str) -> Option<Self> {
        let (name, port) = text.rsplit_once(' ')?;
        let (user, host) = name.rsplit_once('@')?;
        let plain = |text: &str| String::from_utf8(unescape(text)?).ok();
        Some(Self::new(&plain(host)?, port.parse().ok()?, &plain(user)?))
    }

    /// Whether it is the same but perhaps for the port, which changes with `pop://` and `pops://`.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.host, &self.user) == (&other.host, &other.user)
    }

    /// The name of the account's directory: of letters, digits and a few signs, and never too long.
    pub(super) fn directory(&self) -> String {
        /// File names have at most 255 octets.
        const MAX: usize = 200;
        let name = self.to_string().replace(' ', "_");
        if name.len() <= MAX {
            return name;
        }
        let start: String = name.chars().take(MAX).collect();
        format!("{start}-{:016x}", checksum(name.as_bytes()))
    }

    /// Where that directory is in the Maildir.
    pub(super) fn path(&self) -> String {
        format!("{FOLDER}/{}", self.directory())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) = (escape(self.user.as_bytes()), escape(self.host.as_bytes()));
        write!(f, "{user}@{host} {}", self.port)
    }
}

/// The account that the first line of a journal names.
pub(super) fn of_journal(text: &[u8]) -> Option<Account> {
    let line = text.split(|octet| *octet == b'\n').next()?;
    Account::read(std::str::from_utf8(line.strip_prefix(journal::HEADER.as_bytes())?).ok()?)
}

/// An account that has a folder in the Maildir.
struct Other {
    account: Account,
    folder: String,
}

/// The folder of a Maildir that has a folder for each account, if it is there.
fn folders(maildir: &Path) -> Option<Directory> {
    Directory::open(maildir).and_then(|maildir| maildir.folder(FOLDER)).ok()
}

/// Accounts in these folders that are like this one.
fn alike(folders: &Directory, account: &Account) -> Vec<Other> {
    let read = |folder: String| {
        let mut start = Vec::new();
        let journal = folders.folder(&folder).ok()?.file(JOURNAL).ok()?;
        journal.take(HEADER).read_to_end(&mut start).ok()?;
        let other = of_journal(&start)?;
        (folder != account.directory() && other.is_like(account)).then_some(Other { account: other, folder })
    };
    folders.names().unwrap_or_default().into_iter().filter_map(read).collect()
}

/// Older versions took the host as it was typed: the folder of such a spelling becomes the account's.
pub(super) fn adopt_spelling(maildir: &Path, account: &Account) -> Result<(), Failure> {
    let Some(folders) = folders(maildir) else { return Ok(()) };
    if folders.contains(&account.directory()) {
        return Ok(());
    }
    match alike(&folders, account).into_iter().find(|other| other.account == *account) {
        Some(other) => rename(maildir, &folders, &other.folder, account),
        None => Ok(()),
    }
}

/// Before everything is fetched for an account that is new in this Maildir: the same user on the same host by another
/// port may be the same maildrop. Where the unique-ids and sizes that the server lists prove it, that account goes on
/// under its new name; where not, the user is warned.
pub(super) fn take_over(
    maildir: &Path,
    account: &Account,
    options: &Options,
    session: &mut Session<Transaction>,
) -> Result<(), Failure> {
    let Some(folders) = folders(maildir) else { return Ok(()) };
    let with_journal = |other: Other| {
        let text = folders.folder(&other.folder).ok()?.read(JOURNAL).ok()?;
        let (journal, _) = Journal::parse(&text, &other.account).ok()?;
        // Without mail that was left on the server there is nothing to go on with.
        (journal.kept() > 0).then_some((other, journal))
    };
    let others: Vec<_> = alike(&folders, account).into_iter().filter_map(with_journal).collect();
    if others.is_empty() {
        return Ok(());
    }
    let failed = |error: Error| Failure::server(options, "listing the messages", &error);
    let sizes = session.list().map_err(failed)?;
    let unique_ids = match session.uidl() {
        Ok(unique_ids) => unique_ids,
        Err(Error::Refused { .. }) => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    for (Other { account: other, folder }, journal) in others {
        let (mut same, mut different) = (0, 0);
        for listed in &unique_ids {
            let size = sizes.iter().find(|line| line.number == listed.number).map(|line| line.size.0);
            let mut stored = journal.entries(&listed.unique_id).filter(|entry| entry.state != State::Removed);
            let is_same = stored.any(|entry| Some(entry.size) == size);
            same += usize::from(is_same);
            different += usize::from(!is_same && journal.is_known(&listed.unique_id));
        }
        if same > 0 && different == 0 {
            warn!(
                "{account} is the account {other} of this Maildir by another port: {same} messages are known"
            );
            return rename(maildir, &folders, &folder, account);
        }
        warn!(
            "this Maildir has mail of {other}, which may be the same maildrop; nothing shows that it is, so all that \
             the server lists is fetched, what is stored already included"
        );
    }
    Ok(())
}

/// Gives an account its new name, in one step.
fn rename(maildir: &Path, folders: &Directory, folder: &str, account: &Account) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let (from, to) = (folders.path().join(folder), folders.path().join(account.directory()));
        Failure::new(
            Exit::CannotStore,
            format_args!("cannot rename {} to {}: {error}", from.display(), to.display()),
        )
    };
    let state = folders.folder(folder).map_err(failed)?;
    let _lock = take_lock(&state, maildir, account)?;
    let renamed = folders.rename(folder, folders, &account.directory());
    renamed.and_then(|()| folders.flush()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_has_one_name_however_its_host_is_spelled() {
        for spellings in [
            &["pop.example.org", "POP.Example.ORG", "pop.example.org."][..],
            &["::1", "0:0:0:0:0:0:0:1", "0000::0001"],
            &["192.0.2.1", "::ffff:192.0.2.1"],
            &["2001:db8::a", "2001:DB8:0::A"],
        ] {
            let accounts: Vec<_> = spellings.iter().map(|host| Account::new(host, 995, "Alice")).collect();
            assert!(accounts.iter().all(|account| *account == accounts[0]), "{accounts:?}");
        }
        assert_ne!(Account::new("h", 995, "alice"), Account::new("h", 995, "Alice"));
        assert_ne!(Account::new("h", 995, "alice"), Account::new("h", 110, "alice"));
        assert!(Account::new("H", 995, "alice").is_like(&Account::new("h", 110, "alice")));
    }

    #[test]
    fn what_a_journal_names_is_read_as_it_is_written() {
        for (host, user) in
            [("pop.example.org", "alice@example.org"), ("::1", "j\u{fc}rgen m"), ("h", "a%b@")]
        {
            let account = Account::new(host, 995, user);
            assert_eq!(of_journal(journal::header(&account).as_bytes()), Some(account));
        }
        for text in ["", "pop3-client journal 1 alice", "pop3-client journal 1 a@h x\n", "something else\n"] {
            assert_eq!(of_journal(text.as_bytes()), None, "{text}");
        }
    }
}
