//! From, Subject and Date, by mail-parser: the only place that knows that crate.
//!
//! Headers are written by anybody. The parser runs where a panic of it is caught, and what it gives is
//! made harmless before it is shown.

use std::panic::{self, AssertUnwindSafe};

use mail_parser::{Address, MessageParser};

use super::terminal::sanitised;

/// What a list shows of a message.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Headers {
    pub(super) from: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) date: Option<String>,
}

/// Reads the header of a message; empty where there is nothing to be read.
pub(super) fn parse(header: &[u8]) -> Headers {
    // The parser keeps no state that a panic could leave half-changed.
    panic::catch_unwind(AssertUnwindSafe(|| read(header))).unwrap_or_default()
}

fn read(header: &[u8]) -> Headers {
    let Some(message) = MessageParser::default().parse_headers(header) else { return Headers::default() };
    let tidy = |text: &str| sanitised(text.trim()).into_owned();
    Headers {
        from: message.from().and_then(first).map(|from| tidy(&from)),
        subject: message.subject().map(tidy),
        date: message.date().map(|date| tidy(&date.to_rfc3339())),
    }
}

fn first(address: &Address<'_>) -> Option<String> {
    let first = address.first()?;
    match (first.name(), first.address()) {
        (Some(name), Some(address)) => Some(format!("{name} <{address}>")),
        (name, address) => name.or(address).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: C-ROB-06
    #[test]
    fn headers_are_decoded_and_made_harmless() {
        let header = b"From: =?utf-8?q?J=C3=BCrgen=1B[2J?= <j@example.org>\r\n\
            Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
            Date: Mon, 23 Nov 2026 16:00:00 +0100\r\n\r\n";
        let headers = parse(header);
        assert_eq!(headers.from.as_deref(), Some("J\u{fc}rgen\u{fffd}[2J <j@example.org>"));
        assert_eq!(headers.subject.as_deref(), Some("Gr\u{fc}\u{df}e"));
        assert_eq!(headers.date.as_deref(), Some("2026-11-23T16:00:00+01:00"));
    }

    #[test]
    fn what_is_no_header_is_nothing() {
        for octets in [&b""[..], b"\r\n", b"\xff\xfe\0", b"no header at all", b"From: \r\nDate: never\r\n"] {
            let headers = parse(octets);
            assert_eq!(headers.subject, None);
        }
    }
}
