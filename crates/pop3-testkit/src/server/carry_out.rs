//! What a line of the client brings about: the questions of the machine, answered.

use std::io::Read as _;

use pop3_proto::{
    body::BodyEncoder,
    machine::{Elapsed, Machine},
    server::{CloseReason, Deletions, Event, Extent, Retrieved, SessionState, UpdateOutcome},
    types::{MessageNumber, ResponseCode},
};
use pop3_store::{OpenMaildrop, memory::OpenMemory};

use super::{
    End,
    records::{HandledMessage, SessionRecord},
    session::Session,
};
use crate::{fault::Fault, transcript::without_end};

/// What is to be said, and done when it is said.
pub(super) struct Answer {
    pub(super) octets: Vec<u8>,
    pub(super) then: Then,
}

/// What follows an answer.
pub(super) enum Then {
    GoOn,
    BeginTls,
    Close(End),
}

impl Session {
    /// Feeds a line to the machine, and gathers all that it has to say about it.
    pub(super) fn carry_out(&mut self, line: &[u8], faults: &[Fault]) -> Answer {
        // A server that deletes what is retrieved has nothing against DELE.
        if let Some(octets) = dele(line).and_then(|number| self.unheard.remove(&number)) {
            return Answer { octets, then: Then::GoOn };
        }
        let answer = self.feed(line, faults);
        self.note_marks(line, &answer.octets);
        answer
    }

    fn feed(&mut self, line: &[u8], faults: &[Fault]) -> Answer {
        self.machine.handle_timeout(Elapsed(self.began.elapsed()));
        let mut answer = Answer { octets: Vec::new(), then: Then::GoOn };
        let mut input = line;
        loop {
            let event = match self.machine.next_event(&mut input) {
                Ok(event) => event.map(Event::into_owned),
                Err(error) => {
                    answer.octets.extend(self.transmit());
                    answer.then = Then::Close(End::Misbehaved(error.to_string()));
                    return answer;
                }
            };
            let said = self.transmit();
            let is_still = event.is_none() && said.is_empty();
            answer.octets.extend(said);
            match event {
                Some(event) => self.on_event(event, faults, &mut answer),
                None if is_still => return answer,
                None => {}
            }
            if !matches!(answer.then, Then::GoOn) {
                return answer;
            }
        }
    }

    /// All that waits in the machine.
    pub(super) fn transmit(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(octets) = self.machine.poll_transmit() {
            let count = octets.len();
            all.extend_from_slice(octets);
            self.machine.handle_transmitted(count);
        }
        all
    }

    fn on_event(&mut self, event: Event<'static>, faults: &[Fault], answer: &mut Answer) {
        match event {
            Event::Login(login) => self.on_login(login, answer),
            Event::SaslResponse(response) => self.on_sasl_response(response.expose(), answer),
            Event::SaslCancelled => self.exchange = None,
            Event::Retrieve { number, extent } => {
                let is_whole = faults.contains(&Fault::Whole);
                let is_sent = self.on_retrieve(number, extent, is_whole, &mut answer.octets);
                answer.octets.extend(self.transmit());
                if is_sent && faults.contains(&Fault::Delete) {
                    self.mark(number);
                }
            }
            Event::StartTls => self.on_start_tls(answer),
            Event::Update { deletions, retrieved } => {
                let removes = !faults.contains(&Fault::RemoveNothing);
                self.on_update(&deletions, &retrieved, removes);
            }
            Event::Close(reason) => answer.then = Then::Close(end(reason)),
            // The core has learnt to ask something else: nothing is right that could be said to it.
            event => answer.then = Then::Close(End::Misbehaved(format!("cannot handle {event:?}"))),
        }
        answer.octets.extend(self.transmit());
    }

    fn on_start_tls(&mut self, answer: &mut Answer) {
        answer.then = Then::BeginTls;
        // RFC 2595 section 4: what came behind STLS in clear is for the machine to refuse.
        let mut behind = self.wire.input.as_slice();
        if let Err(error) = self.machine.next_event(&mut behind) {
            answer.octets.clear();
            answer.then = Then::Close(End::Misbehaved(error.to_string()));
        }
    }

