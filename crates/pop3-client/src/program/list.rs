//! `list`: what is in the maildrop.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
};

use pop3_client::{
    Error, Transaction,
    blocking::Session,
    proto::types::{MessageNumber, ScanListing},
};
use serde::Serialize;
use tracing::{debug, info};

use super::{
    arguments::List,
    connect,
    exit::{Exit, Failure},
    headers::{self, Headers},
};

/// Octets of a header that are looked at; the rest is skipped.
const MAX_HEADER: u64 = 256 << 10;

/// A line of the list.
#[derive(Debug, Serialize)]
struct Line {
    number: u32,
    octets: u64,
    unique_id: Option<String>,
    #[serde(flatten)]
    headers: Headers,
}

pub(super) fn run(arguments: &List) -> Result<Exit, Failure> {
    let options = connect::options(&arguments.account.connection)?;
    let login = connect::login(&arguments.account)?;
    let mut session = connect::open_maildrop(&options, &login)?.session;
    let failed = |error: Error| Failure::server(&options, "listing the messages", &error);
    let listings = session.list().map_err(failed)?;
    let unique_ids = unique_ids(&mut session).map_err(failed)?;
    let mut out = Output::new(arguments.json);
    let begin = |listing: &ScanListing| Line {
        number: listing.number.value(),
        octets: listing.size.0,
        unique_id: unique_ids.get(&listing.number).cloned(),
        headers: Headers::default(),
    };
    let mut retrievals =
        session.top_many(listings.iter().map(|listing| listing.number), 0).map_err(failed)?;
    let mut lines = listings.iter();
    while let Some(retrieved) = retrievals.next().map_err(failed)? {
        let Some(mut line) = lines.next().map(begin) else { break };
        match retrieved.message {
            Ok(message) => {
                let mut header = Vec::new();
                message.take(MAX_HEADER).read_to_end(&mut header).map_err(|error| failed(error.into()))?;
                line.headers = headers::parse(&header);
            }
            Err(error) => debug!(number = line.number, %error, "no header"),
        }
        out.write(&line).map_err(|error| Failure::output(&error))?;
    }
    out.finish().map_err(|error| Failure::output(&error))?;
    // What was asked for is shown; how the session ends does not matter.
    let _ = session.quit();
    Ok(Exit::Done)
}

/// The unique-ids, shown harmless; none from a server that has none. RFC 1939 section 7.
fn unique_ids(session: &mut Session<Transaction>) -> Result<HashMap<MessageNumber, String>, Error> {
    match session.uidl() {
        Ok(listings) => {
            Ok(listings.into_iter().map(|line| (line.number, line.unique_id.to_string())).collect())
        }
        Err(Error::Refused { response, .. }) => {
            info!(%response, "the server has no unique-ids");
            Ok(HashMap::new())
        }
        Err(error) => Err(error),
    }
}

/// Lines for people, or a JSON array.
struct Output {
    stdout: io::StdoutLock<'static>,
    is_json: bool,
    lines: usize,
}

impl Output {
    fn new(is_json: bool) -> Self {
        Self { stdout: io::stdout().lock(), is_json, lines: 0 }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let separator = match (self.is_json, self.lines) {
            (true, 0) => "[\n",
            (true, _) => ",\n",
            (false, _) => "",
        };
        self.lines += 1;
        self.stdout.write_all(separator.as_bytes())?;
        if self.is_json {
            return serde_json::to_writer(&mut self.stdout, line).map_err(io::Error::from);
        }
        let Headers { from, subject, date } = &line.headers;
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        writeln!(
            self.stdout,
            "{:>5} {:>10}  {}  {}  {}  {}",
            line.number,
            line.octets,
            or_dash(&line.unique_id),
            or_dash(date),
            or_dash(from),
            or_dash(subject)
        )
    }

    fn finish(mut self) -> io::Result<()> {
        match (self.is_json, self.lines) {
            (true, 0) => self.stdout.write_all(b"[]\n")?,
            (true, _) => self.stdout.write_all(b"\n]\n")?,
            (false, _) => {}
        }
        self.stdout.flush()
    }
}
