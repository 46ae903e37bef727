//! The messages themselves: from the server into the spool, in batches.

use std::io::{self, Write};

use pop3_client::{
    Error, Transaction,
    blocking::{Message, Session},
    proto::client::PeerMisbehaved,
};
use pop3_store::maildir::Delivery;
use tracing::warn;

use super::{
    Run,
    content::{Digest, Digester, Unclaimed},
    journal::{Entry, State},
    line_ends::LfWriter,
    plan::{Listed, Why},
    progress::Progress,
    sizes::{Extent, Sizes},
    spool::{Received, Recognised},
};
use crate::program::exit::{Exit, Failure};

/// Messages that are made durable together; each holds an open file until then.
const BATCH: usize = 64;
/// Octets that are made durable together, as nearly as messages allow.
const BATCH_OCTETS: u64 = 32 << 20;

/// Fetches these messages, and gives those that may be removed from the server.
///
/// Whatever goes wrong, what was received in full before is stored. What is stored already, as the content
/// says, is not stored again.
pub(super) fn receive(
    run: &mut Run<'_>,
    session: &mut Session<Transaction>,
    wanted: &[Listed],
    unclaimed: Unclaimed,
) -> Result<Vec<Listed>, Failure> {
    let sizes = run.spool.sizes();
    let mut batch = Batch { unclaimed, sizes, are_loose: sizes.are_loose(), ..Batch::default() };
    let mut deletable = Vec::new();
    let received = receive_all(run, session, wanted, &mut batch, &mut deletable)
        .and_then(|()| confirm(run, session, &mut batch));
    let stored = batch.store(run);
    received.and(stored)?;
    settle(run, batch, &mut deletable)?;
    Ok(deletable)
}

/// Only now is it known how the server's sizes are. Where they are loose, what came shorter is whole, and
/// need not be fetched again.
fn settle(run: &mut Run<'_>, batch: Batch, deletable: &mut Vec<Listed>) -> Result<(), Failure> {
    let Batch { sizes, doubted, .. } = batch;
    run.spool.note_sizes(sizes);
    if sizes.are_loose() {
        run.spool.accept(&doubted)?;
        deletable.extend(doubted.into_iter().map(|(listed, _)| listed));
        return Ok(());
    }
    for (listed, _) in doubted {
        run.failed += 1;
        warn!("message {} {}", listed.number, Why::Shorter);
    }
    Ok(())
}

/// Messages that are received and not yet durable.
#[derive(Default)]
struct Batch {
    received: Vec<Received>,
    /// Of the received ones, those of another size than the server said, by their place.
    odd: Vec<usize>,
    recognised: Vec<Recognised>,
    octets: u64,
    unclaimed: Unclaimed,
    /// How the server's sizes are, this session's included.
    sizes: Sizes,
    /// Whether they were known to be loose before this session.
    are_loose: bool,
    /// What came shorter than listed, as it is stored; whether it is whole is settled when all have come.
    doubted: Vec<(Listed, Digest)>,
    /// The last message was of another size than the server said.
    is_last_odd: bool,
}

