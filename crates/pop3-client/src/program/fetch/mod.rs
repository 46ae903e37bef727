//! `fetch`: messages into a Maildir, so that no crash, kill or lost connection loses or doubles one.
//!
//! The order is what does it (see [`spool`]): on the disk, in the journal, in `new`; and only then DELE,
//! and QUIT.

mod account;
mod batch;
mod content;
mod directory;
mod journal;
mod kept;
mod line_ends;
mod plan;
mod progress;
mod receive;
mod sizes;
mod spool;

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write as _},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use indicatif::HumanBytes;
use pop3_client::{
    Error, Login, Options, Transaction,
    blocking::Session,
    proto::{
        client::PeerMisbehaved,
        types::{Capability, Expire, ListedUniqueId, MessageNumber},
    },
};
use tracing::{debug, info, warn};

use super::{
    arguments::Fetch,
    connect::{self, Opened},
    exit::{Exit, Failure},
    interrupt, privileges,
};
use account::Account;
use content::Unclaimed;
use plan::{Listed, Plan};
use spool::Spool;

pub(super) fn run(arguments: &Fetch) -> Result<Exit, Failure> {
    if let Err(error) = interrupt::turn_file_size_limit_into_errors() {
        debug!(%error, "a limit on the size of files ends the program");
    }
    let began = Instant::now();
    let mut options = connect::options(&arguments.account.connection)?;
    options.max_message = arguments.max_octets;
    let login = connect::login(&arguments.account)?;
    let account = Account::new(&options.host, options.port, login.name());
    connect::read_roots(&mut options)?;
    privileges::become_owner(&arguments.maildir)?;
    account::adopt_spelling(&arguments.maildir, &account)?;
    // What an interrupted run left is finished whether the server can be reached or not. Where there was
    // no run before, nothing is made until it can.
    let known = Spool::is_in(&arguments.maildir, &account);
    let opened = known.then(|| Spool::open(&arguments.maildir, &account)).transpose()?;
    if opened.as_ref().is_some_and(Spool::is_without_capa) {
        options.asks_capabilities = false;
    }
    let Opened { mut session, is_without_capa } = connect::open_maildrop(&options, &login)?;
    if !known {
        account::take_over(&arguments.maildir, &account, &options, &mut session)?;
    }
    let mut spool = opened.map_or_else(|| Spool::open(&arguments.maildir, &account), Ok)?;
    if is_without_capa {
        spool.note_without_capa();
        options.asks_capabilities = false;
    }
    watch_for_signals(&session);
    let mut run = Run {
        arguments,
        options: &options,
        began,
        spool: &mut spool,
        fetched: 0,
        octets: 0,
        recognised: 0,
        removed: 0,
        unconfirmed: 0,
        failed: 0,
    };
    // What was stored and removed is said last, however the run ends.
    let exit = run.sessions(session, &login).unwrap_or_else(|failure| {
        let failure = if interrupt::received().is_some() { interrupted() } else { failure };
        failure.say();
        failure.exit
    });
    if exit != Exit::Done || !arguments.quiet {
        run.report();
    }
    if let Some(signal) = interrupt::received().filter(|_| exit != Exit::Done) {
        interrupt::end_program(signal);
    }
    Ok(exit)
}

fn watch_for_signals(session: &Session<Transaction>) {
    if let Err(error) = interrupt::end_connection_on_signal(session.stream().transport().socket()) {
        // Then a signal ends the program at once, which loses nothing either.
        debug!(%error, "signals are not watched for");
    }
}

fn interrupted() -> Failure {
    Failure::new(
        Exit::TryLater,
        "interrupted; messages received in full are stored, and the next run fetches the rest",
    )
}

/// Which session of a run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    /// For the messages that broke a session in an earlier run.
    Second,
}

/// What came of a session before the server is told to remove anything.
struct Fetched {
    /// What may be removed from the server now.
    deletable: Vec<Listed>,
    /// How many messages wait for the second session.
    waiting: u64,
}

