//! The faults.

use std::time::Duration;

/// What goes wrong. Octets are octets of the answer as it goes over the wire (under TLS: inside it).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    // ---- the command is not carried out ----
    /// `answer TEXT`: these octets are the answer; CRLF is added where it is missing.
    Answer(Box<[u8]>),
    /// `hang`: no answer ever, while the connection stays.
    Hang,
    /// `close`: the connection closes.
    Close,
    /// `reset`: the connection is reset.
    Reset,

    // ---- the answer suffers on its way ----
    /// `close after N`: after the whole answer, where it is shorter.
    CloseAfter(u64),
    /// `reset after N`.
    ResetAfter(u64),
    /// `half-close after N`: no more is sent, but the server still reads.
    HalfCloseAfter(u64),
    /// `stall after N [for TIME]`: then the rest; without a time, never the rest.
    StallAfter(u64, Option<Duration>),
    /// `split at N,N,... [pause TIME]`: pieces that arrive one by one.
    SplitAt(Vec<u64>, Duration),
    /// `split every N [pause TIME]`.
    SplitEvery(u64, Duration),

    // ---- the answer is another ----
    /// `say TEXT`: this is the status line; what follows it stays.
    Say(Box<[u8]>),
    /// `prepend TEXT`: these octets go before the answer, as they are.
    Prepend(Box<[u8]>),
    /// `append TEXT`: these octets follow the answer at once, as they are. At STLS they come before the
    /// handshake, in clear.
    Append(Box<[u8]>),
    /// `twice`: the answer comes twice.
    Twice,
    /// `bare-lf`: lines end in LF alone.
    BareLf,
    /// `unstuffed`: no byte-stuffing.
    Unstuffed,
    /// `no-terminator`: the termination line is missing, and the connection stays.
    NoTerminator,
    /// `terminator TEXT`: these octets, as they are, in place of the termination line.
    Terminator(Box<[u8]>),
    /// `no-last-crlf`: the last line of the content has no end, and the termination octet stands in it.
    NoLastCrlf,
    /// `cut to N`: so many octets of the content, then the termination line.
    CutTo(u64),
    /// `endless line`, `endless listing`, `endless message`: until the client goes away.
    Endless(Endless),
    /// `sizes +N`, `sizes -N`, `sizes *N`, `sizes =TEXT`: in STAT and LIST, and in the text of RETR.
    Sizes(Sizes),
    /// `unique-ids duplicate`, and so on.
    UniqueIds(UniqueIds),
    /// `separator TEXT`: stands between number and value in STAT, LIST and UIDL, in place of one space.
    Separator(Box<[u8]>),
    /// `trailing TEXT`: at the end of each line of LIST and UIDL, and of the answer to STAT, LIST n, UIDL n.
    Trailing(Box<[u8]>),
    /// `no-number`: the answer to `UIDL n` and `LIST n` lacks the number.
    NoNumber,
    /// `ok-before-lines`: `+OK ` before every line of a listing.
    OkBeforeLines,
    /// `shuffled`: the lines of a listing in another order.
    Shuffled,
    /// `without TEXT`: the lines of a listing that begin with these words are not there, as `STLS` in CAPA
    /// or `2` in UIDL.
    Without(Box<[u8]>),
    /// `with TEXT`: one line more at the end of a listing, as `SASL XOAUTH2` in CAPA.
    With(Box<[u8]>),

    // ---- the server does something else ----
    /// `whole`: TOP sends the whole message.
    Whole,
    /// `delete`: RETR marks the message as deleted.
    Delete,
    /// `remove-nothing`: QUIT says `+OK` and removes nothing.
    RemoveNothing,
}

/// What has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endless {
    /// The first line of the content; where there is none, the status line.
    Line,
    /// A listing, whose lines come again and again.
    Listing,
    /// A message.
    Message,
}

/// What happens to sizes, in octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// So much more.
    More(u64),
    /// So much less, but at least 0.
    Less(u64),
    /// So many times as much.
    Times(u64),
    /// This in place of every size.
    Text(Box<[u8]>),
}

