//! Many commands of one kind, several of them outstanding where the server announced PIPELINING.
//!
//! RFC 2449 section 6.6: responses come in the order of the commands, and a client must not block in a
//! write while the server blocks in one. The window holds at most
//! [`Options::MAX_WINDOW`](crate::Options::MAX_WINDOW) commands of at most 27 octets: they fit the send
//! buffer of the system, so writing them never waits for the server.

use std::{collections::VecDeque, ops::ControlFlow};

use pop3_proto::{
    client::{Client, Event, PeerMisbehaved, UsageError},
    types::{Command, Keyword, MessageNumber, Response},
};

use super::{Exchange, Flow};
use crate::Error;

/// The numbers that are still to be sent, and those that are outstanding.
#[derive(Debug)]
pub(crate) struct Window<I> {
    numbers: I,
    command: Repeated,
    outstanding: VecDeque<MessageNumber>,
    size: usize,
}

/// The commands that can be sent for many messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Repeated {
    Dele,
    Retr,
    Top { lines: u32 },
}

impl Repeated {
    const fn command(self, number: MessageNumber) -> Command<'static> {
        match self {
            Self::Dele => Command::Dele(number),
            Self::Retr => Command::Retr(number),
            Self::Top { lines } => Command::Top { number, lines },
        }
    }
}

impl<I: Iterator<Item = MessageNumber>> Window<I> {
    pub(crate) fn new(numbers: I, command: Repeated, size: usize) -> Self {
        Self { numbers, command, outstanding: VecDeque::new(), size }
    }

    /// The keyword of the command.
    pub(crate) const fn keyword(&self) -> Keyword {
        match self.command {
            Repeated::Dele => Keyword::Dele,
            Repeated::Retr => Keyword::Retr,
            Repeated::Top { .. } => Keyword::Top,
        }
    }

    /// Sends what may be sent; says whether every answer is in.
    pub(crate) fn is_over(&mut self, machine: &mut Client) -> Result<bool, UsageError> {
        self.top_up(machine)?;
        Ok(self.outstanding.is_empty())
    }

    /// Sends as many commands as may be outstanding.
    fn top_up(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        while self.outstanding.len() < self.size && (self.outstanding.is_empty() || machine.may_pipeline()) {
            let Some(number) = self.numbers.next() else { break };
            machine.send(&self.command.command(number))?;
            self.outstanding.push_back(number);
        }
        Ok(())
    }
}

/// The first line of the next answer in the window.
#[derive(Debug)]
pub(crate) struct NextResponse<'w, I>(pub(crate) &'w mut Window<I>);

impl<I: Iterator<Item = MessageNumber>> Exchange for NextResponse<'_, I> {
    /// The message, and how the server refused it, if it did.
    type Output = (MessageNumber, Option<Response<'static>>);

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        self.0.top_up(machine)
    }

    fn on_event(&mut self, _machine: &mut Client, event: Event<'_>) -> Flow<Self::Output> {
        match event {
            Event::Response { response, .. } => {
                let refusal = (!response.is_ok()).then(|| response.into_owned());
                ControlFlow::Break(match self.0.outstanding.pop_front() {
                    Some(number) => Ok((number, refusal)),
                    None => Err(Error::Peer(PeerMisbehaved::UnsolicitedResponse)),
                })
            }
            Event::Closed => ControlFlow::Break(Err(Error::Peer(PeerMisbehaved::UnexpectedEof))),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// DELE for many messages.
#[derive(Debug)]
pub(crate) struct DeleteAll<I> {
    window: Window<I>,
    refused: Vec<(MessageNumber, Response<'static>)>,
}

impl<I: Iterator<Item = MessageNumber>> DeleteAll<I> {
    pub(crate) fn new(numbers: I, size: usize) -> Self {
        Self { window: Window::new(numbers, Repeated::Dele, size), refused: Vec::new() }
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_over(&mut self, machine: &mut Client) -> Result<bool, UsageError> {
        self.window.is_over(machine)
    }
}

impl<I: Iterator<Item = MessageNumber>> Exchange for DeleteAll<I> {
    /// The messages that the server did not mark, and what it said.
    type Output = Vec<(MessageNumber, Response<'static>)>;

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        self.window.top_up(machine)
    }

    fn on_event(&mut self, machine: &mut Client, event: Event<'_>) -> Flow<Self::Output> {
        let (number, refusal) = match NextResponse(&mut self.window).on_event(machine, event) {
            ControlFlow::Break(Ok(answer)) => answer,
            ControlFlow::Break(Err(error)) => return ControlFlow::Break(Err(error)),
            ControlFlow::Continue(()) => return ControlFlow::Continue(()),
        };
        self.refused.extend(refusal.map(|response| (number, response)));
        match self.window.is_over(machine) {
            Ok(false) => ControlFlow::Continue(()),
            Ok(true) => ControlFlow::Break(Ok(std::mem::take(&mut self.refused))),
            Err(error) => ControlFlow::Break(Err(error.into())),
        }
    }
}

/// The refusal of a command as an error.
pub(crate) const fn refused(keyword: Keyword, response: Response<'static>) -> Error {
    Error::Refused { keyword, response }
}