/// One run, and what came of it so far.
struct Run<'a> {
    arguments: &'a Fetch,
    options: &'a Options,
    began: Instant,
    spool: &'a mut Spool,
    fetched: u64,
    octets: u64,
    /// Messages that came, and that were stored before.
    recognised: u64,
    /// Messages that the server said it has removed.
    removed: usize,
    /// Messages that the server was asked to remove, without an answer.
    unconfirmed: usize,
    /// Messages that could not be fetched or marked.
    failed: u64,
}

impl Run<'_> {
    /// Everything that is said to the server.
    fn sessions(&mut self, mut session: Session<Transaction>, login: &Login) -> Result<Exit, Failure> {
        let Fetched { deletable, waiting } = self.fetch(&mut session, Turn::First)?;
        let mut exit = self.finish(session, &deletable)?;
        if waiting > 0 && matches!(exit, Exit::Done | Exit::Partial) {
            // All is listed anew, and so is what failed counted anew.
            let failed = std::mem::take(&mut self.failed);
            let fetched = self.fetch_waiting(login);
            if fetched.is_err() {
                self.failed = failed + waiting;
            }
            exit = fetched?;
        }
        self.note_gone(exit)?;
        Ok(exit)
    }

    /// Fetches what is new.
    fn fetch(&mut self, session: &mut Session<Transaction>, turn: Turn) -> Result<Fetched, Failure> {
        let listed = self.listed(session)?;
        self.warn_of_renumbering(&listed);
        let still_there = match self.arguments.all {
            true => HashSet::new(),
            false => kept::find(self, session, &listed)?,
        };
        let mode = plan::Mode { deletes: self.arguments.delete, fetches_all: self.arguments.all };
        let Plan { mut fetch, mut delete, known, left, claimed } =
            plan::plan(listed, self.spool.journal(), mode, &still_there);
        for (listed, why) in &left {
            self.failed += 1;
            warn!("message {} {why}", listed.number);
        }
        let waiting = match turn {
            Turn::First if self.arguments.delete => self.set_apart(&mut fetch, &delete),
            Turn::First | Turn::Second => 0,
        };
        info!(new = fetch.len(), known, still_there = still_there.len(), "messages");
        if !self.arguments.delete && !fetch.is_empty() {
            self.warn_of_expiry(session)?;
        }
        let unclaimed = match self.arguments.all {
            true => Unclaimed::default(),
            false => Unclaimed::of(self.spool.journal(), |name| claimed.contains(name)),
        };
        let received = receive::receive(self, session, &fetch, unclaimed)?;
        if self.arguments.delete {
            delete.extend(received);
        }
        Ok(Fetched { deletable: delete, waiting })
    }

    /// Takes out the messages that broke a session before, and says how many. If they break this one too,
    /// the server is never told to remove anything; so they get a session of their own, unless there is
    /// nothing else to do.
    fn set_apart(&self, fetch: &mut Vec<Listed>, delete: &[Listed]) -> u64 {
        let journal = self.spool.journal();
        let breaks = |listed: &Listed| listed.unique_id.as_ref().is_some_and(|id| journal.has_failed(id));
        let waiting = fetch.iter().filter(|listed| breaks(listed)).count();
        if waiting == fetch.len() && delete.is_empty() {
            return 0;
        }
        fetch.retain(|listed| !breaks(listed));
        u64::try_from(waiting).unwrap_or(u64::MAX)
    }

    /// The second session.
    fn fetch_waiting(&mut self, login: &Login) -> Result<Exit, Failure> {
        if interrupt::received().is_some() {
            return Err(interrupted());
        }
        let Some(options) = connect::in_time_left(self.options, self.began) else {
            return Err(Failure::new(
                Exit::TryLater,
                "the time for everything (--deadline) is over; the next run fetches the rest",
            ));
        };
        let Opened { mut session, .. } = connect::open_maildrop(&options, login)?;
        watch_for_signals(&session);
        let Fetched { deletable, .. } = self.fetch(&mut session, Turn::Second)?;
        self.finish(session, &deletable)
    }

    /// Who leaves mail on the server should know when it will be gone. RFC 2449 section 6.7.
    fn warn_of_expiry(&self, session: &mut Session<Transaction>) -> Result<(), Failure> {
        let capabilities = session
            .capabilities()
            .map_err(|error| Failure::server(self.options, "asking for capabilities (CAPA)", &error))?;
        for capability in capabilities {
            match capability {
                Capability::Expire(Expire::Days(0)) => {
                    warn!("the server may remove messages once they are fetched (EXPIRE 0)");
                }
                Capability::Expire(Expire::Days(days) | Expire::PerUser(days)) => {
                    warn!("the server removes messages after {days} days (EXPIRE)");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Every message with its size and unique-id, joined by number. RFC 1939 sections 5 and 7.
    fn listed(&mut self, session: &mut Session<Transaction>) -> Result<Vec<Listed>, Failure> {
        let failed = |error: Error| Failure::server(self.options, "listing the messages", &error);
        // LIST has it all where STAT is refused, or says no numbers.
        let count = match session.stat() {
            Ok(listing) => Some(listing.count),
            Err(Error::Refused { .. } | Error::Peer(PeerMisbehaved::MalformedListing { .. })) => None,
            Err(error) => return Err(failed(error)),
        };
        if count == Some(0) {
            return Ok(Vec::new());
        }
        let sizes = session.list().map_err(failed)?;
        let count = count.unwrap_or_else(|| u32::try_from(sizes.len()).unwrap_or(u32::MAX));
        let mut unique_ids = match session.uidl() {
            Ok(listings) => listings.into_iter().map(|line| (line.number, line.unique_id)).collect(),
            Err(error @ Error::Refused { .. }) => self.without_unique_ids(session, error)?,
            Err(error) => return Err(failed(error)),
        };
        let listed = sizes.into_iter().map(|line| Listed {
            number: line.number,
            size: line.size.0,
            unique_id: unique_ids.remove(&line.number),
        });
        let mut listed: Vec<Listed> = listed.collect();
        // Where LIST says nothing that makes sense, the message is there all the same.
        unique_ids.retain(|number, _| number.value() <= count);
        let unsized_ones = unique_ids.into_iter();
        listed.extend(unsized_ones.map(|(number, id)| Listed { number, size: 0, unique_id: Some(id) }));
        listed.sort_by_key(|listed| listed.number);
        let missing = u64::from(count).saturating_sub(u64::try_from(listed.len()).unwrap_or(u64::MAX));
        if missing > 0 {
            self.failed = self.failed.saturating_add(missing);
            warn!(
                "the server counts {count} messages and lists {}; the others were not fetched",
                listed.len()
            );
        }
        self.spool.note_listing(&listed, today())?;
        Ok(listed)
    }

    /// What can be done with a server that has no unique-ids.
    fn without_unique_ids(
        &self,
        session: &mut Session<Transaction>,
        error: Error,
    ) -> Result<HashMap<MessageNumber, ListedUniqueId<'static>>, Failure> {
        let failed = |error: Error| Failure::server(self.options, "listing the messages", &error);
        let is_announced = session.capabilities().map_err(failed)?.contains(&Capability::Uidl);
        if is_announced {
            let text = failed(error).text;
            return Err(Failure::new(
                Exit::TryLater,
                format_args!("{text}; it has unique-ids at other times, try again later"),
            ));
        }
        if !self.arguments.all && !self.arguments.delete {
            return Err(Failure::new(
                Exit::Unavailable,
                format_args!(
                    "{} port {} has no unique-ids (UIDL), so new messages cannot be told from fetched ones; \
                     fetch with --delete, or with --all to fetch everything each time",
                    self.options.host, self.options.port
                ),
            ));
        }
        warn!(
            "the server has no unique-ids: messages that were stored before are known by their content only"
        );
        Ok(HashMap::new())
    }

    /// When every unique-id is new, it is the server that has changed, not the mail.
    fn warn_of_renumbering(&self, listed: &[Listed]) {
        const MANY: usize = 10;
        let journal = self.spool.journal();
        let is_any_known =
            listed.iter().filter_map(|listed| listed.unique_id.as_ref()).any(|id| journal.is_known(id));
        if !is_any_known && listed.len() >= MANY && journal.kept() >= MANY {
            warn!(
                "none of the {} unique-ids on {} is known, though {} messages were fetched from there and left: \
                 the server seems to have given its messages new ones, and all are fetched again; those of the \
                 same content are not stored again",
                listed.len(),
                self.options.host,
                journal.kept()
            );
        }
    }

    /// Sends DELE for the stored messages, then QUIT.
    fn finish(&mut self, mut session: Session<Transaction>, deletable: &[Listed]) -> Result<Exit, Failure> {
        let failed = |error: Error| Failure::server(self.options, "removing messages", &error);
        let numbers = deletable.iter().map(|listed| listed.number);
        let refused = session.dele_many(numbers).map_err(failed)?;
        for (number, response) in &refused {
            self.failed += 1;
            warn!("the server did not mark message {number} as deleted: {response}");
        }
        let quit = session.quit();
        let is_refused = |listed: &&Listed| refused.iter().any(|(number, _)| *number == listed.number);
        let marked: Vec<&Listed> = deletable.iter().filter(|listed| !is_refused(listed)).collect();
        let exit = match quit {
            Ok(()) => {
                self.spool.note_removed(&marked)?;
                self.removed += marked.len();
                if self.failed > 0 { Exit::Partial } else { Exit::Done }
            }
            // Nothing was asked to be removed, and everything is stored.
            Err(error) if marked.is_empty() => {
                info!(%error, "the server did not confirm QUIT");
                if self.failed > 0 { Exit::Partial } else { Exit::Done }
            }
            Err(error) => {
                let text = failed(error).text;
                warn!("{text}; whether the server removed the messages is unknown, the next run will see");
                self.unconfirmed += marked.len();
                Exit::RemovalUnknown
            }
        };
        Ok(exit)
    }

    /// Where messages had changed their unique-ids, those that came again are known under the new ones by
    /// now. What is left over was removed by somebody else; a second message of the same content is to be
    /// stored from here on.
    fn note_gone(&mut self, exit: Exit) -> Result<(), Failure> {
        match exit {
            Exit::Done if !self.arguments.all => self.spool.note_gone(),
            _ => Ok(()),
        }
    }

    /// Says what was done. Where stdout takes nothing it goes to stderr, and the exit code stays that of the
    /// mail.
    fn report(&self) {
        let text = self.summary();
        if let Err(error) = writeln!(io::stdout(), "{text}") {
            warn!("{text} (cannot write this to the output: {error})");
        }
    }

    fn summary(&self) -> String {
        let (fetched, octets) = (self.fetched, HumanBytes(self.octets));
        let messages = if fetched == 1 { "message" } else { "messages" };
        let maildir = self.arguments.maildir.display();
        let mut text = format!("fetched {fetched} {messages} ({octets}) into {maildir}");
        if self.recognised > 0 {
            text.push_str(&format!("; stored before: {}", self.recognised));
        }
        if self.arguments.delete {
            text.push_str(&format!("; removed {} from {}", self.removed, self.options.host));
            if self.unconfirmed > 0 {
                text.push_str(&format!(" (unknown for {} more)", self.unconfirmed));
            }
        }
        if self.failed > 0 {
            text.push_str(&format!("; left on the server: {}", self.failed));
        }
        text
    }
}

/// Days since 1970.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400
}
