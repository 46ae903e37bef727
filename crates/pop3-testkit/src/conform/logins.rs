//! How many logins the server has refused, as the wire shows it. Servers punish refused logins, whatever a case
//! meant to do: they answer late, or lock the account.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

/// Octets of a response that are looked at.
const LOOKED_AT: usize = 512;

/// The logins of a whole run.
#[derive(Debug)]
pub(super) struct Ledger {
    limit: u32,
    tried: Cell<u32>,
    accepted: Cell<u32>,
    /// How the server refused the right password, the last time.
    refusal: RefCell<Option<String>>,
}

impl Ledger {
    pub(super) fn new(limit: u32) -> Rc<Self> {
        Rc::new(Self { limit, tried: Cell::new(0), accepted: Cell::new(0), refusal: RefCell::default() })
    }

    /// Logins that the server has not accepted. One without an answer counts: the server may have refused it.
    pub(super) fn refused(&self) -> u32 {
        self.tried.get().saturating_sub(self.accepted.get())
    }

    /// Whether the run may not try to log in any more.
    pub(super) fn is_spent(&self) -> bool {
        self.has_no_room_for(1)
    }

    /// With a limit of 0 there is room for one: the run has to log in, and ends when that is refused.
    pub(super) fn has_no_room_for(&self, logins: u32) -> bool {
        self.refused().saturating_add(logins) > self.limit.max(1)
    }

    /// A login that the server may refuse, or has refused before it was complete, as by -ERR to USER.
    pub(super) fn count_tried(&self) {
        self.tried.set(self.tried.get().saturating_add(1));
    }

    /// The right password was refused; this says how.
    pub(super) fn set_refusal(&self, why: &str) {
        self.refusal.replace(Some(why.to_owned()));
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.borrow().clone()
    }

    /// Why there is no other login.
    pub(super) fn why_spent(&self) -> String {
        format!("the server has refused {} logins, and --failed-logins allows {}", self.refused(), self.limit)
    }
}

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Watch {
    ledger: Rc<Ledger>,
    /// The line of the client that is not ended yet, and that of the server.
    sent: Vec<u8>,
    received: Vec<u8>,
    is_greeted: bool,
    /// Commands without a response, in their order. RFC 2449 section 6.6.
    outstanding: VecDeque<Kind>,
    /// The server waits for a response in a SASL exchange.
    is_challenged: bool,
    is_in_lines: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Login,
    /// Lines up to a dot follow its +OK.
    Lines,
    Other,
}

impl Watch {
    pub(super) fn new(ledger: Rc<Ledger>) -> Self {
        Self {
            ledger,
            sent: Vec::new(),
            received: Vec::new(),
            is_greeted: false,
            outstanding: VecDeque::new(),
            is_challenged: false,
            is_in_lines: false,
        }
    }

    /// Whether these octets may be sent.
    ///
    /// # Errors
    ///
    /// A sentence when there is a login in them that the limit has no room for.
    pub(super) fn check(&self, octets: &[u8]) -> Result<(), String> {
        let all = [self.sent.as_slice(), octets].concat();
        let mut is_challenged = self.is_challenged;
        let commands = lines(&all).0.filter(|_| !std::mem::take(&mut is_challenged));
        let logins = commands.filter(|line| kind(line) == Some(Kind::Login)).count();
        let logins = u32::try_from(logins).unwrap_or(u32::MAX);
        if logins > 0 && self.ledger.has_no_room_for(logins) {
            return Err(self.ledger.why_spent());
        }
        Ok(())
    }

    /// These octets are on their way to the server.
    pub(super) fn sent(&mut self, octets: &[u8]) {
        // Whatever is unread of a response that should have lines, a new command is not part of it.
        self.is_in_lines = false;
        let all = [std::mem::take(&mut self.sent).as_slice(), octets].concat();
        let (complete, rest) = lines(&all);
        self.sent = rest.to_vec();
        for line in complete {
            if std::mem::take(&mut self.is_challenged) {
                continue;
            }
            let Some(kind) = kind(line) else { continue };
            if kind == Kind::Login {
                self.ledger.count_tried();
            }
            self.outstanding.push_back(kind);
        }
    }

    /// These octets came from the server.
    pub(super) fn received(&mut self, octets: &[u8]) {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            let room = LOOKED_AT.saturating_sub(self.received.len());
            self.received.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.received);
                self.line(line.trim_ascii_end());
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if !std::mem::replace(&mut self.is_greeted, true) {
            return;
        }
        if self.is_in_lines {
            self.is_in_lines = line != b".";
        } else if begins(line, b"+OK") {
            match self.outstanding.pop_front() {
                Some(Kind::Login) => self.ledger.accepted.set(self.ledger.accepted.get().saturating_add(1)),
                Some(Kind::Lines) => self.is_in_lines = true,
                Some(Kind::Other) | None => {}
            }
        } else if begins(line, b"-ERR") {
            // With several commands under way it may be about one before the login: rather one too many.
            let login = self.outstanding.iter().position(|kind| *kind == Kind::Login).unwrap_or(0);
            self.outstanding.drain(..self.outstanding.len().min(login + 1));
        } else if self.outstanding.front() == Some(&Kind::Login) && line.starts_with(b"+") {
            self.is_challenged = true;
        } else {
            self.outstanding.pop_front();
        }
    }
}