/// What happens to unique-ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UniqueIds {
    /// `unique-ids duplicate`: all messages have the same, in all sessions.
    Duplicate,
    /// `unique-ids changed`: those of this session are not those of any other.
    Changed,
    /// `unique-ids missing`: the lines hold the number alone.
    Missing,
    /// `unique-ids long N`: they are filled up, or cut, to so many octets.
    Long(u32),
    /// `unique-ids suffix TEXT`: these octets follow each of them.
    Suffix(Box<[u8]>),
}

impl Fault {
    /// The text forms of all faults; [`InvalidRule`](super::InvalidRule) offers them.
    pub const FORMS: &'static [&'static str] = &[
        "answer TEXT",
        "hang",
        "close",
        "reset",
        "close after N",
        "reset after N",
        "half-close after N",
        "stall after N",
        "stall after N for TIME",
        "split at N,N,... [pause TIME]",
        "split every N [pause TIME]",
        "say TEXT",
        "prepend TEXT",
        "append TEXT",
        "twice",
        "bare-lf",
        "unstuffed",
        "no-terminator",
        "terminator TEXT",
        "no-last-crlf",
        "cut to N",
        "endless line",
        "endless listing",
        "endless message",
        "sizes +N",
        "sizes -N",
        "sizes *N",
        "sizes =TEXT",
        "unique-ids duplicate",
        "unique-ids changed",
        "unique-ids missing",
        "unique-ids long N",
        "unique-ids suffix TEXT",
        "separator TEXT",
        "trailing TEXT",
        "no-number",
        "ok-before-lines",
        "shuffled",
        "without TEXT",
        "with TEXT",
        "whole",
        "delete",
        "remove-nothing",
    ];

    /// The pause of `split` where none is said.
    pub const PAUSE: Duration = Duration::from_millis(5);

    /// `answer TEXT`.
    #[must_use]
    pub fn answer(octets: impl AsRef<[u8]>) -> Self {
        Self::Answer(octets.as_ref().into())
    }

    /// `say TEXT`.
    #[must_use]
    pub fn say(octets: impl AsRef<[u8]>) -> Self {
        Self::Say(octets.as_ref().into())
    }

    /// `prepend TEXT`.
    #[must_use]
    pub fn prepend(octets: impl AsRef<[u8]>) -> Self {
        Self::Prepend(octets.as_ref().into())
    }

    /// `append TEXT`.
    #[must_use]
    pub fn append(octets: impl AsRef<[u8]>) -> Self {
        Self::Append(octets.as_ref().into())
    }

    /// The commands to whose answers it makes a difference; none where it makes one everywhere.
    pub(super) const fn keywords(&self) -> &'static [&'static str] {
        match self {
            Self::Answer(_) | Self::Hang | Self::Close | Self::Reset => &[],
            Self::CloseAfter(_) | Self::ResetAfter(_) | Self::HalfCloseAfter(_) => &[],
            Self::StallAfter(..) | Self::SplitAt(..) | Self::SplitEvery(..) => &[],
            Self::Say(_) | Self::Prepend(_) | Self::Append(_) | Self::Twice | Self::BareLf => &[],
            Self::Endless(Endless::Line) => &[],
            Self::Unstuffed
            | Self::NoTerminator
            | Self::Terminator(_)
            | Self::NoLastCrlf
            | Self::CutTo(_) => &["RETR", "TOP", "LIST", "UIDL", "CAPA", "AUTH", "LANG"],
            Self::Endless(Endless::Message) => &["RETR", "TOP"],
            Self::Endless(Endless::Listing) => &["LIST", "UIDL", "CAPA"],
            Self::OkBeforeLines | Self::Shuffled | Self::Without(_) | Self::With(_) => {
                &["LIST", "UIDL", "CAPA", "AUTH", "LANG"]
            }
            Self::Sizes(_) => &["STAT", "LIST", "RETR", "TOP"],
            Self::Separator(_) | Self::Trailing(_) => &["STAT", "LIST", "UIDL"],
            Self::NoNumber => &["LIST", "UIDL"],
            Self::UniqueIds(_) => &["UIDL"],
            Self::Whole => &["TOP"],
            Self::Delete => &["RETR"],
            Self::RemoveNothing => &["QUIT"],
        }
    }
}
