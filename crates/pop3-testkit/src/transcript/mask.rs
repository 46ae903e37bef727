//! Which parts of what a client says are secret.

use std::borrow::Cow;

use super::{is_challenge, without_end};

/// Stands in a transcript for a password, a digest, or an initial response: `PASS *`.
pub const MASK: &str = "*";

/// Stands for a response in a SASL exchange. It is not `*`, since that alone is how a client cancels one.
pub const MASKED_RESPONSE: &str = "***";

/// Behind an AUTH that was refused, a longer word than this is no keyword, but a response that the client sent
/// without waiting.
const KEYWORD_MAX: usize = 12;

/// Masks the secrets in the lines of a client, as it hears the whole conversation.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    is_exchange: bool,
    /// The last command was AUTH, and its exchange is over.
    is_behind_auth: bool,
    is_server_mid_line: bool,
    /// The client has said a part of a line: whether that was masked.
    client_mid_line: Option<bool>,
}

impl Masker {
    /// For a session that begins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The line of a client as it may be shown, with the line end that it has. What has none is the beginning
    /// of a line, which goes on with the next call.
    #[must_use]
    pub fn client_line<'a>(&mut self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let text = without_end(line);
        let end = line.get(text.len()..).unwrap_or_default();
        let masked = match self.client_mid_line {
            Some(true) => Some(Vec::new()),
            Some(false) => None,
            None => self.mask(text),
        };
        let was_masked = self.client_mid_line.unwrap_or(masked.is_some());
        self.client_mid_line = (!line.ends_with(b"\n")).then_some(was_masked);
        match masked {
            Some(masked) => Cow::Owned([masked.as_slice(), end].concat()),
            None => Cow::Borrowed(line),
        }
    }

    fn mask(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if self.is_exchange {
            return mask_response(line);
        }
        let is_behind_auth = std::mem::take(&mut self.is_behind_auth);
        self.is_exchange = begins_exchange(line);
        match words(line).next() {
            Some(word) if is_behind_auth && word.len() > KEYWORD_MAX => mask_response(line),
            _ => mask_command(line),
        }
    }

    /// Hears what the server says: its `+OK` and its `-ERR` end an exchange, challenges do not.
    pub fn hear_server(&mut self, octets: &[u8]) {
        for piece in octets.split_inclusive(|&octet| octet == b'\n') {
            if !self.is_server_mid_line && !is_challenge(piece) && self.is_exchange {
                self.is_exchange = false;
                self.is_behind_auth = true;
            }
            self.is_server_mid_line = !piece.ends_with(b"\n");
        }
    }
}

/// AUTH with a mechanism.
fn begins_exchange(line: &[u8]) -> bool {
    let mut words = words(line);
    words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH")) && words.next().is_some()
}

fn mask_response(line: &[u8]) -> Option<Vec<u8>> {
    (!matches!(line, b"" | b"*" | b"=")).then(|| MASKED_RESPONSE.into())
}

fn mask_command(line: &[u8]) -> Option<Vec<u8>> {
    let keyword = words(line).next()?;
    let visible = match keyword.to_ascii_uppercase().as_slice() {
        b"PASS" => 1,
        b"APOP" | b"AUTH" => 2,
        _ => return None,
    };
    let shown: Vec<&[u8]> = words(line).take(visible).collect();
    let hidden = words(line).nth(visible)?;
    // That there is nothing is no secret. RFC 5034 section 4.
    let is_empty = keyword.eq_ignore_ascii_case(b"AUTH") && hidden == b"=";
    (!is_empty).then(|| [&shown.join(&b' '), b" ".as_slice(), MASK.as_bytes()].concat())
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
