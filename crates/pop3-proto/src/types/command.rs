use alloc::borrow::Cow;
use core::fmt;

use super::{LanguageTag, Mechanism, MessageNumber, Secret};

/// What a client sends: one variant per keyword.
///
/// Names and passwords are text without line ends; what else they may hold is checked when the command
/// is encoded or parsed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `APOP name digest`. RFC 1939 section 7.
    Apop {
        /// Whose maildrop.
        name: Cow<'a, str>,
        /// MD5 over the greeting's timestamp and the shared secret.
        digest: [u8; 16],
    },
    /// `AUTH mechanism [initial-response]`. RFC 5034 section 4.
    Auth {
        /// The mechanism.
        mechanism: Mechanism<'a>,
        /// Decoded; `Some` of nothing goes as `=`.
        initial_response: Option<Secret<Cow<'a, [u8]>>>,
    },
    /// `AUTH` alone: the older way to ask for the mechanisms.
    AuthList,
    /// `CAPA`. RFC 2449 section 5.
    Capa,
    /// `DELE n`. RFC 1939 section 5.
    Dele(MessageNumber),
    /// `LANG [tag]`. RFC 6856 section 3.
    Lang(Option<LanguageTag<'a>>),
    /// `LIST [n]`. RFC 1939 section 5.
    List(Option<MessageNumber>),
    /// `NOOP`. RFC 1939 section 5.
    Noop,
    /// `PASS password`: everything after the one space. RFC 1939 section 7.
    Pass(Secret<Cow<'a, str>>),
    /// `QUIT`. RFC 1939 sections 4 and 6.
    Quit,
    /// `RETR n`. RFC 1939 section 5.
    Retr(MessageNumber),
    /// `RSET`. RFC 1939 section 5.
    Rset,
    /// `STAT`. RFC 1939 section 5.
    Stat,
    /// `STLS`. RFC 2595 section 4.
    Stls,
    /// `TOP n lines`. RFC 1939 section 7.
    Top {
        /// The message.
        number: MessageNumber,
        /// Lines of the body to send after the header and the empty line.
        lines: u32,
    },
    /// `UIDL [n]`. RFC 1939 section 7.
    Uidl(Option<MessageNumber>),
    /// `USER name`. RFC 1939 section 7.
    User(Cow<'a, str>),
    /// `UTF8`. RFC 6856 section 2.
    Utf8,
}

impl Command<'_> {
    /// The keyword of this command.
    #[must_use]
    pub const fn keyword(&self) -> Keyword {
        match self {
            Self::Apop { .. } => Keyword::Apop,
            Self::Auth { .. } | Self::AuthList => Keyword::Auth,
            Self::Capa => Keyword::Capa,
            Self::Dele(_) => Keyword::Dele,
            Self::Lang(_) => Keyword::Lang,
            Self::List(_) => Keyword::List,
            Self::Noop => Keyword::Noop,
            Self::Pass(_) => Keyword::Pass,
            Self::Quit => Keyword::Quit,
            Self::Retr(_) => Keyword::Retr,
            Self::Rset => Keyword::Rset,
            Self::Stat => Keyword::Stat,
            Self::Stls => Keyword::Stls,
            Self::Top { .. } => Keyword::Top,
            Self::Uidl(_) => Keyword::Uidl,
            Self::User(_) => Keyword::User,
            Self::Utf8 => Keyword::Utf8,
        }
    }

    /// Whether a `+OK` to this command is followed by more lines.
    ///
    /// It depends on the command and its arguments, never on the text. RFC 1939 section 3, RFC 2449
    /// section 3, RFC 6856 section 3. A `-ERR` is always one line.
    #[must_use]
    pub const fn is_multi_line(&self) -> bool {
        matches!(
            self,
            Self::AuthList
                | Self::Capa
                | Self::Lang(None)
                | Self::List(None)
                | Self::Retr(_)
                | Self::Top { .. }
                | Self::Uidl(None)
        )
    }
}

/// Shows neither password, token nor digest.
impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keyword = self.keyword().as_str();
        let mut tuple = f.debug_tuple(keyword);
        match self {
            Self::Apop { name, .. } => tuple.field(name).field(&format_args!("[REDACTED]")),
            Self::Auth { mechanism, initial_response } => tuple.field(mechanism).field(initial_response),
            Self::Dele(number) | Self::Retr(number) => tuple.field(number),
            Self::List(number) | Self::Uidl(number) => tuple.field(number),
            Self::Lang(tag) => tuple.field(tag),
            Self::Pass(password) => tuple.field(password),
            Self::Top { number, lines } => tuple.field(number).field(lines),
            Self::User(name) => tuple.field(name),
            Self::AuthList
            | Self::Capa
            | Self::Noop
            | Self::Quit
            | Self::Rset
            | Self::Stat
            | Self::Stls
            | Self::Utf8 => &mut tuple,
        };
        tuple.finish()
    }
}

/// The keyword of a command. RFC 1939 section 3: three or four letters, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it: each is the keyword of its name")]
pub enum Keyword {
    Apop,
    Auth,
    Capa,
    Dele,
    Lang,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
}

impl Keyword {
    /// Every keyword, in alphabetical order.
    pub const ALL: [Self; 17] = [
        Self::Apop,
        Self::Auth,
        Self::Capa,
        Self::Dele,
        Self::Lang,
        Self::List,
        Self::Noop,
        Self::Pass,
        Self::Quit,
        Self::Retr,
        Self::Rset,
        Self::Stat,
        Self::Stls,
        Self::Top,
        Self::Uidl,
        Self::User,
        Self::Utf8,
    ];

    /// The keyword in upper case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apop => "APOP",
            Self::Auth => "AUTH",
            Self::Capa => "CAPA",
            Self::Dele => "DELE",
            Self::Lang => "LANG",
            Self::List => "LIST",
            Self::Noop => "NOOP",
            Self::Pass => "PASS",
            Self::Quit => "QUIT",
            Self::Retr => "RETR",
            Self::Rset => "RSET",
            Self::Stat => "STAT",
            Self::Stls => "STLS",
            Self::Top => "TOP",
            Self::Uidl => "UIDL",
            Self::User => "USER",
            Self::Utf8 => "UTF8",
        }
    }

    /// The keyword that these letters spell, in any case.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut letters = [0u8; 4];
        letters.get_mut(..octets.len())?.copy_from_slice(octets);
        letters.make_ascii_uppercase();
        Some(match &letters {
            b"APOP" => Self::Apop,
            b"AUTH" => Self::Auth,
            b"CAPA" => Self::Capa,
            b"DELE" => Self::Dele,
            b"LANG" => Self::Lang,
            b"LIST" => Self::List,
            b"NOOP" => Self::Noop,
            b"PASS" => Self::Pass,
            b"QUIT" => Self::Quit,
            b"RETR" => Self::Retr,
            b"RSET" => Self::Rset,
            b"STAT" => Self::Stat,
            b"STLS" => Self::Stls,
            b"TOP\0" if octets.len() == 3 => Self::Top,
            b"UIDL" => Self::Uidl,
            b"USER" => Self::User,
            b"UTF8" => Self::Utf8,
            _ => return None,
        })
    }
}
