//! Faults on demand: what goes wrong, in which session, at which command, at which time.
//!
//! A [`Plan`] is a list of [`Rule`]s. A rule has a text form too, which the program, the profiles and the
//! scenarios use; [`Rule`] parses it and prints it again:
//!
//! ```text
//! [session RANGE] POINT [#RANGE]: FAULT
//!
//! RETR: reset after 100              every RETR: the connection is reset after 100 octets of the answer
//! RETR 2: answer -ERR not now        message 2 cannot be read
//! session 1 QUIT: close              the first session's QUIT is not carried out; the connection closes
//! session 1 QUIT: close after 0      it is carried out, and the connection closes without an answer
//! CAPA#1: hang                       the first CAPA of every session is never answered
//! session 2.. UIDL: unique-ids changed
//! ```

mod act;
mod parse;
mod shape;
mod watch;

use std::time::Duration;

pub(crate) use act::{Act, Instead};
pub(crate) use shape::{instead, shape};
pub(crate) use watch::{Said, Watch};

/// What goes wrong on a server: nothing, unless rules say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    rules: Vec<Rule>,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// In which sessions, counted from 1 in the order in which the server accepted them.
    pub sessions: Range,
    /// Where in a session.
    pub point: Point,
    /// At which times that this point is met in a session, counted from 1.
    pub occurrences: Range,
    /// What happens.
    pub fault: Fault,
}

/// Numbers from `first` to `last`, both included; without `last`, all from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first, at least 1.
    pub first: u32,
    /// The last, if there is one.
    pub last: Option<u32>,
}

/// Where in a session something goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Point {
    /// Instead of the greeting, or in it.
    Greeting,
    /// The TLS handshake, whether it comes first or after STLS.
    Tls,
    /// A client's response in a SASL exchange: the answer to it.
    Sasl,
    /// A command, by its keyword in upper case; with an argument, only where the arguments begin with it.
    Command {
        /// As in `RETR`.
        keyword: Box<str>,
        /// As in `2`, whole words.
        argument: Option<Box<str>>,
    },
}

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

    // ---- it is carried out, and the answer suffers on its way ----
    /// `close after N`.
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

    // ---- it is carried out, and the answer is another ----
    /// `say TEXT`: this is the status line; what follows it stays.
    Say(Box<[u8]>),
    /// `prepend TEXT`: these octets go before the answer, as they are.
    Prepend(Box<[u8]>),
    /// `append TEXT`: these octets follow the answer at once, as they are. At STLS they come before the
    /// handshake, in clear.
    Append(Box<[u8]>),
    /// `bare-lf`: lines end in LF alone.
    BareLf,
    /// `unstuffed`: no byte-stuffing.
    Unstuffed,
    /// `no-terminator`: the termination line is missing, and the connection stays.
    NoTerminator,
    /// `cut to N`: so many octets of the content, then the termination line.
    CutTo(u64),
    /// `endless line`, `endless listing`, `endless message`: until the client goes away.
    Endless(Endless),
    /// `sizes +N`, `sizes -N`, `sizes *N`, `sizes =TEXT`: in STAT and LIST, and in the text of RETR.
    Sizes(Sizes),
    /// `unique-ids duplicate`, and so on.
    UniqueIds(UniqueIds),
    /// `separator TEXT`: stands between number and value in listings, in place of one space.
    Separator(Box<str>),
    /// `trailing TEXT`: at the end of each line of a listing.
    Trailing(Box<str>),
    /// `no-number`: the answer to `UIDL n` and `LIST n` lacks the number.
    NoNumber,
    /// `ok-before-lines`: `+OK ` before every line of a listing.
    OkBeforeLines,
    /// `shuffled`: the lines of a listing in another order.
    Shuffled,
    /// `whole`: TOP sends the whole message.
    Whole,

    // ---- the server does something else ----
    /// `delete`: RETR marks the message as deleted.
    Delete,
    /// `remove-nothing`: QUIT says `+OK` and removes nothing.
    RemoveNothing,
}

/// What has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endless {
    /// A line.
    Line,
    /// A listing.
    Listing,
    /// A message.
    Message,
}

/// What happens to sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// So much more.
    More(u64),
    /// So much less, but at least 0.
    Less(u64),
    /// So many times as much.
    Times(u64),
    /// This in place of every size.
    Text(Box<str>),
}

/// What happens to unique-ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UniqueIds {
    /// All messages have that of the first.
    Duplicate,
    /// Those of this session are not those of any other.
    Changed,
    /// The lines hold the number alone.
    Missing,
    /// They are so many octets long.
    Long(u32),
    /// This octet string follows each of them.
    Suffix(Box<str>),
    /// The line of this message is not there.
    WithoutLine(u32),
}
