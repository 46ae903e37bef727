//! `list`: what is in the maildrop.

mod table;

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
use table::{Row, Table};

/// Octets of a header that are looked at; the rest is skipped.
const MAX_HEADER: u64 = 256 << 10;

/// Octets of a response to TOP, for one message, beyond which the session is given up.
const MAX_TOP: u64 = 16 << 20;

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
    let mut options = connect::options(&arguments.account.connection)?;
    options.max_message = MAX_TOP;
    let login = connect::login(&arguments.account)?;
    let mut session = connect::open_maildrop(&options, &login)?.session;
    let failed = |error: Error| Failure::server(&options, "listing the messages", &error);
    let listings = session.list().map_err(failed)?;
    let unique_ids = unique_ids(&mut session).map_err(failed)?;
    let mut out = Output::new((!arguments.json).then(|| table(&listings, &unique_ids)));
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
    /// `None` is for JSON.
    table: Option<Table>,
    lines: usize,
}

impl Output {
    fn new(table: Option<Table>) -> Self {
        Self { stdout: io::stdout().lock(), table, lines: 0 }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        self.lines += 1;
        let Some(table) = self.table else {
            let separator: &[u8] = if self.lines == 1 { b"[\n" } else { b",\n" };
            self.stdout.write_all(separator)?;
            return serde_json::to_writer(&mut self.stdout, line).map_err(io::Error::from);
        };
        if self.lines == 1
            && let Some(heading) = table.heading()
        {
            writeln!(self.stdout, "{heading}")?;
        }
        let Headers { from, subject, date } = &line.headers;
        let row = Row {
            number: &line.number.to_string(),
            octets: &line.octets.to_string(),
            unique_id: line.unique_id.as_deref().unwrap_or_default(),
            date: date.as_deref().unwrap_or_default(),
            from: from.as_deref().unwrap_or_default(),
            subject: subject.as_deref().unwrap_or_default(),
        };
        writeln!(self.stdout, "{}", table.line(&row))
    }

    fn finish(mut self) -> io::Result<()> {
        match (self.table, self.lines) {
            (None, 0) => self.stdout.write_all(b"[]\n")?,
            (None, _) => self.stdout.write_all(b"\n]\n")?,
            (Some(_), _) => {}
        }
        self.stdout.flush()
    }
}

/// Columns that are wide enough for all of these.
fn table(listings: &[ScanListing], unique_ids: &HashMap<MessageNumber, String>) -> Table {
    let number = listings.iter().map(|listing| listing.number.value().to_string().len()).max();
    let octets = listings.iter().map(|listing| listing.size.0.to_string().len()).max();
    let unique_id = unique_ids.values().map(|id| id.chars().count()).max();
    let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    Table::new(number.unwrap_or(0), octets.unwrap_or(0), unique_id.unwrap_or(0), width)
}
