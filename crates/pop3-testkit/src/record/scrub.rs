//! What is taken out of a recording, so that it can be shown to others.

use super::{
    matching::begins_scram,
    turns::{Follower, Place},
};
use crate::transcript::{Entry, MASK, MASKED_RESPONSE, Side, Transcript};

/// What is taken out of a transcript besides the secrets, which are masked always: what the client says of
/// them is masked before it gets into a transcript, and what the server says in SCRAM here.
///
/// ```
/// use pop3_testkit::{record::Scrub, transcript::Transcript};
///
/// let recorded = "S: +OK mx7.example.org ready\nC: USER alice\nS: +OK hello alice\nC: RETR 1\nS: +OK\n\
///     S: Subject: the plan\nS: \nS: ..at 10\nS: .\n";
/// let scrubbed = Scrub::everything().apply(&recorded.parse::<Transcript>()?);
/// assert_eq!(scrubbed.to_string(), "S: +OK xx0.xxxxxxx.xxx ready\nC: USER *\nS: +OK hello xxxxx\nC: RETR 1\n\
///     S: +OK\nS: Subject: xxx xxxx\nS: \nS: ..xx 00\nS: .\n");
/// # Ok::<(), pop3_testkit::transcript::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scrub {
    user: bool,
    messages: bool,
    greeting: bool,
}

impl Scrub {
    /// Only what is always masked.
    #[must_use]
    pub const fn secrets() -> Self {
        Self { user: false, messages: false, greeting: false }
    }

    /// All that can be.
    #[must_use]
    pub const fn everything() -> Self {
        Self { user: true, messages: true, greeting: true }
    }

    /// The user's name, in USER and APOP and wherever the server repeats it. A name that is said in a SASL
    /// exchange alone is masked together with the secret, but not where the server repeats it.
    #[must_use]
    pub const fn user(mut self, is_scrubbed: bool) -> Self {
        self.user = is_scrubbed;
        self
    }

    /// What is in messages: letters, digits and octets beyond ASCII become others, while the lengths, the
    /// lines, the line ends, the names of header fields and the byte-stuffing stay.
    #[must_use]
    pub const fn messages(mut self, is_scrubbed: bool) -> Self {
        self.messages = is_scrubbed;
        self
    }

    /// Names of hosts, addresses and timestamps in the greeting.
    #[must_use]
    pub const fn greeting(mut self, is_scrubbed: bool) -> Self {
        self.greeting = is_scrubbed;
        self
    }

    /// The transcript without them.
    #[must_use]
    pub fn apply(self, transcript: &Transcript) -> Transcript {
        let mut work = Work {
            scrub: self,
            follower: Follower::new(),
            names: Vec::new(),
            is_header: true,
            is_scram: false,
        };
        let mut is_greeting = true;
        let scrubbed = transcript.entries().iter().map(|entry| match entry {
            Entry::Said { by: Side::Client, octets } => {
                is_greeting = false;
                Entry::Said { by: Side::Client, octets: work.client(octets) }
            }
            Entry::Said { by: Side::Server, octets } => {
                let octets = work.server(octets, is_greeting);
                Entry::Said { by: Side::Server, octets }
            }
            other => other.clone(),
        });
        scrubbed.collect()
    }
}

struct Work {
    scrub: Scrub,
    follower: Follower,
    /// What the users were called so far.
    names: Vec<Vec<u8>>,
    is_header: bool,
    /// What the server says belongs to an exchange by SCRAM.
    is_scram: bool,
}

impl Work {
    fn client(&mut self, line: &[u8]) -> Vec<u8> {
        if line.ends_with(b"\n") {
            self.follower.hear_client(line);
        }
        self.is_scram |= begins_scram(line);
        if !self.scrub.user {
            return line.into();
        }
        let text = super::matching::without_end(line);
        let end = line.get(text.len()..).unwrap_or_default();
        let Some(space) = text.iter().position(|&octet| octet == b' ') else { return line.into() };
        let (keyword, arguments) = text.split_at(space);
        let arguments = arguments.get(1..).unwrap_or_default();
        let (name, rest) = match keyword.to_ascii_uppercase().as_slice() {
            b"USER" => (arguments, b"".as_slice()),
            b"APOP" => {
                let space = arguments.iter().position(|&octet| octet == b' ').unwrap_or(arguments.len());
                arguments.split_at(space)
            }
            _ => return line.into(),
        };
        if !name.is_empty() && name != MASK.as_bytes() {
            self.names.push(name.into());
        }
        [keyword, b" ", MASK.as_bytes(), rest, end].concat()
    }

    fn server(&mut self, piece: &[u8], is_greeting: bool) -> Vec<u8> {
        let place = self.follower.hear_server(piece);
        if self.is_scram {
            if !piece.starts_with(b"+OK") && !piece.starts_with(b"-ERR") {
                return mask_challenge(piece);
            }
            self.is_scram = false;
        }
        let mut piece = piece.to_vec();
        match place {
            Place::Status | Place::Listing => self.is_header = true,
            // What nobody asked for may be the rest of a message that ended too early.
            Place::Message | Place::Unasked if self.scrub.messages => self.fill(&mut piece),
            Place::Message | Place::Unasked => {}
        }
        if is_greeting && self.scrub.greeting {
            fill_hosts(&mut piece);
        }
        if self.scrub.user && place != Place::Message {
            self.names.iter().for_each(|name| blot(&mut piece, name));
        }
        piece
    }