/// What to make of a message that came.
enum Verdict {
    Whole,
    /// The end of the session will tell.
    Doubted,
    MuchShorter,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.received.len() >= BATCH || self.recognised.len() >= BATCH || self.octets >= BATCH_OCTETS
    }

    fn store(&mut self, run: &mut Run<'_>) -> Result<(), Failure> {
        let received = std::mem::take(&mut self.received);
        let count = u64::try_from(received.len()).unwrap_or(u64::MAX);
        self.odd.clear();
        run.spool.store(received)?;
        run.fetched += count;
        run.octets += std::mem::take(&mut self.octets);
        let recognised = std::mem::take(&mut self.recognised);
        run.recognised += u64::try_from(recognised.len()).unwrap_or(u64::MAX);
        run.spool.note_recognised(recognised)
    }

    /// Takes up a message that came in full.
    fn add(&mut self, run: &Run<'_>, listed: &Listed, arrived: Arrived) -> Verdict {
        let Arrived { delivery, octets, digest } = arrived;
        let (unique_id, size) = (listed.unique_id.clone(), listed.size);
        let before = run.spool.journal().short(listed);
        if before.is_none() {
            self.sizes.note(size, octets);
        }
        self.is_last_odd = octets != size;
        let stored = self.unclaimed.take(unique_id.as_ref(), &digest);
        // Cut twice at the same octet is less likely than listed wrong. Other messages may be cut to the same
        // octets, to none for one.
        let is_same_again = before.is_some_and(|entry| entry.digest == Some(digest))
            || stored.as_ref().is_some_and(|entry| entry.unique_id == unique_id || entry.size == size);
        let verdict = match Extent::of(size, octets) {
            Extent::Full => Verdict::Whole,
            Extent::Shorter if is_same_again || self.are_loose => Verdict::Whole,
            Extent::Shorter => Verdict::Doubted,
            Extent::MuchShorter => Verdict::MuchShorter,
        };
        let state = if matches!(verdict, Verdict::Whole) { State::Whole } else { State::Short };
        let noted = (state == State::Short).then_some(octets);
        if let Some(stored) = stored {
            let supersedes = before.map(|entry| entry.name.clone()).filter(|name| *name != stored.name);
            let is_confirmed = is_same_again && state == State::Short;
            let entry =
                Entry { unique_id, size, state, absent_since: None, is_confirmed, octets: noted, ..stored };
            self.recognised.push(Recognised { entry, octets, supersedes });
            self.doubt(&verdict, listed, digest);
            return verdict;
        }
        if let Some(fuller) = before.filter(|entry| entry.octets.is_some_and(|before| octets <= before))
            && octets < size
            && !run.arguments.all
        {
            // Cut once more, and no later: what is stored is the better part, and dropping this one removes it.
            if state == State::Whole {
                let entry = Entry { state, is_confirmed: false, octets: None, ..fuller.clone() };
                self.recognised.push(Recognised { entry, octets, supersedes: None });
            }
            self.doubt(&verdict, listed, fuller.digest.unwrap_or(digest));
            return verdict;
        }
        if octets != size {
            self.odd.push(self.received.len());
        }
        let supersedes = before.map(|entry| entry.name.clone());
        self.received.push(Received { delivery, unique_id, size, octets, state, digest, supersedes });
        self.octets += octets;
        self.doubt(&verdict, listed, digest);
        verdict
    }

    fn doubt(&mut self, verdict: &Verdict, listed: &Listed, digest: Digest) {
        if matches!(verdict, Verdict::Doubted) {
            self.doubted.push((listed.clone(), digest));
        }
    }

    /// The server and this client no longer agreed where a message ends. Messages of another size than the
    /// server said may be parts of messages, or several in one: they are fetched again, after the others.
    /// Those that were before, and are no better, are stored; but the server is to keep them.
    fn distrust(&mut self, run: &mut Run<'_>) -> Result<(), Failure> {
        for index in std::mem::take(&mut self.odd).into_iter().rev() {
            let Some(received) = self.received.get_mut(index) else { continue };
            match received.unique_id.clone() {
                Some(unique_id) if !run.spool.journal().has_failed(&unique_id) => {
                    self.received.remove(index);
                    run.spool.note_failure(&unique_id)?;
                }
                _ => received.state = State::Short,
            }
        }
        for Recognised { entry, octets, .. } in &mut self.recognised {
            if *octets != entry.size {
                (entry.state, entry.is_confirmed, entry.octets) = (State::Short, false, Some(*octets));
            }
        }
        Ok(())
    }
}

fn receive_all(
    run: &mut Run<'_>,
    session: &mut Session<Transaction>,
    wanted: &[Listed],
    batch: &mut Batch,
    deletable: &mut Vec<Listed>,
) -> Result<(), Failure> {
    let options = run.options;
    let lost = |error: &Error| Failure::server(options, error);
    let progress = Progress::new(wanted);
    let numbers = wanted.iter().map(|listed| listed.number);
    let mut retrievals = session.retr_many(numbers).map_err(|error| lost(&error))?;
    for listed in wanted {
        let retrieved = match retrievals.next() {
            Ok(Some(retrieved)) => retrieved,
            Ok(None) => break,
            Err(error) => {
                if !is_mere_loss(&error) {
                    batch.distrust(run)?;
                }
                note_failure(run, listed)?;
                return Err(lost(&error));
            }
        };
        // Only now, as this response shows that the message before it has ended where it seemed to.
        if batch.is_full() {
            batch.store(run)?;
        }
        let message = match retrieved.message {
            Ok(message) => message,
            Err(error) => {
                run.failed += 1;
                progress.suspend(|| warn!("message {} was not fetched: {error}", listed.number));
                continue;
            }
        };
        let arrived = match store(run, message, &progress) {
            Ok(arrived) => arrived,
            Err(Broken::Disk(failure)) => return Err(failure),
            Err(Broken::Session(error)) => {
                if !is_mere_loss(&error) {
                    batch.distrust(run)?;
                }
                note_failure(run, listed)?;
                return Err(lost(&error));
            }
            Err(Broken::TooLarge) => {
                note_failure(run, listed)?;
                return Err(too_large(listed, run.arguments.max_octets));
            }
        };
        progress.message_done(arrived.octets, listed.size);
        match batch.add(run, listed, arrived) {
            Verdict::Whole => deletable.push(listed.clone()),
            Verdict::Doubted => {}
            Verdict::MuchShorter => {
                run.failed += 1;
                progress.suspend(|| warn!("message {} {}", listed.number, Why::MuchShorter));
            }
        }
    }
    Ok(())
}

