//! What may be sent: DELE only with leave, and only for mail of ours.

use std::collections::BTreeSet;

/// Watches what one session sends.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// The user has given leave to remove mail.
    is_writable: bool,
    /// The session has tried to log in.
    saw_login: bool,
    /// How many messages the session has, where that is known.
    count: Option<u64>,
    /// Those whose marker was seen in this session.
    own: BTreeSet<u64>,
    /// The line that is not ended yet.
    line: Vec<u8>,
}

impl Guard {
    pub(super) fn new(is_writable: bool) -> Self {
        Self { is_writable, ..Self::default() }
    }

    /// What is known of the maildrop of this session.
    pub(super) fn set_mail(&mut self, count: u64, own: BTreeSet<u64>) {
        self.count = Some(count);
        self.own = own;
    }

    /// Whether all messages of the session are ours.
    pub(super) fn is_all_ours(&self) -> bool {
        self.count.is_some_and(|count| self.own.len() as u64 == count)
    }

    /// Whether these octets may be sent.
    ///
    /// # Errors
    ///
    /// A sentence that says why not; then nothing of them may go out.
    pub(super) fn check(&mut self, octets: &[u8]) -> Result<(), String> {
        self.line.extend_from_slice(octets);
        // A server may take other octets than LF for the end of a line; so each piece has to be harmless.
        let pieces: Vec<Vec<u8>> =
            self.line.split(|octet| matches!(octet, b'\n' | b'\r' | 0)).map(<[u8]>::to_vec).collect();
        for piece in &pieces {
            self.check_line(&String::from_utf8_lossy(piece).to_ascii_uppercase())?;
        }
        if let Some(last) = self.line.iter().rposition(|octet| *octet == b'\n') {
            self.line.drain(..=last);
        }
        Ok(())
    }

    fn check_line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if ["PASS", "AUTH", "APOP"].iter().any(|keyword| line.starts_with(keyword)) {
            self.saw_login = true;
        }
        let Some(argument) = line.strip_prefix("DELE") else { return Ok(()) };
        if !self.is_writable {
            return Err("DELE is sent with --writable only".to_owned());
        }
        if !self.saw_login {
            return Ok(());
        }
        let argument = argument.trim();
        let is_plain = !argument.is_empty()
            && !argument.starts_with('0')
            && argument.bytes().all(|octet| octet.is_ascii_digit());
        let number: Option<u64> = argument.parse().ok().filter(|_| is_plain);
        match number {
            Some(number) if self.own.contains(&number) => Ok(()),
            // A number beyond the last, or none at all: who knows what the server makes of it.
            _ if self.is_all_ours() => Ok(()),
            _ => Err(format!("`DELE {argument}` could remove mail that is not of this run")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(is_writable: bool, count: u64, own: &[u64]) -> Guard {
        let mut guard = Guard::new(is_writable);
        guard.check(b"USER a\r\nPASS b\r\n").unwrap();
        guard.set_mail(count, own.iter().copied().collect());
        guard
    }

    #[test]
    fn without_leave_no_dele_goes_out() {
        for octets in
            [&b"DELE 1\r\n"[..], b"dele 1\n", b" DELE", b"NOOP\r\nDELE 1", b"x\rDele 1\r\n", b"\0DELE 1"]
        {
            assert!(guard(false, 1, &[1]).check(octets).is_err(), "{octets:?}");
            assert!(Guard::new(false).check(octets).is_err(), "{octets:?}");
        }
        assert!(guard(false, 1, &[1]).check(b"RETR 1\r\nXDELE\r\n").is_ok());
    }

    #[test]
    fn a_line_in_pieces_is_one_line() {
        let mut guard = guard(false, 1, &[1]);
        assert!(guard.check(b"DE").is_ok());
        assert!(guard.check(b"LE 1\r\n").is_err());
    }

    #[test]
    fn only_mail_of_ours_is_removed() {
        let mut some = guard(true, 3, &[2]);
        assert!(some.check(b"DELE 2\r\n").is_ok());
        for line in [
            "DELE 1",
            "DELE 3",
            "DELE 0",
            "DELE 4",
            "DELE",
            "DELE 02",
            "DELE 2 x",
            "DELE 4294967298",
            "DELE -1",
        ] {
            assert!(guard(true, 3, &[2]).check(format!("{line}\r\n").as_bytes()).is_err(), "{line}");
            assert!(guard(true, 2, &[1, 2]).check(format!("{line}\r\n").as_bytes()).is_ok(), "{line}");
        }
        assert!(guard(true, 3, &[2]).check(b"DELE 2\0junk\r\n").is_ok());
        assert!(guard(true, 3, &[2]).check(b"DELE 1\0junk\r\n").is_err());
        assert!(Guard::new(true).check(b"DELE 1\r\n").is_ok(), "before login there is nothing to remove");
        let mut unknown = Guard::new(true);
        assert!(unknown.check(b"PASS x\r\nDELE 1\r\n").is_err(), "nothing is known of the maildrop");
    }
}
