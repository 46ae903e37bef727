//! One connection, from its first octet to its end.

use std::{
    collections::HashMap,
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use pop3_proto::{
    machine::Machine,
    server::{Connection, Server as Protocol},
    types::MessageNumber,
};
use pop3_store::memory::OpenMemory;

use super::{
    End, Kind,
    carry_out::{Answer, Then},
    login::{Exchange, timestamp},
    scripts::Phase,
    shared::Shared,
    wire::{Heard, Wire},
};
use crate::{
    fault::{Instead, Said, Watch, instead, shape},
    transcript::{Entry, Side, is_challenge, without_end},
};

/// A line of a client that goes on beyond this is fed to the machine in pieces, which has limits of its own.
const LINE_MAX: usize = 128 * 1024;
/// For the client's part of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// One session, on its own thread.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    number: u32,
    pub(super) wire: Wire,
    pub(super) machine: Protocol,
    watch: Watch,
    pub(super) began: Instant,
    /// The maildrop under its lock.
    pub(super) opened: Option<OpenMemory>,
    pub(super) exchange: Option<Exchange>,
    /// The answers to DELE that the client did not hear, since a fault marked the message behind its back.
    pub(super) unheard: HashMap<MessageNumber, Vec<u8>>,
}

/// Runs a session to its end, and notes how that came.
pub(super) fn run(shared: Arc<Shared>, number: u32, kind: Kind, socket: Arc<TcpStream>) {
    let wire = Wire::new(Arc::clone(&shared), number, socket);
    let end = match Session::new(Arc::clone(&shared), number, kind, wire) {
        // The session is gone when this is over: its connection is closed, and its maildrop unlocked.
        Ok(mut session) => session.converse(kind).err().unwrap_or(End::Quit),
        Err(end) => end,
    };
    shared.records.change(number, |record| record.end = Some(end));
}

impl Session {
    fn new(shared: Arc<Shared>, number: u32, kind: Kind, wire: Wire) -> Result<Self, End> {
        let is_tls = kind == Kind::Tls;
        let is_apop = shared.login.is_apop && (is_tls || !shared.login.needs_tls);
        let scripted = || shared.scripts.timestamp().map(Into::into);
        let apop_timestamp = if is_apop { scripted().or_else(timestamp) } else { None };
        let connection = Connection { is_tls, apop_timestamp };
        // The builder has tried it.
        let machine = Protocol::new(shared.config(kind).clone(), connection).map_err(|_| End::Stopped)?;
        let watch = Watch::new(shared.plan(), number);
        let began = Instant::now();
        let (opened, exchange, unheard) = Default::default();
        Ok(Self { shared, number, wire, machine, watch, began, opened, exchange, unheard })
    }

    /// Until something ends it, which is always an error here.
    fn converse(&mut self, kind: Kind) -> Result<(), End> {
        if kind == Kind::Tls {
            self.begin_tls()?;
        }
        self.greet()?;
        loop {
            let line = self.next_line()?;
            self.on_line(&line)?;
        }
    }

    fn greet(&mut self) -> Result<(), End> {
        let mut answer = self.transmit();
        if let Some(greeting) = self.shared.scripts.greeting() {
            answer = greeting;
        }
        let faults = self.watch.meet(Said::Greeting);
        if let Some(instead) = instead(&faults) {
            answer = self.in_place(instead)?;
        }
        self.wire.perform(shape(&faults, Said::Greeting, self.number, answer))
    }

    /// The next line of the client with its LF; or a part of one that is far too long.
    fn next_line(&mut self) -> Result<Vec<u8>, End> {
        loop {
            if let Some(line) = self.wire.take_line() {
                return Ok(line);
            }
            if self.wire.input.len() > LINE_MAX {
                return Ok(std::mem::take(&mut self.wire.input));
            }
            let until = self.machine.poll_timeout().map(|elapsed| self.began + elapsed.0);
            match self.wire.read(until)? {
                Heard::Octets => {}
                Heard::Eof => {
                    self.wire.note_rest();
                    self.wire.note_entry(Entry::Eof(Side::Client));
                    return Err(End::Eof);
                }
                Heard::Nothing => {
                    // The machine says whether that was too long, and if so, closes without a word.
                    let answer = self.carry_out(&[], &[]);
                    self.finish(answer.then)?;
                }
            }
        }
    }

    fn on_line(&mut self, line: &[u8]) -> Result<(), End> {
        self.wire.note_client(line);
        let text = String::from_utf8_lossy(without_end(line)).into_owned();
        let (keyword, arguments) = text.split_once(' ').unwrap_or((&text, ""));
        let keyword = keyword.to_ascii_uppercase();
        let said = match &self.exchange {
            Some(_) => Said::Sasl,
            None => Said::Command { keyword: &keyword, arguments },
        };
        let faults = self.watch.meet(said);
        let answer = match instead(&faults) {
            Some(instead) => {
                let octets = self.in_place(instead)?;
                if !is_challenge(&octets) {
                    self.cancel_exchange();
                }
                Answer { octets, then: Then::GoOn }
            }
            None => {
                let phase = Phase::now(self.machine.state(), self.machine.is_tls());
                let answer = self.carry_out(line, &faults);
                let keyword = if said == Said::Sasl { "AUTH" } else { &keyword };
                Answer { octets: self.shared.scripts.apply(keyword, phase, answer.octets), ..answer }
            }
        };
        self.wire.perform(shape(&faults, said, self.number, answer.octets))?;
        self.finish(answer.then)
    }

    /// What is answered when something is not carried out, if anything is.
    fn in_place(&mut self, instead: Instead) -> Result<Vec<u8>, End> {
        match instead {
            Instead::Answer(octets) => Ok(octets),
            Instead::Hang => {
                self.wire.wait_forever()?;
                Ok(Vec::new())
            }
            Instead::Close => Err(self.wire.close_abruptly()),
            Instead::Reset => Err(self.wire.reset()),
        }
    }

    /// The machine waits for a response in an exchange that is over for the client.
    fn cancel_exchange(&mut self) {
        if self.exchange.is_some() {
            let _ = self.carry_out(b"*\r\n", &[]);
        }
    }

    fn finish(&mut self, then: Then) -> Result<(), End> {
        match then {
            Then::GoOn => Ok(()),
            Then::BeginTls => {
                self.begin_tls()?;
                // The machine asked for it, so this is its turn.
                let _ = self.machine.handle_tls_established();
                Ok(())
            }
            Then::Close(end) => {
                self.wire.close();
                Err(end)
            }
        }
    }

    fn begin_tls(&mut self) -> Result<(), End> {
        let faults = self.watch.meet(Said::Tls);
        let octets = match instead(&faults) {
            Some(instead) => {
                let octets = self.in_place(instead)?;
                self.wire.perform(shape(&faults, Said::Tls, self.number, octets))?;
                return self.wire.wait_forever();
            }
            None => Vec::new(),
        };
        self.wire.is_before_tls = true;
        self.wire.perform(shape(&faults, Said::Tls, self.number, octets))?;
        let config = self.shared.tls().map_err(|error| End::Handshake(error.to_string()))?;
        self.wire.begin_tls(config, HANDSHAKE)
    }
}