/// The complete lines, and what is behind the last.
fn lines(octets: &[u8]) -> (impl Iterator<Item = &[u8]>, &[u8]) {
    let end = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    let (complete, rest) = octets.split_at(end);
    (complete.split_inclusive(|octet| *octet == b'\n'), rest)
}

/// What the server makes of a line; `None` for an empty one, which it may pass over.
fn kind(line: &[u8]) -> Option<Kind> {
    // A server may take CR or NUL for the end of a line.
    let mut pieces = line.split(|octet| matches!(octet, b'\n' | b'\r' | 0)).map(<[u8]>::trim_ascii);
    let is_login = |piece: &[u8]| {
        let keyword = piece.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        [b"PASS", b"APOP", b"AUTH"].iter().any(|login| keyword.eq_ignore_ascii_case(*login))
    };
    if pieces.clone().any(is_login) {
        return Some(Kind::Login);
    }
    let command = pieces.find(|piece| !piece.is_empty())?.to_ascii_uppercase();
    let has_lines = matches!(command.as_slice(), b"CAPA" | b"LIST" | b"UIDL" | b"LANG")
        || command.starts_with(b"RETR ")
        || command.starts_with(b"TOP ");
    Some(if has_lines { Kind::Lines } else { Kind::Other })
}

fn begins(line: &[u8], status: &[u8]) -> bool {
    line.get(..status.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many logins count as refused after this conversation; what the client says begins with `C`.
    fn refused(conversation: &str) -> u32 {
        let ledger = Ledger::new(100);
        let mut watch = Watch::new(Rc::clone(&ledger));
        watch.received(b"+OK ready\r\n");
        for line in conversation.split_inclusive('\n') {
            match line.strip_prefix("C ") {
                Some(said) => watch.sent(said.as_bytes()),
                None => watch.received(line.as_bytes()),
            }
        }
        ledger.refused()
    }

    #[test]
    fn what_the_server_refuses_counts_whatever_it_is() {
        for (conversation, count) in [
            ("C USER a\n+OK\nC PASS b\n+OK\nC NOOP\n-ERR\n", 0),
            ("C USER a\n-ERR\nC CAPA\n+OK\n-ERR a line of it\n.\n", 0),
            ("C USER a\n+OK\nC PASS b\n-ERR [AUTH] no\n", 1),
            ("C apop a b\n-err\nC USER a\n+OK\nC pass b\n-ERR [IN-USE]\n", 2),
            ("C AUTH PLAIN AGEAYg==\n-ERR\nC AUTH PLAIN\n+ \nC AGEAYg==\n-ERR\n", 2),
            ("C AUTH PLAIN\n+ \nC AGEAYg==\n+OK\n", 0),
            ("C AUTH LOGIN\n+ VXNlcg==\nC YQ==\n+ UGFzcw==\nC *\n-ERR\n", 1),
            // Several at once.
            ("C USER a\nC PASS b\nC NOOP\n+OK\n+OK\n-ERR\n", 0),
            ("C USER a\nC PASS b\n+OK\n-ERR\n", 1),
            ("C USER a\nC PASS b\n-ERR\n-ERR\n", 1),
            ("C CAPA\nC PASS b\n+OK\n+OK inside\n.\n-ERR\n", 1),
            // No answer, and an answer that is neither.
            ("C USER a\n+OK\nC PASS b\n", 1),
            ("C PASS b\nwhat?\nC QUIT\n+OK\n", 1),
        ] {
            assert_eq!(refused(conversation), count, "{conversation}");
        }
    }

    #[test]
    fn pieces_and_other_line_ends_hide_no_login() {
        let ledger = Ledger::new(9);
        let mut watch = Watch::new(Rc::clone(&ledger));
        for piece in
            ["PA", "SS", " x", "\r", "\n", "NOOP\rpass y\r\n", "\0AUTH PLAIN\n", " APOP a b\r\n", "PASSED\n"]
        {
            watch.sent(piece.as_bytes());
        }
        assert_eq!(ledger.refused(), 4);
        watch.received(b"+OK\r\n+O");
        watch.received(b"K\r\n");
        assert_eq!(ledger.refused(), 3, "the first line is the greeting");
    }

    #[test]
    fn there_is_room_up_to_the_limit() {
        for (limit, rooms) in [(0, 1), (1, 1), (3, 3)] {
            let ledger = Ledger::new(limit);
            for _ in 0..rooms {
                let mut watch = Watch::new(Rc::clone(&ledger));
                assert!(watch.check(&b"USER a\r\nPASS b\r\n".repeat(rooms + 1)).is_err());
                assert!(watch.check(b"PASS b\r\n").is_ok());
                watch.sent(b"PASS b\r\n");
            }
            let watch = Watch::new(Rc::clone(&ledger));
            assert!(ledger.is_spent());
            assert!(watch.check(b"USER a\r\nPASS b\r\n").unwrap_err().contains("--failed-logins"));
            assert!(watch.check(b"USER a\r\nCAPA\r\nQUIT\r\n").is_ok());
        }
    }
}
