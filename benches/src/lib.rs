//! Mail to measure with: made anew from fixed seeds, so that every run sees the same octets.

/// What kind of text a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// Base64 in lines of 76 octets, CRLF: an attachment.
    Base64,
    /// Prose in lines of 60 to 78 octets, CRLF.
    Text,
    /// The same prose with LF line ends, as most Maildirs hold it.
    TextLf,
    /// Every fourth line begins with a dot, CRLF.
    Dots,
}

impl Mail {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Base64, Self::Text, Self::TextLf, Self::Dots];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Text => "text",
            Self::TextLf => "text-lf",
            Self::Dots => "dots",
        }
    }

    /// About `octets` octets of such mail, header included.
    #[must_use]
    pub fn message(self, octets: usize, seed: u64) -> Vec<u8> {
        let mut random = Random(seed | 1);
        let line_end: &[u8] = if self == Self::TextLf { b"\n" } else { b"\r\n" };
        let mut out = Vec::with_capacity(octets + 100);
        for field in ["From: Ada <ada@example.org>", "To: mrose@example.org", "Subject: figures", ""] {
            out.extend_from_slice(field.as_bytes());
            out.extend_from_slice(line_end);
        }
        while out.len() < octets {
            match self {
                Self::Base64 => random.fill(76, BASE64, &mut out),
                Self::Text | Self::TextLf => prose(&mut random, &mut out),
                Self::Dots => {
                    if random.below(4) == 0 {
                        out.push(b'.');
                    }
                    prose(&mut random, &mut out);
                }
            }
            out.extend_from_slice(line_end);
        }
        out
    }
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LETTERS: &[u8] = b"etaoinshrdlcumwfgypbvk";

/// A line of words, with a full stop now and then.
fn prose(random: &mut Random, out: &mut Vec<u8>) {
    let end = out.len() + 60 + random.below(12);
    while out.len() < end {
        let length = 1 + random.below(9);
        random.fill(length, LETTERS, out);
        if random.below(8) == 0 {
            out.push(b'.');
        }
        out.push(b' ');
    }
    out.pop();
}

/// A small generator (xorshift); nothing here needs better.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    fn fill(&mut self, count: usize, alphabet: &[u8], out: &mut Vec<u8>) {
        for _ in 0..count {
            let at = self.below(alphabet.len());
            out.extend(alphabet.get(at));
        }
    }
}
