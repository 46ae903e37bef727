//! Answers that are not the machine's own: the greeting, CAPA, and the words of a dialect.

use std::collections::HashMap;

use pop3_proto::server::SessionState;

/// Where in a session CAPA is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nobody is logged in, and there is no TLS.
    Clear,
    /// Nobody is logged in, and there is TLS.
    Tls,
    /// Somebody is logged in.
    Transaction,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clear, Self::Tls, Self::Transaction];

    pub(super) fn now(state: SessionState, is_tls: bool) -> Self {
        match (state, is_tls) {
            (SessionState::Authorization, false) => Self::Clear,
            (SessionState::Authorization, true) => Self::Tls,
            _ => Self::Transaction,
        }
    }
}

/// What is said in place of the machine's words.
#[derive(Debug, Clone, Default)]
pub(super) struct Scripts {
    pub(super) greeting: Option<Box<[u8]>>,
    /// With `None` the answer is `-ERR`.
    pub(super) capabilities: HashMap<Phase, Option<Vec<String>>>,
    pub(super) lines: Vec<Rephrase>,
}

/// A status line that is said in place of another.
#[derive(Debug, Clone)]
pub(super) struct Rephrase {
    pub(super) keyword: Box<str>,
    /// What the machine's line begins with.
    pub(super) begins: Box<str>,
    pub(super) line: Box<[u8]>,
}

impl Scripts {
    /// The whole first line, if there is a script for it.
    pub(super) fn greeting(&self) -> Option<Vec<u8>> {
        self.greeting.as_ref().map(|line| [line, b"\r\n".as_slice()].concat())
    }

    /// The timestamp for APOP that stands in the scripted greeting. RFC 1939 section 7.
    pub(super) fn timestamp(&self) -> Option<&str> {
        let greeting = std::str::from_utf8(self.greeting.as_deref()?).ok()?;
        let (start, end) = (greeting.find('<')?, greeting.rfind('>')?);
        greeting.get(start..=end).filter(|timestamp| pop3_sasl::apop::is_valid_timestamp(timestamp))
    }

    /// The answer to a command, with other words where there is a script for it.
    pub(super) fn apply(&self, keyword: &str, phase: Phase, mut answer: Vec<u8>) -> Vec<u8> {
        if keyword == "CAPA" && answer.starts_with(b"+OK") {
            match self.capabilities.get(&phase) {
                Some(Some(lines)) => answer = capa(lines),
                Some(None) => answer = b"-ERR Unknown command\r\n".to_vec(),
                None if phase == Phase::Clear => answer = without_binding(&answer),
                None => {}
            }
        }
        let fits =
            |script: &&Rephrase| *script.keyword == *keyword && answer.starts_with(script.begins.as_bytes());
        if let Some(script) = self.lines.iter().find(fits) {
            let end = answer.iter().position(|&octet| octet == b'\n').map_or(answer.len(), |at| at + 1);
            answer.splice(..end, script.line.iter().copied().chain(*b"\r\n"));
        }
        answer
    }
}

fn capa(lines: &[String]) -> Vec<u8> {
    let mut answer = b"+OK Capability list follows\r\n".to_vec();
    for line in lines {
        if line.starts_with('.') {
            answer.push(b'.');
        }
        answer.extend_from_slice(line.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b".\r\n");
    answer
}

/// What binds itself to TLS is not announced where there is none. RFC 5802 section 6.
fn without_binding(answer: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(answer.len());
    for line in answer.split_inclusive(|&octet| octet == b'\n') {
        if !line.starts_with(b"SASL ") {
            kept.extend_from_slice(line);
            continue;
        }
        let text = line.trim_ascii_end();
        let words = text.split(|&octet| octet == b' ').filter(|word| !word.ends_with(b"-PLUS"));
        let words: Vec<&[u8]> = words.collect();
        if words.len() > 1 {
            kept.extend_from_slice(&words.join(&b' '));
            kept.extend_from_slice(b"\r\n");
        }
    }
    kept
}
