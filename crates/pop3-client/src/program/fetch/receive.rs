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
    batch::{self, Arrived, Batch, Verdict},
    content::{Digester, Unclaimed},
    kept,
    line_ends::LfWriter,
    plan::{Listed, Why},
    progress::Progress,
};
use crate::program::exit::{Exit, Failure};

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
    let most = batch::most_messages();
    let mut batch = Batch { most, unclaimed, sizes, are_loose: sizes.are_loose(), ..Batch::default() };
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
    let Batch { sizes, doubted, still_there, .. } = batch;
    if still_there > 0 {
        kept::warn_of(run, still_there);
    }
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

fn receive_all(
    run: &mut Run<'_>,
    session: &mut Session<Transaction>,
    wanted: &[Listed],
    batch: &mut Batch,
    deletable: &mut Vec<Listed>,
) -> Result<(), Failure> {
    let options = run.options;
    let lost = |listed: Option<&Listed>, error: &Error| match listed {
        Some(listed) => Failure::server(options, format_args!("fetching message {}", listed.number), error),
        None => Failure::server(options, "beginning to fetch", error),
    };
    let progress = Progress::new(wanted, run.arguments.quiet);
    let numbers = wanted.iter().map(|listed| listed.number);
    let mut retrievals = session.retr_many(numbers).map_err(|error| lost(None, &error))?;
    for listed in wanted {
        let retrieved = match retrievals.next() {
            Ok(Some(retrieved)) => retrieved,
            Ok(None) => break,
            Err(error) => {
                if !is_mere_loss(&error) {
                    batch.distrust(run)?;
                }
                note_failure(run, listed)?;
                return Err(lost(Some(listed), &error));
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
            Err(Broken::Session(Error::Peer(PeerMisbehaved::MessageTooLarge { limit }))) => {
                note_failure(run, listed)?;
                return Err(too_large(listed, limit));
            }
            Err(Broken::Session(error)) => {
                if !is_mere_loss(&error) {
                    batch.distrust(run)?;
                }
                note_failure(run, listed)?;
                return Err(lost(Some(listed), &error));
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
            Err(Failure::server(run.options, "after the last message", &error))
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
}

fn too_large(listed: &Listed, max: u64) -> Failure {
    let number = listed.number;
    let text = format!(
        "message {number} has more than {max} octets and was given up, and with it what comes after it; \
         the next run takes the others first, and --max-octets lets it pass"
    );
    Failure::new(Exit::Partial, text)
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
    let received = message.for_each_chunk(|chunk| {
        progress.octets(chunk.len());
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
