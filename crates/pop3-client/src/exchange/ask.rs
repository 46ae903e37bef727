//! One command and its answer.

use std::ops::ControlFlow;

use pop3_proto::{
    client::{Client, Event, PeerMisbehaved, UsageError},
    types::{Command, DropListing, Keyword, MessageNumber, Response, ScanListing, UniqueIdListing},
};

use super::{Exchange, Flow};
use crate::Error;

/// Waits for the greeting. RFC 1939 section 4: nothing is sent before it.
#[derive(Debug)]
pub(crate) struct Greet;

impl Exchange for Greet {
    /// The timestamp for APOP, if there is one.
    type Output = Option<String>;

    fn begin(&mut self, _machine: &mut Client) -> Result<(), UsageError> {
        Ok(())
    }

    fn on_event(&mut self, _machine: &mut Client, event: Event<'_>) -> Flow<Option<String>> {
        ControlFlow::Break(match event {
            Event::Greeting { response, timestamp } if response.is_ok() => {
                Ok(timestamp.map(std::borrow::Cow::into_owned))
            }
            Event::Greeting { response, .. } => Err(Error::Unavailable { response: response.into_owned() }),
            _ => Err(Error::Peer(PeerMisbehaved::UnexpectedEof)),
        })
    }
}

/// A command whose `+OK` says it all, or whose content is read by somebody else.
#[derive(Debug)]
pub(crate) struct Ask(pub(crate) Command<'static>);

impl Exchange for Ask {
    type Output = ();

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        machine.send(&self.0).map(drop)
    }

    fn on_event(&mut self, _machine: &mut Client, event: Event<'_>) -> Flow<()> {
        match event {
            Event::Response { response, .. } => ControlFlow::Break(accept(self.0.keyword(), response)),
            Event::Closed => ControlFlow::Break(Err(Error::Peer(PeerMisbehaved::UnexpectedEof))),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// STLS: waits for the `+OK` and then for the word that nothing followed it. RFC 2595 section 4.
#[derive(Debug)]
pub(crate) struct Stls;

impl Exchange for Stls {
    type Output = ();

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        machine.send(&Command::Stls).map(drop)
    }

    fn on_event(&mut self, _machine: &mut Client, event: Event<'_>) -> Flow<()> {
        match event {
            Event::Response { response, .. } if !response.is_ok() => {
                ControlFlow::Break(Err(Error::TlsUnavailable { response: response.into_owned() }))
            }
            Event::StartTls => ControlFlow::Break(Ok(())),
            Event::Closed => ControlFlow::Break(Err(Error::Peer(PeerMisbehaved::UnexpectedEof))),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// STAT, LIST n and UIDL n: the answer is in the first line.
#[derive(Debug)]
pub(crate) struct AskOne<T> {
    command: Command<'static>,
    read: fn(&Event<'_>) -> Option<T>,
}

pub(crate) fn stat() -> AskOne<DropListing> {
    let read = |event: &Event<'_>| match event {
        Event::DropListing { listing, .. } => Some(*listing),
        _ => None,
    };
    AskOne { command: Command::Stat, read }
}

pub(crate) fn list_one(number: MessageNumber) -> AskOne<ScanListing> {
    let read = |event: &Event<'_>| match event {
        Event::ScanListing { listing, .. } => Some(*listing),
        _ => None,
    };
    AskOne { command: Command::List(Some(number)), read }
}

pub(crate) fn uidl_one(number: MessageNumber) -> AskOne<UniqueIdListing<'static>> {
    let read = |event: &Event<'_>| match event {
        Event::UniqueIdListing { listing, .. } => Some(listing.clone().into_owned()),
        _ => None,
    };
    AskOne { command: Command::Uidl(Some(number)), read }
}

impl<T> Exchange for AskOne<T> {
    type Output = T;

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        machine.send(&self.command).map(drop)
    }

    fn on_event(&mut self, _machine: &mut Client, event: Event<'_>) -> Flow<T> {
        if let Some(answer) = (self.read)(&event) {
            return ControlFlow::Break(Ok(answer));
        }
        let keyword = self.command.keyword();
        match event {
            Event::Response { response, .. } => {
                let malformed = Error::Peer(PeerMisbehaved::MalformedListing { keyword });
                ControlFlow::Break(accept(keyword, response).and(Err(malformed)))
            }
            Event::MalformedListing { .. } => {
                ControlFlow::Break(Err(Error::Peer(PeerMisbehaved::MalformedListing { keyword })))
            }
            Event::Closed => ControlFlow::Break(Err(Error::Peer(PeerMisbehaved::UnexpectedEof))),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// `+OK`, or the refusal as an error.
pub(crate) fn accept(keyword: Keyword, response: Response<'_>) -> Result<(), Error> {
    if response.is_ok() {
        return Ok(());
    }
    Err(Error::Refused { keyword, response: response.into_owned() })
}