    // ---- messages ----

    /// Whether it could be read. With `is_whole` all of it is sent, whatever was asked for.
    fn on_retrieve(
        &mut self,
        number: MessageNumber,
        extent: Extent,
        is_whole: bool,
        octets: &mut Vec<u8>,
    ) -> bool {
        let body = self.opened.as_ref().and_then(|opened| opened.read(number).ok());
        let mut stored = Vec::new();
        let is_read = body.is_some_and(|mut body| body.read_to_end(&mut stored).is_ok());
        if !is_read {
            let _ = self.machine.refuse_message(Some(ResponseCode::SysTemp));
            return false;
        }
        let Ok(mut encoder) = self.machine.begin_message() else { return false };
        octets.extend(self.transmit());
        if is_whole {
            encoder = BodyEncoder::whole();
        }
        encoder.encode(&stored).for_each(|slice| octets.extend_from_slice(slice));
        let _ = self.machine.end_message(encoder);
        let message = self.handled(number);
        self.wire.note(|record| match extent {
            Extent::Whole => record.retrieved.extend(message),
            Extent::Top { .. } => record.topped.extend(message),
        });
        true
    }

    fn handled(&self, number: MessageNumber) -> Option<HandledMessage> {
        handled(self.opened.as_ref()?, number)
    }

    /// Marks a message as deleted behind the client's back.
    fn mark(&mut self, number: MessageNumber) {
        let answer = self.carry_out(format!("DELE {number}\r\n").as_bytes(), &[]);
        self.unheard.insert(number, answer.octets);
    }

    /// DELE and RSET are the machine's alone; what came of them shows in its answer.
    fn note_marks(&mut self, line: &[u8], answer: &[u8]) {
        if !answer.starts_with(b"+OK") || self.machine.state() != SessionState::Transaction {
            return;
        }
        if without_end(line).trim_ascii().eq_ignore_ascii_case(b"RSET") {
            self.unheard.clear();
            self.wire.note(|record| record.marked.clear());
        }
        if let Some(message) = dele(line).and_then(|number| self.handled(number)) {
            self.wire.note(|record| {
                record.marked.push(message);
                record.marked.sort_unstable();
            });
        }
    }

    // ---- UPDATE ----

    fn on_update(&mut self, deletions: &Deletions, retrieved: &Retrieved, removes: bool) {
        let Some(opened) = self.opened.take() else {
            let _ = self.machine.finish_update(UpdateOutcome::SomeNotRemoved);
            return;
        };
        if !removes {
            drop(opened);
            let _ = self.machine.finish_update(UpdateOutcome::Removed);
            return;
        }
        let removed: Vec<_> =
            deletions.numbers().iter().filter_map(|number| handled(&opened, *number)).collect();
        let outcome = match opened.update(deletions, retrieved) {
            Ok(()) => {
                self.wire.note(|record: &mut SessionRecord| record.removed = removed);
                UpdateOutcome::Removed
            }
            Err(_) => UpdateOutcome::SomeNotRemoved,
        };
        let _ = self.machine.finish_update(outcome);
    }
}

fn handled(opened: &OpenMemory, number: MessageNumber) -> Option<HandledMessage> {
    let maildrop = opened.maildrop();
    let info = maildrop.messages().get(number.index())?;
    Some(HandledMessage { number: number.value(), unique_id: info.unique_id.as_str().to_owned() })
}

/// The message that a line of the client wants to be marked.
fn dele(line: &[u8]) -> Option<MessageNumber> {
    let text = without_end(line).trim_ascii().to_ascii_uppercase();
    let number = std::str::from_utf8(text.strip_prefix(b"DELE ")?).ok()?;
    MessageNumber::new(number.trim().parse().ok()?).ok()
}

fn end(reason: CloseReason) -> End {
    match reason {
        CloseReason::Quit => End::Quit,
        CloseReason::Eof => End::Eof,
        CloseReason::Autologout => End::Autologout,
        CloseReason::FailedLogins => End::FailedLogins,
        CloseReason::TooManyErrors => End::TooManyErrors,
        _ => End::Stopped,
    }
}
