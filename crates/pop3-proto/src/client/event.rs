use alloc::borrow::Cow;

use super::CommandId;
use crate::types::{
    Capability, DropListing, Language, Mechanism, MessageNumber, Response, ScanListing, Secret,
    UniqueIdListing,
};

/// What the server said. Events of a command come together, in the order the commands were sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'i> {
    /// The first line of the session. A `-ERR` means that the server will not serve. RFC 1939 section 4.
    Greeting {
        /// The line.
        response: Response<'i>,
        /// What APOP signs, if the greeting holds something of the right shape.
        timestamp: Option<Cow<'i, str>>,
    },
    /// The first line of a response.
    Response {
        /// The command it answers.
        id: CommandId,
        /// The line.
        response: Response<'i>,
        /// Nothing more comes for this command; otherwise content follows, and then [`Event::End`].
        is_last: bool,
    },
    /// The whole answer to STAT.
    DropListing {
        /// The command it answers.
        id: CommandId,
        /// How many messages and octets.
        listing: DropListing,
    },
    /// A line of LIST's answer; the whole answer to LIST with a number.
    ScanListing {
        /// The command it answers.
        id: CommandId,
        /// A message's size.
        listing: ScanListing,
    },
    /// A line of UIDL's answer; the whole answer to UIDL with a number.
    UniqueIdListing {
        /// The command it answers.
        id: CommandId,
        /// A message's unique-id.
        listing: UniqueIdListing<'i>,
    },
    /// A line of LIST's or UIDL's answer that names a message, but gives no size or no unique-id that makes
    /// sense. Servers in the field do that; the other messages are none the worse.
    MalformedListing {
        /// The command it answers.
        id: CommandId,
        /// The message.
        number: MessageNumber,
    },
    /// A line of CAPA's answer.
    Capability {
        /// The command it answers.
        id: CommandId,
        /// The capability.
        capability: Capability<'i>,
    },
    /// A line of the answer to AUTH alone.
    Mechanism {
        /// The command it answers.
        id: CommandId,
        /// A mechanism's name.
        mechanism: Mechanism<'i>,
    },
    /// A line of LANG's answer.
    Language {
        /// The command it answers.
        id: CommandId,
        /// A language to choose.
        language: Language<'i>,
    },
    /// Content of a message, unstuffed, as much as could be without a copy.
    MessageChunk {
        /// The command it answers.
        id: CommandId,
        /// The octets.
        chunk: &'i [u8],
    },
    /// The termination line of a multi-line response.
    End {
        /// The command it answers.
        id: CommandId,
    },
    /// Answer with `respond` or `cancel_auth`.
    Challenge {
        /// The AUTH command that goes on.
        id: CommandId,
        /// Decoded.
        challenge: Secret<Cow<'i, [u8]>>,
    },
    /// Flush, hand the transport to TLS, then call `handle_tls_established`.
    StartTls,
    /// The server has closed the connection where it may.
    Closed,
}

impl Event<'_> {
    /// The same event, borrowing nothing; `None` for a message chunk, which is only ever lent.
    pub(super) fn into_owned(self) -> Option<Event<'static>> {
        Some(match self {
            Self::Greeting { response, timestamp } => Event::Greeting {
                response: response.into_owned(),
                timestamp: timestamp.map(|timestamp| Cow::Owned(timestamp.into_owned())),
            },
            Self::Response { id, response, is_last } => {
                Event::Response { id, response: response.into_owned(), is_last }
            }
            Self::DropListing { id, listing } => Event::DropListing { id, listing },
            Self::ScanListing { id, listing } => Event::ScanListing { id, listing },
            Self::UniqueIdListing { id, listing } => {
                Event::UniqueIdListing { id, listing: listing.into_owned() }
            }
            Self::MalformedListing { id, number } => Event::MalformedListing { id, number },
            Self::Capability { id, capability } => {
                Event::Capability { id, capability: capability.into_owned() }
            }
            Self::Mechanism { id, mechanism } => Event::Mechanism { id, mechanism: mechanism.into_owned() },
            Self::Language { id, language } => Event::Language { id, language: language.into_owned() },
            Self::End { id } => Event::End { id },
            Self::Challenge { id, challenge } => Event::Challenge { id, challenge: challenge.into_owned() },
            Self::StartTls => Event::StartTls,
            Self::Closed => Event::Closed,
            Self::MessageChunk { .. } => return None,
        })
    }
}