/// Where a message is of another size than the server said, a response that is one shows that it has ended
/// where it seemed to. Behind every other message comes the response to the next command; behind the last,
/// what the server sends of it may still be on its way.
fn confirm(run: &mut Run<'_>, session: &mut Session<Transaction>, batch: &mut Batch) -> Result<(), Failure> {
    if batch.odd.is_empty() && !batch.is_last_odd {
        return Ok(());
    }
    match session.noop() {
        Ok(()) | Err(Error::Refused { .. }) => Ok(()),
        Err(error) => {
            if !is_mere_loss(&error) {
                batch.distrust(run)?;
            }
            Err(Failure::server(run.options, &error))
        }
    }
}

/// Whether the connection was lost and everything before it can be trusted.
fn is_mere_loss(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        Error::Peer(misbehaved) => matches!(misbehaved, PeerMisbehaved::UnexpectedEof),
        _ => false,
    }
}

/// Next time this message comes last, lest it keep the others from being fetched for ever.
fn note_failure(run: &mut Run<'_>, listed: &Listed) -> Result<(), Failure> {
    listed.unique_id.as_ref().map_or(Ok(()), |unique_id| run.spool.note_failure(unique_id))
}

enum Broken {
    Disk(Failure),
    Session(Error),
    /// The message has more octets than are wanted of one; it may never end.
    TooLarge,
}

fn too_large(listed: &Listed, max: u64) -> Failure {
    let number = listed.number;
    let text = format!(
        "message {number} has more than {max} octets and was given up, and with it what comes after it; \
         the next run takes the others first, and --max-octets lets it pass"
    );
    Failure::new(Exit::Partial, text)
}

/// A message that came in full.
struct Arrived {
    delivery: Delivery,
    octets: u64,
    digest: Digest,
}

/// Receives one message.
fn store(run: &Run<'_>, message: Message<'_>, progress: &Progress) -> Result<Arrived, Broken> {
    let delivery = run.spool.start().map_err(Broken::Disk)?;
    let mut sink = match run.arguments.crlf {
        true => Sink::Wire(delivery),
        false => Sink::Lf(LfWriter::new(delivery)),
    };
    let mut digester = Digester::default();
    let mut disk = None;
    let mut left = Some(run.arguments.max_octets);
    let received = message.for_each_chunk(|chunk| {
        progress.octets(chunk.len());
        left = left.and_then(|left| left.checked_sub(u64::try_from(chunk.len()).ok()?));
        if left.is_none() {
            return Err(io::ErrorKind::Other.into());
        }
        digester.take(chunk);
        sink.take(chunk).map_err(|error| {
            disk = Some(error);
            io::ErrorKind::Other.into()
        })
    });
    let cannot_store = |error: io::Error| {
        // The store has said what and where, and that nothing of it was delivered.
        let text = error
            .into_inner()
            .map_or_else(|| "cannot write the message".to_owned(), |inner| inner.to_string());
        Broken::Disk(Failure::new(Exit::CannotStore, text))
    };
    match (disk, received) {
        _ if left.is_none() => Err(Broken::TooLarge),
        (Some(error), _) => Err(cannot_store(error)),
        (None, Err(error)) => Err(Broken::Session(error.into())),
        (None, Ok(octets)) => {
            let delivery = sink.finish().map_err(cannot_store)?;
            Ok(Arrived { delivery, octets, digest: digester.finish() })
        }
    }
}

enum Sink {
    Wire(Delivery),
    Lf(LfWriter<Delivery>),
}

impl Sink {
    fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Wire(delivery) => delivery.write_all(chunk),
            Self::Lf(writer) => writer.take(chunk),
        }
    }

    fn finish(self) -> io::Result<Delivery> {
        match self {
            Self::Wire(delivery) => Ok(delivery),
            Self::Lf(writer) => writer.finish(),
        }
    }
}