    /// Puts other octets in the place of content.
    fn fill(&mut self, line: &mut [u8]) {
        let text = super::matching::without_end(line).len();
        if text == 0 {
            self.is_header = false;
        }
        let is_name = |octet: &u8| octet.is_ascii_alphanumeric() || *octet == b'-';
        let name = line.iter().position(|octet| !is_name(octet)).filter(|end| line.get(*end) == Some(&b':'));
        let kept = if self.is_header { name.unwrap_or(0) } else { 0 };
        line.iter_mut().skip(kept).for_each(other);
    }
}

/// Whoever has the salt and the server's signature can try passwords on them at leisure. RFC 5802 section 9.
fn mask_challenge(piece: &[u8]) -> Vec<u8> {
    let text = super::matching::without_end(piece);
    let (sign, end) = (text.get(..2), piece.get(text.len()..));
    let sign = sign.filter(|sign| *sign == b"+ ").unwrap_or_default();
    [sign, MASKED_RESPONSE.as_bytes(), end.unwrap_or_default()].concat()
}

/// A letter becomes `x`, a digit `0`, an octet beyond ASCII `?`.
fn other(octet: &mut u8) {
    *octet = match *octet {
        b'a'..=b'z' | b'A'..=b'Z' => b'x',
        b'0'..=b'9' => b'0',
        0x80.. => b'?',
        octet => octet,
    };
}

/// Fills each word that has a dot or an `@` in it, but for the status indicator and words that only end so.
fn fill_hosts(line: &mut [u8]) {
    let is_host = |word: &[u8]| {
        let inside = word.get(..word.len().saturating_sub(1)).unwrap_or_default();
        inside.iter().any(|octet| matches!(octet, b'.' | b'@'))
    };
    line.split_mut(u8::is_ascii_whitespace).filter(|word| is_host(word)).for_each(|word| {
        word.iter_mut().for_each(other);
    });
}

/// Makes the name unreadable wherever it stands.
fn blot(line: &mut [u8], name: &[u8]) {
    for start in 0..line.len() {
        let end = start.saturating_add(name.len());
        if let Some(found) = line.get_mut(start..end).filter(|found| found.eq_ignore_ascii_case(name)) {
            found.fill(b'x');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(scrub: Scrub, text: &str) -> String {
        scrub.apply(&text.parse().unwrap()).to_string()
    }

    #[test]
    fn nothing_is_lost_where_nothing_is_asked_for() {
        let text = "S: +OK a.example.org\nC: USER alice\nS: +OK alice\nC: RETR 1\nS: +OK\nS: secret\nS: .\n";
        assert_eq!(apply(Scrub::secrets(), text), text);
    }

    // RFC 5802 section 9: they would let anybody try passwords.
    #[test]
    fn what_a_server_says_in_scram_is_masked_always() {
        let text = "S: +OK\nC: auth scram-sha-256 *\nS: + cj0x\nC: ***\nS: + dj0y\nC: \nS: +OK in\nC: AUTH CRAM-MD5\n\
            S: + PDE+\nC: ***\nS: -ERR no\n";
        let expected = text.replace("cj0x", "***").replace("dj0y", "***");
        assert_eq!(apply(Scrub::secrets(), text), expected);
    }

    #[test]
    fn a_message_keeps_its_form() {
        let text = "S: +OK\nC: TOP 1 2\nS: +OK 99 octets\nS: Date: Mon, 1\nS: \\tfolded: a\nS: \nS: no: field\n\
            S: ..dot \\xe9\nS~ lf\\n\nS: .\nC: NOOP\nS: +OK fine\n";
        let expected = "S: +OK\nC: TOP 1 2\nS: +OK 99 octets\nS: Date: xxx, 0\nS: \\txxxxxx: x\nS: \n\
            S: xx: xxxxx\nS: ..xxx ?\nS~ xx\\n\nS: .\nC: NOOP\nS: +OK fine\n";
        assert_eq!(apply(Scrub::secrets().messages(true), text), expected);
    }

    #[test]
    fn the_rest_of_a_message_that_ended_too_early_is_content_too() {
        let text = "S: +OK\nC: RETR 1\nS: +OK\nS: a\nS: .\nS: secret\nS: .\n";
        let scrubbed = apply(Scrub::secrets().messages(true), text);
        assert!(!scrubbed.contains("secret"), "{scrubbed}");
    }

    #[test]
    fn a_refused_message_is_no_content() {
        let text = "S: +OK\nC: RETR 1\nC: RETR 2\nS: -ERR gone\nS: +OK\nS: a\nS: .\n";
        let expected = "S: +OK\nC: RETR 1\nC: RETR 2\nS: -ERR gone\nS: +OK\nS: x\nS: .\n";
        assert_eq!(apply(Scrub::secrets().messages(true), text), expected);
    }

    #[test]
    fn the_name_goes_wherever_it_stands() {
        let text = "S: +OK\nC: USER al@example.org\nS: +OK AL@example.org\nC: APOP bob *\nS: -ERR bob\n\
            C: UIDL\nS: +OK\nS: 1 bob.17\nS: .\n";
        let expected = "S: +OK\nC: USER *\nS: +OK xxxxxxxxxxxxxx\nC: APOP * *\nS: -ERR xxx\n\
            C: UIDL\nS: +OK\nS: 1 xxx.17\nS: .\n";
        assert_eq!(apply(Scrub::secrets().user(true), text), expected);
    }

    #[test]
    fn hosts_in_the_greeting_keep_their_form() {
        let text = "S: +OK POP3 at mx1.example.org, 192.0.2.1 ready. <12.34@mx1.example.org>\n";
        let expected = "S: +OK POP3 at xx0.xxxxxxx.xxx, 000.0.0.0 ready. <00.00@xx0.xxxxxxx.xxx>\n";
        assert_eq!(apply(Scrub::secrets().greeting(true), text), expected);
    }
}
