//! CAPA, LIST and UIDL: answers of many lines, gathered within bounds.

use std::{mem, ops::ControlFlow};

use pop3_proto::{
    client::{Client, Event, PeerMisbehaved, UsageError},
    types::{Capability, Command, Keyword, MessageNumber, ScanListing, UniqueIdListing},
};

use super::{Exchange, Flow, ask::accept};
use crate::{Capabilities, Error};

/// The most octets that one listing may take, so that a server cannot fill the memory of its clients.
const MAX_OCTETS: usize = 256 << 20;
/// The most lines of CAPA; registered are a dozen.
const MAX_CAPABILITIES: usize = 1000;

/// A listing on its way.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    command: Command<'static>,
    lines: Vec<T>,
    max_lines: usize,
    octets: usize,
    has_begun: bool,
}

/// A line of a listing.
pub(crate) trait Line: Sized {
    /// The line, if this event is one.
    fn from_event(event: Event<'_>) -> Option<Self>;
    /// Octets that it keeps beside its own.
    fn extra_octets(&self) -> usize;
    /// The message that it is about.
    fn number(&self) -> Option<MessageNumber>;
}

pub(crate) fn list() -> Listing<ScanListing> {
    Listing::new(Command::List(None), usize::MAX)
}

pub(crate) fn uidl() -> Listing<UniqueIdListing<'static>> {
    Listing::new(Command::Uidl(None), usize::MAX)
}

impl<T: Line> Listing<T> {
    fn new(command: Command<'static>, max_lines: usize) -> Self {
        Self { command, lines: Vec::new(), max_lines, octets: 0, has_begun: false }
    }

    fn add(&mut self, line: T) -> Result<(), Error> {
        self.octets = self.octets.saturating_add(size_of::<T>()).saturating_add(line.extra_octets());
        if self.lines.len() >= self.max_lines || self.octets > MAX_OCTETS {
            let keyword = self.command.keyword();
            return Err(Error::Peer(PeerMisbehaved::ListingTooLong { keyword, limit: self.lines.len() }));
        }
        self.lines.push(line);
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<T>, Error> {
        let lines = mem::take(&mut self.lines);
        if has_duplicates(&lines) {
            let keyword = self.command.keyword();
            return Err(Error::Peer(PeerMisbehaved::MalformedListing { keyword }));
        }
        Ok(lines)
    }
}

/// Whether two lines are about one message: then none of them can be believed.
fn has_duplicates<T: Line>(lines: &[T]) -> bool {
    let numbers = || lines.iter().filter_map(Line::number);
    if numbers().zip(numbers().skip(1)).all(|(one, next)| one < next) {
        return false;
    }
    let mut sorted: Vec<_> = numbers().collect();
    sorted.sort_unstable();
    sorted.iter().zip(sorted.iter().skip(1)).any(|(one, next)| one == next)
}

impl<T: Line> Exchange for Listing<T> {
    type Output = Vec<T>;

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        machine.send(&self.command).map(drop)
    }

    fn on_event(&mut self, _machine: &mut Client, event: Event<'_>) -> Flow<Vec<T>> {
        let added = match event {
            Event::Response { response, .. } if !self.has_begun => {
                self.has_begun = true;
                accept(self.command.keyword(), response)
            }
            Event::End { .. } => return ControlFlow::Break(self.finish()),
            Event::Closed => Err(Error::Peer(PeerMisbehaved::UnexpectedEof)),
            event => T::from_event(event).map_or(Ok(()), |line| self.add(line)),
        };
        added.map_or_else(|error| ControlFlow::Break(Err(error)), ControlFlow::Continue)
    }
}

impl Line for ScanListing {
    fn from_event(event: Event<'_>) -> Option<Self> {
        match event {
            Event::ScanListing { listing, .. } => Some(listing),
            _ => None,
        }
    }

    fn extra_octets(&self) -> usize {
        0
    }

    fn number(&self) -> Option<MessageNumber> {
        Some(self.number)
    }
}

impl Line for UniqueIdListing<'static> {
    fn from_event(event: Event<'_>) -> Option<Self> {
        match event {
            Event::UniqueIdListing { listing, .. } => Some(listing.into_owned()),
            _ => None,
        }
    }

    fn extra_octets(&self) -> usize {
        self.unique_id.as_bytes().len()
    }

    fn number(&self) -> Option<MessageNumber> {
        Some(self.number)
    }
}

impl Line for Capability<'static> {
    fn from_event(event: Event<'_>) -> Option<Self> {
        match event {
            Event::Capability { capability, .. } => Some(capability.into_owned()),
            _ => None,
        }
    }

    fn extra_octets(&self) -> usize {
        match self {
            Self::Other(line) | Self::Implementation(line) => line.len(),
            Self::Sasl(mechanisms) => mechanisms.len().saturating_mul(48),
            _ => 0,
        }
    }

    fn number(&self) -> Option<MessageNumber> {
        None
    }
}

/// CAPA. A server that does not know it is no error. RFC 2449 section 5.
#[derive(Debug)]
pub(crate) struct Capa(Listing<Capability<'static>>);

pub(crate) fn capa() -> Capa {
    Capa(Listing::new(Command::Capa, MAX_CAPABILITIES))
}

impl Exchange for Capa {
    type Output = Capabilities;

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        self.0.begin(machine)
    }

    fn on_event(&mut self, machine: &mut Client, event: Event<'_>) -> Flow<Capabilities> {
        match self.0.on_event(machine, event) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(Ok(list)) => ControlFlow::Break(Ok(Capabilities::new(list))),
            ControlFlow::Break(Err(Error::Refused { keyword: Keyword::Capa, .. })) => {
                ControlFlow::Break(Ok(Capabilities::unknown()))
            }
            ControlFlow::Break(Err(error)) => ControlFlow::Break(Err(error)),
        }
    }
}
