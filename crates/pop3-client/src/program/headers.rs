//! From, Subject and Date, by mail-parser: the only place that knows that crate.
//!
//! Headers are written by anybody. The parser runs where a panic of it is caught, and what it gives is
//! made harmless before it is shown.

mod words;

use std::{
    borrow::Cow,
    panic::{self, AssertUnwindSafe},
};

use mail_parser::{
    Address, Message, MessageParser, MimeHeaders as _, decoders::charsets::map::charset_decoder,
};

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
    let header = words::joined(header);
    let parser = MessageParser::default();
    let Some(message) = parser.parse_headers(&header) else { return Headers::default() };
    match in_the_charset_of_the_body(&header, &message) {
        Some(text) => parser.parse_headers(text.as_bytes()).map_or_else(Headers::default, |it| of(&it)),
        None => of(&message),
    }
}

/// Octets beyond ASCII that are no UTF-8 are read in the charset that the message names for its text: old
/// programs write their headers so. RFC 5322 section 2.2 knows only ASCII.
fn in_the_charset_of_the_body<'a>(header: &'a [u8], message: &Message<'_>) -> Option<Cow<'a, str>> {
    if std::str::from_utf8(header).is_ok() {
        return None;
    }
    let charset = message.content_type()?.attribute("charset")?;
    charset_decoder(charset.as_bytes()).map(|decode| decode(header).into())
}

fn of(message: &Message<'_>) -> Headers {
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

    /// One word of each East Asian encoding, made by Python's codecs.
    #[test]
    fn east_asian_subjects_are_decoded() {
        let subjects: [(&[u8], &str); 10] = [
            (b"=?gb2312?B?1tzSu7vh0uk=?=", "\u{5468}\u{4e00}\u{4f1a}\u{8bae}"),
            (b"=?GBK?B?1tzSu7vh12g=?=", "\u{5468}\u{4e00}\u{4f1a}\u{8b70}"),
            (b"=?gb18030?Q?=D6=DC=D2=BB=819=EE9?=", "\u{5468}\u{4e00}\u{3400}"),
            (b"=?big5?B?qVCkQLd8xLM=?=", "\u{5468}\u{4e00}\u{6703}\u{8b70}"),
            (b"=?ISO-2022-JP?B?GyRCMnE1RDtxTkEbKEI=?=", "\u{4f1a}\u{8b70}\u{8cc7}\u{6599}"),
            (b"=?Shift_JIS?B?ie+LY46Rl78=?=", "\u{4f1a}\u{8b70}\u{8cc7}\u{6599}"),
            (b"=?euc-jp?Q?=B2=F1=B5=C4=BB=F1=CE=C1?=", "\u{4f1a}\u{8b70}\u{8cc7}\u{6599}"),
            (b"=?euc-kr?B?yLjAxyDA2rfh?=", "\u{d68c}\u{c758} \u{c790}\u{b8cc}"),
            (b"=?ks_c_5601-1987?Q?=C8=B8=C0=C7?=", "\u{d68c}\u{c758}"),
            (b"=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=", "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}"),
        ];
        for (encoded, decoded) in subjects {
            let header = [b"Subject: ", encoded, b"\r\n\r\n"].concat();
            let subject = parse(&header).subject;
            assert_eq!(subject.as_deref(), Some(decoded), "{}", encoded.escape_ascii());
        }
    }

    #[test]
    fn a_character_that_is_cut_in_two_words_is_decoded() {
        let header = b"From: =?gbk?B?1tzS?= =?gbk?B?u7vh?= <zhou@example.cn>\r\n\
            Subject: =?utf-8?B?5Lya6K4=?=\r\n =?UTF-8?Q?=AE?=\r\nDate: x\r\n\r\n";
        let headers = parse(header);
        assert_eq!(headers.from.as_deref(), Some("\u{5468}\u{4e00}\u{4f1a} <zhou@example.cn>"));
        assert_eq!(headers.subject.as_deref(), Some("\u{4f1a}\u{8bae}"));
    }

    #[test]
    fn a_header_without_encoded_words_is_in_the_charset_of_the_text() {
        let header = b"Subject: \xbb\xe1\xd2\xe9\r\nContent-Type: text/plain; charset=\"GB2312\"\r\n\r\n";
        assert_eq!(parse(header).subject.as_deref(), Some("\u{4f1a}\u{8bae}"));
        let unknown = b"Subject: \xbb\xe1\r\nContent-Type: text/plain; charset=x-unknown\r\n\r\n";
        assert!(parse(unknown).subject.unwrap().contains('\u{fffd}'));
    }

    #[test]
    fn what_is_no_header_is_nothing() {
        for octets in [&b""[..], b"\r\n", b"\xff\xfe\0", b"no header at all", b"From: \r\nDate: never\r\n"] {
            let headers = parse(octets);
            assert_eq!(headers.subject, None);
        }
    }
}
