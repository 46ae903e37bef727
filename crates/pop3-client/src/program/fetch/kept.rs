//! Messages that the server said it had removed, and still lists.

use std::{collections::HashSet, io::Read as _};

use pop3_client::{Error, Transaction, blocking::Session, proto::types::MessageNumber};
use tracing::{debug, warn};

use super::{
    Run,
    journal::{Entry, State},
    plan::Listed,
};
use crate::program::exit::Failure;

/// Octets of a header that are compared; a longer one is not known again.
const MAX_HEADER: u64 = 256 << 10;

/// Finds them by unique-id and size, and makes sure by their headers: a server that gives unique-ids away again
/// may have another message there, and that one was never fetched. Gives those that are the same.
pub(super) fn find(
    run: &mut Run<'_>,
    session: &mut Session<Transaction>,
    listed: &[Listed],
) -> Result<HashSet<MessageNumber>, Failure> {
    let mut candidates: Vec<(MessageNumber, Entry)> = Vec::new();
    for message in listed {
        let Some(unique_id) = &message.unique_id else { continue };
        let mut known = run.spool.journal().entries(unique_id).filter(|entry| entry.size == message.size);
        let removed = known.clone().find(|entry| entry.state == State::Removed);
        if let Some(entry) = removed
            && !known.any(|entry| entry.is_kept() || entry.state != State::Removed)
        {
            candidates.push((message.number, entry.clone()));
        }
    }
    if candidates.is_empty() {
        return Ok(HashSet::new());
    }
    let headers = headers(run, session, candidates.iter().map(|(number, _)| *number).collect())?;
    let (mut same, mut noted) = (HashSet::new(), Vec::new());
    for ((number, entry), header) in candidates.into_iter().zip(headers) {
        if header.is_some() && header == stored_header(run, &entry) {
            same.insert(number);
            noted.push(Entry { is_confirmed: true, ..entry });
        }
    }
    if !same.is_empty() {
        warn_of(run, same.len());
        run.spool.note(noted)?;
    }
    Ok(same)
}

/// Said once for each message.
pub(super) fn warn_of(run: &Run<'_>, count: usize) {
    warn!(
        "{} still lists {count} of the messages that it said it had removed; they are not stored again, and this is \
         not said again for them",
        run.options.host
    );
}

/// The header of each message; `None` where the server has no TOP or refuses it. Without the header the message is
/// fetched, and known by its content.
fn headers(
    run: &Run<'_>,
    session: &mut Session<Transaction>,
    numbers: Vec<MessageNumber>,
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let failed =
        |error: Error| Failure::server(run.options, "looking at messages that should be removed", &error);
    let mut headers = Vec::with_capacity(numbers.len());
    let mut retrievals = session.top_many(numbers, 0).map_err(failed)?;
    while let Some(retrieved) = retrievals.next().map_err(failed)? {
        headers.push(match retrieved.message {
            Ok(message) => {
                let mut header = Vec::new();
                message.take(MAX_HEADER).read_to_end(&mut header).map_err(|error| failed(error.into()))?;
                header_of(&header)
            }
            Err(error) => {
                debug!(number = %retrieved.number, %error, "no header");
                None
            }
        });
    }
    Ok(headers)
}

/// Of the message as it is stored, if its file is still there.
fn stored_header(run: &Run<'_>, entry: &Entry) -> Option<Vec<u8>> {
    let file = run.spool.find(&entry.name)?;
    let mut start = Vec::new();
    file.take(MAX_HEADER).read_to_end(&mut start).ok()?;
    header_of(&start)
}

/// The lines before the first empty one, without their ends; `None` where the header does not end.
fn header_of(message: &[u8]) -> Option<Vec<u8>> {
    let mut header = Vec::new();
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\n")?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Some(header);
        }
        header.extend_from_slice(line);
        header.push(b'\n');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_compared_without_line_ends() {
        let header = Some(b"a: b\n c\n".to_vec());
        assert_eq!(header_of(b"a: b\r\n c\r\n\r\nbody"), header);
        assert_eq!(header_of(b"a: b\n c\n\nother"), header);
        assert_eq!(header_of(b"\nbody"), Some(Vec::new()));
        for cut in [&b""[..], b"a: b", b"a: b\n", b"a: b\r\n c"] {
            assert_eq!(header_of(cut), None);
        }
    }
}
