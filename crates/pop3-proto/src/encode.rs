//! Values to octets: the exact inverse of the grammar.

use alloc::vec::Vec;
use core::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::types::{
    Capability, Command, DropListing, Expire, InvalidValue, Language, Response, ResponseCode, ScanListing,
    Status, UniqueIdListing, check_length, check_octets,
};

/// The most octets of a response's first line and of a capability line, CRLF included.
/// RFC 2449 section 4.
pub const MAX_RESPONSE_LINE: usize = 512;

/// Appends a command line.
///
/// # Errors
///
/// [`InvalidValue`] when a name or a password is empty or holds a control octet, or a name for APOP
/// begins or ends with a space; then nothing is appended.
pub fn command(command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    let start = out.len();
    out.extend_from_slice(command.keyword().as_str().as_bytes());
    let done = arguments(command, out);
    match done {
        Ok(()) => out.extend_from_slice(b"\r\n"),
        Err(_) => out.truncate(start),
    }
    done
}

fn arguments(command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    match command {
        Command::AuthList
        | Command::Capa
        | Command::Lang(None)
        | Command::List(None)
        | Command::Noop
        | Command::Quit
        | Command::Rset
        | Command::Stat
        | Command::Stls
        | Command::Uidl(None)
        | Command::Utf8 => {}
        Command::Dele(number)
        | Command::List(Some(number))
        | Command::Retr(number)
        | Command::Uidl(Some(number)) => put(out, format_args!(" {number}")),
        Command::Top { number, lines } => put(out, format_args!(" {number} {lines}")),
        Command::User(name) => argument(name, out)?,
        Command::Pass(password) => argument(password.expose(), out)?,
        Command::Apop { name, digest } => {
            if name.starts_with(' ') || name.ends_with(' ') {
                return Err(InvalidValue::Octet { octet: b' ', at: 0 });
            }
            argument(name, out)?;
            out.push(b' ');
            digest.iter().for_each(|octet| put(out, format_args!("{octet:02x}")));
        }
        Command::Auth { mechanism, initial_response } => {
            put(out, format_args!(" {mechanism}"));
            if let Some(response) = initial_response {
                out.push(b' ');
                match response.expose().as_ref() {
                    [] => out.push(b'='),
                    octets => base64(octets, out),
                }
            }
        }
        Command::Lang(Some(tag)) => put(out, format_args!(" {tag}")),
    }
    Ok(())
}

