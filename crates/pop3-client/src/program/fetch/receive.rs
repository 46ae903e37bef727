//! The messages themselves: from the server into the spool, in batches.

use std::io::{self, Write};

use pop3_client::{
    Error, Transaction,
    blocking::{Message, Session},
};
use pop3_store::maildir::Delivery;
use tracing::warn;

use super::{Run, journal::State, line_ends::LfWriter, plan::Listed, progress::Progress, spool::Received};
use crate::program::exit::{Exit, Failure};

/// Messages that are made durable together; each holds an open file until then.
const BATCH: usize = 64;
/// Octets that are made durable together, as nearly as messages allow.
const BATCH_OCTETS: u64 = 32 << 20;

/// Fetches these messages, and gives those that may be removed from the server.
///
/// Whatever goes wrong, what was received in full before is stored.
pub(super) fn receive(
    run: &mut Run<'_>,
    session: &mut Session<Transaction>,
    wanted: &[Listed],
) -> Result<Vec<Listed>, Failure> {
    let mut batch = Batch::default();
    let mut deletable = Vec::new();
    let received = receive_all(run, session, wanted, &mut batch, &mut deletable);
    let stored = batch.store(run);
    received.and(stored).map(|()| deletable)
}

/// Messages that are received and not yet durable.
#[derive(Default)]
struct Batch {
    received: Vec<Received>,
    octets: u64,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.received.len() >= BATCH || self.octets >= BATCH_OCTETS
    }

    fn store(&mut self, run: &mut Run<'_>) -> Result<(), Failure> {
        let received = std::mem::take(&mut self.received);
        let count = u64::try_from(received.len()).unwrap_or(u64::MAX);
        run.spool.store(received)?;
        run.fetched += count;
        run.octets += std::mem::take(&mut self.octets);
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
                note_failure(run, listed)?;
                return Err(lost(&error));
            }
        };
        let message = match retrieved.message {
            Ok(message) => message,
            Err(error) => {
                run.failed += 1;
                progress.suspend(|| warn!("message {} was not fetched: {error}", listed.number));
                continue;
            }
        };
        let (delivery, octets) = match store(run, message, &progress) {
            Ok(done) => done,
            Err(Broken::Disk(failure)) => return Err(failure),
            Err(Broken::Session(error)) => {
                note_failure(run, listed)?;
                return Err(lost(&error));
            }
            Err(Broken::TooLarge) => {
                note_failure(run, listed)?;
                return Err(too_large(listed, run.arguments.max_octets));
            }
        };
        let state = state(listed, octets);
        let (unique_id, size) = (listed.unique_id.clone(), listed.size);
        batch.received.push(Received { delivery, unique_id, size, state });
        batch.octets += octets;
        progress.message_done(octets, listed.size);
        match state {
            State::Short => {
                run.failed += 1;
                let why = super::plan::Why::Short;
                progress.suspend(|| warn!("message {} {why}", listed.number));
            }
            _ => deletable.push(listed.clone()),
        }
        if batch.is_full() {
            batch.store(run)?;
        }
    }
    Ok(())
}

/// Next time this message comes last, lest it keep the others from being fetched for ever.
fn note_failure(run: &mut Run<'_>, listed: &Listed) -> Result<(), Failure> {
    listed.unique_id.as_ref().map_or(Ok(()), |unique_id| run.spool.note_failure(unique_id))
}

/// Sizes are hints, but half a message is suspicious: somebody on the way may have cut it.
fn state(listed: &Listed, octets: u64) -> State {
    const SMALL: u64 = 4096;
    if listed.size > SMALL && octets < listed.size / 2 { State::Short } else { State::Whole }
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

/// Receives one message; gives its file and the octets that came.
fn store(run: &Run<'_>, message: Message<'_>, progress: &Progress) -> Result<(Delivery, u64), Broken> {
    let delivery = run.spool.start().map_err(Broken::Disk)?;
    let mut sink = match run.arguments.crlf {
        true => Sink::Wire(delivery),
        false => Sink::Lf(LfWriter::new(delivery)),
    };
    let mut disk = None;
    let mut left = Some(run.arguments.max_octets);
    let received = message.for_each_chunk(|chunk| {
        progress.octets(chunk.len());
        left = left.and_then(|left| left.checked_sub(u64::try_from(chunk.len()).ok()?));
        if left.is_none() {
            return Err(io::ErrorKind::Other.into());
        }
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
        (None, Ok(octets)) => Ok((sink.finish().map_err(cannot_store)?, octets)),
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