/// One space, and text to the end of the line.
fn argument(text: &str, out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    check_length(text.len(), 1, usize::MAX)?;
    check_octets(text.as_bytes(), |octet| !octet.is_ascii_control())?;
    if let Some((at, control)) = text.char_indices().find(|(_, character)| character.is_control()) {
        return Err(InvalidValue::Octet { octet: u8::try_from(u32::from(control)).unwrap_or(0), at });
    }
    out.push(b' ');
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Appends the first line of a response.
///
/// The line never passes 512 octets: text is cut at a character's border. Controls in the text become
/// `?`, so that no text can make a second line of itself; text that begins with `[` gets a space in
/// front, so that it cannot pass for a response code. A code that the grammar does not know as one is left
/// out. RFC 1939 section 3, RFC 2449 sections 4 and 6.4.
pub fn response(response: &Response<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    // The space stands there even without text: old clients look for it. RFC 1957.
    out.extend_from_slice(match response.status {
        Status::Ok => b"+OK ",
        Status::Err => b"-ERR ",
    });
    if let Some(code) = response.code.as_ref().filter(|code| is_code(code.as_str())) {
        put(out, format_args!("[{}]", code.as_str()));
        if !response.text.is_empty() {
            out.push(b' ');
        }
    } else if response.text.first() == Some(&b'[') {
        out.push(b' ');
    }
    let room = MAX_RESPONSE_LINE.saturating_sub(2).saturating_sub(out.len().saturating_sub(start));
    let text = clip(&response.text, room);
    out.extend(text.iter().map(|&octet| if octet.is_ascii_control() { b'?' } else { octet }));
    out.extend_from_slice(b"\r\n");
}

/// [`ResponseCode::Other`] can be built of anything.
fn is_code(code: &str) -> bool {
    code.len() <= 100 && ResponseCode::new(code).is_ok()
}

/// At most `room` octets, not ending inside a UTF-8 sequence.
fn clip(text: &[u8], room: usize) -> &[u8] {
    let Some((mut clipped, rest)) = text.split_at_checked(room) else { return text };
    let is_continuation = |octet: u8| octet & 0xC0 == 0x80;
    if rest.first().is_some_and(|&octet| is_continuation(octet)) {
        while let [before @ .., last] = clipped {
            clipped = before;
            if !is_continuation(*last) {
                break;
            }
        }
    }
    clipped
}

/// Appends STAT's response, with nothing after the two numbers. RFC 1939 section 5.
pub fn drop_listing(listing: DropListing, out: &mut Vec<u8>) {
    put(out, format_args!("+OK {} {}\r\n", listing.count, listing.size));
}

/// Appends a line of LIST, with nothing after the size. RFC 1939 section 5.
pub fn scan_listing(listing: ScanListing, out: &mut Vec<u8>) {
    decimal(u64::from(listing.number.value()), out);
    out.push(b' ');
    decimal(listing.size.0, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends a line of UIDL. RFC 1939 section 7.
pub fn unique_id_listing(listing: &UniqueIdListing<'_>, out: &mut Vec<u8>) {
    decimal(u64::from(listing.number.value()), out);
    out.push(b' ');
    out.extend_from_slice(listing.unique_id.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends a line of LANG's listing. RFC 6856 section 3.2.
pub fn language(language: &Language<'_>, out: &mut Vec<u8>) {
    put(out, format_args!("{}", language.tag));
    if !language.description.is_empty() {
        out.push(b' ');
        out.extend(language.description.bytes().map(|o| if o.is_ascii_control() { b'?' } else { o }));
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a line of CAPA, unless it would pass 512 octets, hold a control or begin with the termination
/// octet. RFC 2449 sections 3 and 5.
pub fn capability(capability: &Capability<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    match capability {
        Capability::AuthRespCode => out.extend_from_slice(b"AUTH-RESP-CODE"),
        Capability::Expire(Expire::Never) => out.extend_from_slice(b"EXPIRE NEVER"),
        Capability::Expire(Expire::Days(days)) => put(out, format_args!("EXPIRE {days}")),
        Capability::Expire(Expire::PerUser(days)) => put(out, format_args!("EXPIRE {days} USER")),
        Capability::Implementation(text) => put(out, format_args!("IMPLEMENTATION {text}")),
        Capability::Lang => out.extend_from_slice(b"LANG"),
        Capability::LoginDelay { seconds, per_user } => {
            put(out, format_args!("LOGIN-DELAY {seconds}{}", if *per_user { " USER" } else { "" }));
        }
        Capability::Pipelining => out.extend_from_slice(b"PIPELINING"),
        Capability::RespCodes => out.extend_from_slice(b"RESP-CODES"),
        Capability::Sasl(mechanisms) => {
            out.extend_from_slice(b"SASL");
            mechanisms.iter().for_each(|mechanism| put(out, format_args!(" {mechanism}")));
        }
        Capability::Stls => out.extend_from_slice(b"STLS"),
        Capability::Top => out.extend_from_slice(b"TOP"),
        Capability::Uidl => out.extend_from_slice(b"UIDL"),
        Capability::User => out.extend_from_slice(b"USER"),
        Capability::Utf8 { user } => out.extend_from_slice(if *user { b"UTF8 USER" } else { b"UTF8" }),
        Capability::Other(line) => out.extend_from_slice(line.as_bytes()),
    }
    out.extend_from_slice(b"\r\n");
    let line = out.get(start..).unwrap_or_default();
    let has_controls = line.iter().rev().skip(2).any(u8::is_ascii_control);
    if line.len() > MAX_RESPONSE_LINE || has_controls || matches!(line.first(), Some(b'.' | b'\r')) {
        out.truncate(start);
    }
}

/// Appends a challenge; the space stands there even where nothing follows. RFC 5034 section 4.
pub fn challenge(challenge: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"+ ");
    base64(challenge, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the answer to a challenge: base64 alone on its line. RFC 5034 section 4.
pub fn sasl_response(response: &[u8], out: &mut Vec<u8>) {
    base64(response, out);
    out.extend_from_slice(b"\r\n");
}

fn base64(octets: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let length = base64::encoded_len(octets.len(), true).unwrap_or(0);
    out.resize(start.saturating_add(length), 0);
    if let Some(room) = out.get_mut(start..) {
        // The room is exactly what is needed, so this cannot fail.
        let _ = STANDARD.encode_slice(octets, room);
    }
}

/// Decimal digits, without the formatting machinery: a listing has a million of these.
fn decimal(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut rest = value;
    let mut used = 0usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        used = used.saturating_add(1);
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20usize.saturating_sub(used)..).unwrap_or_default());
}

fn put(out: &mut Vec<u8>, arguments: core::fmt::Arguments<'_>) {
    struct Octets<'v>(&'v mut Vec<u8>);
    impl core::fmt::Write for Octets<'_> {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // Writing into a Vec does not fail.
    let _ = Octets(out).write_fmt(arguments);
}
